"""`anpr correct`: say what the plate of an event really is."""

from typing import Annotated

import typer

from anpr.errors import BadInput
from cli.options import migrated_database
from cli.settings import ConfigOption
from storage import corrections


def correct(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    event: Annotated[int, typer.Argument(metavar="EVENT", help="its id, listed by `anpr events`")],
    who: Annotated[str, typer.Option("--as", metavar="NAME", help="who says so, for the record")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="why, for the record")],
    plate: Annotated[str | None, typer.Argument(metavar="[PLATE]", help="what it says in the picture")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="go by the vote again")] = False,
    config: ConfigOption = None,
) -> None:
    """Correct the plate of an event, which a check worker then judges again: by that plate, and no other reading.

    What was read and voted stays as it is, and so do the earlier verdicts. Of several corrections the last counts.
    """
    if (plate is None) != withdraw:
        raise BadInput("give either the PLATE that it is, or --withdraw")
    with migrated_database(config) as database, database.transaction() as conn:
        corrections.add(conn, event, plate, who=who, reason=reason)
    what = "the vote" if plate is None else "the corrected plate"
    print(f"Event {event} is judged again by {what} as soon as a check worker runs.")
