"""`anpr events`: what passed, and what it was judged."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from anpr.errors import BadInput
from anpr.types import PlateEvent, VerdictStatus
from api.forms import EVENT_COLUMNS, country_columns
from cli import searches, settings
from cli.options import TIME_HELP, migrated_database, moment
from cli.searches import AsOption, ReasonOption
from cli.settings import ConfigOption, DataDirOption
from storage import event_search
from storage.event_search import EventSearch, Match
from storage.plate_events import EventRow


def events(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    plate: Annotated[
        str | None, typer.Option(help="plate; * stands for any characters, ? for one, such as 1A2*")
    ] = None,
    match: Annotated[
        Match | None, typer.Option(help="how it is looked for [default: wildcard where it has * or ?, else exact]")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="name of the camera")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"first seen then or later, {TIME_HELP}")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="first seen before then")
    ] = None,
    verdict: Annotated[VerdictStatus | None, typer.Option(case_sensitive=False, help="verdict in force")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 100,
    output: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table; csv with a header; json: one a line")
    ] = "table",
    who: AsOption = None,
    reason: ReasonOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List plate events with their verdicts, newest first.

    Times in csv and json are UTC. An event that is still open has no verdict yet; one that was erased has no plate any
    more. **--match prefix** finds what begins so, **fuzzy** what is one character more, fewer or different away, or
    two look-alikes such as 0 and O. **→** leads to what somebody corrected a plate to, **?** marks a country that is
    less than 90 % sure. A search by plate is recorded.
    """
    if plate is None and match is not None:
        raise BadInput("--match says how a plate is looked for, but there is no --plate")
    if since is not None and until is not None and since > until:
        raise BadInput("--since is later than --until")
    wanted = EventSearch(
        plate=None if plate is None else event_search.plate_query(plate, match),
        cameras=None if camera is None else [camera],
        since=since,
        until=until,
        verdicts=None if verdict is None else [verdict],
    )
    with migrated_database(config, data_dir) as database:
        if wanted.plate is not None:
            keeping = settings.load(config).retention
            searches.record(database, keeping, command="events", plate=wanted.plate.text, who=who, reason=reason)
        with database.transaction() as conn:
            rows = event_search.search(conn, wanted, limit=limit)
    if output == "table":
        from cli.report.table import events_table  # noqa: PLC0415 (loads the decoder)

        Console().print(events_table(rows))
    elif output == "csv":
        _write_csv(rows)
    else:
        for row in rows:
            print(json.dumps(_plain(row) | _lists(row.event), ensure_ascii=False))
    sys.stdout.flush()  # here, where a reader that has gone away (`| head`) ends us quietly


def _write_csv(rows: Sequence[EventRow]) -> None:
    writer = csv.DictWriter(sys.stdout, EVENT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(row) for row in rows)


def _lists(event: PlateEvent) -> dict[str, Any]:
    candidates = [{"text": one.text, "confidence": _rounded(one.confidence)} for one in event.candidates]
    regions = [{"country": one.country, "probability": _rounded(one.probability)} for one in event.regions]
    return {"candidates": candidates, "regions": regions}


def _plain(row: EventRow) -> dict[str, Any]:
    event = row.event
    return {
        "id": event.id,
        "camera": event.camera,
        "plate": event.plate,
        "corrected_plate": event.corrected_plate,
        "confidence": _rounded(event.confidence),
        "reads": event.reads,
        "agreeing": event.agreeing,
        "first_seen": event.first_seen.astimezone(UTC).isoformat(),
        "last_seen": event.last_seen.astimezone(UTC).isoformat(),
        "toll_country": event.toll_country,
        "state": event.state,
        "verdict": None if row.status is None else row.status.value,
        "reason": row.reason,
        "picture": row.picture,
    } | country_columns(event)


def _rounded(confidence: float) -> float:
    return round(confidence, 4)
