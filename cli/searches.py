"""People who look a plate up are recorded: who, when, what and why."""

import os
import pwd
from typing import Annotated

import typer

from anpr.config import RetentionSettings
from storage import searches
from storage.db import Database

AsOption = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="who searches, for the record [default: the account]")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="why, for the record")]


def record(
    database: Database, keeping: RetentionSettings, *, command: str, plate: str, who: str | None, reason: str | None
) -> None:
    """Record the search of a plate before it is done; as `storage.searches.record` does it."""
    with database.transaction() as conn:
        searches.record(conn, keeping, who=who or account(), command=command, plate=plate, reason=reason or "")


def account() -> str:
    """The name of the account that runs this command."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number that has no name
        return f"uid {os.getuid()}"
