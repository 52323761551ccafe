"""`anpr explain`: why an event got its verdict, in plain words."""

from typing import Annotated

import typer

from anpr import rule_packs
from anpr.errors import BadInput
from anpr.explain import explain as in_words
from cli.options import migrated_database
from cli.settings import ConfigOption
from storage import erasures, plate_events, verdicts


def explain(
    event: Annotated[int, typer.Argument(metavar="EVENT", help="its id, listed by `anpr events`")],
    config: ConfigOption = None,
) -> None:
    """Say in plain words what was seen, what follows from it and why, with the country's rules and where they stand.

    Exit status: **1** where the event has not been judged yet.
    """
    with migrated_database(config) as database, database.transaction() as conn:
        row = plate_events.get(conn, event)
        if row is None:
            raise BadInput(f"there is no event {event}")
        verdict = verdicts.in_force(conn, event)
        erased_at = erasures.erased_at(conn, event)
    if verdict is None:
        print(f"Event {event} has not been judged yet.")
        raise typer.Exit(1)
    if erased_at is not None:
        print(f"The verdict was {verdict.status}. What it was judged on was erased on {erased_at:%Y-%m-%d}.")
        return
    print(in_words(row.event, verdict, rule_packs.in_force(row.event.toll_country, row.event.first_seen)))
