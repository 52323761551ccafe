"""`anpr cases`: what people confirmed, for those who act on it."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anpr.cases import CaseState
from anpr.plates import normalise
from cli import searches, settings
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.searches import AsOption, ReasonOption
from cli.settings import ConfigOption
from storage import cases as stored
from storage.cases import CaseFilter, CaseRow

CSV_COLUMNS: tuple[str, ...] = (
    "id",
    "toll_country",
    "plate",
    "period_from",
    "period_to",
    "state",
    "opened_at",
    "decided_at",
    "events",
    "cameras",
)


def cases(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    state: Annotated[list[CaseState] | None, typer.Option(help="may be repeated [default: confirmed]")] = None,
    country: TollCountry = None,
    plate: Annotated[str | None, typer.Option(help="the plate, whole")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"period ended later, {TIME_HELP}")
    ] = None,
    until: Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="period began before")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 10_000,
    output: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table; csv with a header; json: one a line")
    ] = "table",
    who: AsOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """List cases that people confirmed, or those of other states, newest period first.

    While people are asked about a case its plate is left out. Every listing is recorded like a search.
    """
    wanted = CaseFilter(
        states=state or (CaseState.CONFIRMED,),
        toll_country=country,
        plate=None if plate is None else normalise(plate),
        since=since,
        until=until,
    )
    with migrated_database(config) as database:
        keeping = settings.load(config).retention
        searches.record(database, keeping, command="cases", plate=wanted.plate or "*", who=who, reason=reason)
        with database.transaction() as conn:
            rows = stored.find(conn, wanted, limit=limit)
    if output == "table":
        Console().print(_table(rows))
    elif output == "csv":
        writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            _plain(row) | {"events": _joined(row.event_ids), "cameras": _joined(row.cameras)} for row in rows
        )
    else:
        for row in rows:
            print(json.dumps(_plain(row), ensure_ascii=False))
    sys.stdout.flush()  # here, where a reader that has gone away (`| head`) ends us quietly


def _table(rows: Sequence[CaseRow]) -> Table:
    from cli.report.table import local  # noqa: PLC0415 (loads the decoder)

    title = f"{len(rows)} case{'' if len(rows) == 1 else 's'}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for name in ("case", "country", "plate", "period from", "state", "passings", "cameras"):
        table.add_column(name, overflow="fold")
    for row in rows:
        day = local(row.period_from, row.toll_country).date()
        counted = (str(len(row.event_ids)), Text(", ".join(row.cameras)))
        table.add_row(str(row.id), row.toll_country, row.plate or "–", str(day), row.state, *counted)
    return table


def _plain(row: CaseRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "toll_country": row.toll_country,
        "plate": row.plate,
        "period_from": _utc(row.period_from),
        "period_to": _utc(row.period_to),
        "state": row.state.value,
        "opened_at": _utc(row.opened_at),
        "decided_at": None if row.decided_at is None else _utc(row.decided_at),
        "events": list(row.event_ids),
        "cameras": list(row.cameras),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _joined(values: Sequence[object]) -> str:
    return " ".join(map(str, values))
