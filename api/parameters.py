"""Parameters that several routes share."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
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


async def known_alone(request: Request) -> None:
    """What every address of the API depends on: a parameter that it has not is told, lest a misspelt one finds all."""
    if not request.scope["path"].startswith("/api/"):  # pages of the dashboard read their own
        return
    declared = get_flat_params(request.scope["route"].dependant)
    known = sorted(one.alias for one in declared if isinstance(one.field_info, params.Query))
    there = f"these are: {', '.join(known)}" if known else "there are none"
    wrong = [name for name in request.query_params if name not in known]
    if wrong:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": f"is no parameter here; {there}"} for name in wrong]
        )


def in_order(since: datetime | None, until: datetime | None) -> None:
    """Raises BadInput where a period ends before it begins."""
    if since is not None and until is not None and since > until:
        raise BadInput("from, to: must be in this order")


def toll_country(code: str) -> str:
    """A toll country that is known, in capitals. Raises BadInput."""
    if code.upper() not in ZONES:
        raise BadInput(f"country: {code!r} is no toll country that is known: {', '.join(ZONES)}")
    return code.upper()
