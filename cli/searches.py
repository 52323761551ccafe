"""People who look a plate up are recorded: who, when, what and why."""

import os
import pwd
from typing import Annotated

import typer

from anpr.config import RetentionSettings
from anpr.errors import BadInput
from anpr.plates import normalise
from anpr.retention import pseudonym
from storage import searches
from storage.db import Database

AsOption = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="who searches, for the record [default: the account]")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="why, for the record")]


def record(
    database: Database, keeping: RetentionSettings, *, command: str, plate: str, who: str | None, reason: str | None
) -> None:
    """Record the search of a plate (normalised; `*` for any characters) before it is done.

    Raises BadInput where the reason names the plate: the record is kept longer than plates are.
    """
    known = [part for part in plate.split("*") if part]
    if reason and known and all(part in normalise(reason) for part in known):
        raise BadInput("--reason names the plate, and the record outlives plates: name a case number or the like")
    with database.transaction() as conn:
        searches.add(
            conn,
            who=who or _account(),
            command=command,
            plate=None if keeping.key else plate,
            pseudonym=pseudonym(keeping.key, plate) if keeping.key else None,
            reason=reason or "",
        )


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number that has no name
        return f"uid {os.getuid()}"
