"""Parameters that several routes share."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime

from anpr.errors import BadInput
from anpr.vignettes import ZONES
from storage.event_search import EARLIEST, LATEST


def _known_to_postgres(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("lies outside the years 1900 to 9998")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_known_to_postgres)]
# Postgres' text holds no NUL; what is longer is no name.
Name = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Reason = Annotated[
    str,
    Query(
        max_length=200,
        pattern=r"^[^\x00]*$",
        examples=["theft 12/26"],
        description="why you search, for the record; not the plate",
    ),
]


def toll_country(code: str) -> str:
    """A toll country that is known, in capitals. Raises BadInput."""
    if code.upper() not in ZONES:
        raise BadInput(f"country: {code!r} is no toll country that is known: {', '.join(ZONES)}")
    return code.upper()
