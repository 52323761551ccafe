"""`anpr watch`: lists of plates that somebody waits for."""

import csv
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from anpr import watch_lists as pure
from anpr.errors import BadWatchList
from anpr.watch_lists import LEVELS, LONGEST_NOTE, Tolerance, WatchEntry, WatchRow
from cli import searches, settings
from cli.options import TIME_HELP, migrated_database, moment
from cli.searches import AsOption, ReasonOption
from cli.settings import ConfigOption
from storage import watch_lists

app = typer.Typer(help="Lists of plates that somebody waits for.", no_args_is_help=True)

_TOLERANCES = "exact; look-alike: one character taken for a similar one; slip: or an I or 1 more or fewer; two: or two"


def _plate(text: str) -> str:
    try:
        return pure.checked_plate(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


def _list_name(text: str) -> str:
    if not text.strip() or len(text) > 64:
        raise typer.BadParameter("the name of a list has 1 to 64 characters")
    return text.strip()


Plates = Annotated[list[str], typer.Argument(parser=_plate, metavar="PLATE...", help="as it is written or read")]
ListName = Annotated[str, typer.Option("--list", parser=_list_name, metavar="NAME", help="name of the list")]
MisreadsOption = Annotated[
    Tolerance, typer.Option("--tolerance", case_sensitive=False, help=f"which misreads count: {_TOLERANCES}")
]


@app.callback()
def _group() -> None:
    """Lists of plates that somebody waits for."""


@app.command("add")
def add(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    plates: Plates,
    name: ListName,
    tolerance: MisreadsOption = Tolerance.LOOK_ALIKE,
    note: Annotated[str, typer.Option(help="why, or what the car looks like; is told with each hit")] = "",
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"forget it then, {TIME_HELP}")
    ] = None,
    who: AsOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Wait for plates. One that is on the list already takes what is said now.

    Passings from now on are looked at. That somebody waits for a plate is recorded like a search for it.
    """
    if len(note) > LONGEST_NOTE:
        raise typer.BadParameter(f"has more than {LONGEST_NOTE} characters", param_hint="--note")
    if until is not None and until <= datetime.now(UTC):
        raise typer.BadParameter("is in the past", param_hint="--until")
    rows = [WatchRow(number=0, plate=plate, tolerance=tolerance, note=note, until=until) for plate in plates]
    with migrated_database(config) as database:
        keeping = settings.load(config).retention
        for plate in plates:
            searches.record(database, keeping, command="watch add", plate=plate, who=who, reason=reason)
        with database.transaction() as conn:
            watch_lists.add(conn, name, rows, by=who or searches.account())
    print(f"{name}: waits for {_counted(len(plates))}, {tolerance.value}")


@app.command("remove")
def remove(
    name: ListName,
    plates: Annotated[
        list[str] | None, typer.Argument(parser=_plate, metavar="[PLATE]...", help="which; needed unless --all")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="all plates of the list")] = False,
    config: ConfigOption = None,
) -> None:
    """Wait for plates no longer, and forget which passings were taken for them."""
    if bool(plates) == is_all:
        raise typer.BadParameter("name the plates, or say --all")
    with migrated_database(config) as database, database.transaction() as conn:
        count = watch_lists.remove(conn, name, None if is_all else plates)
    print(f"{name}: {_counted(count)} removed")


@app.command("list")
def list_command(
    name: Annotated[str | None, typer.Option("--list", metavar="NAME", help="this list alone")] = None,
    output: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table; csv, as `import` takes it; json")
    ] = "table",
    config: ConfigOption = None,
) -> None:
    """Show who is waited for."""
    with migrated_database(config) as database, database.transaction() as conn:
        entries = watch_lists.entries(conn, name)
    if output == "table":
        _show(entries)
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(pure.COLUMNS)
        writer.writerows((one.plate, one.tolerance.value, one.note, _iso(one.until) or "") for one in entries)
    else:
        for one in entries:
            print(json.dumps(_plain(one), ensure_ascii=False))


@app.command("import")
def import_command(  # noqa: PLR0917
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a first line that names its columns")],
    name: ListName,
    tolerance: MisreadsOption = Tolerance.LOOK_ALIKE,
    replace: Annotated[bool, typer.Option("--replace", help="plates that the file lacks are removed")] = False,
    who: AsOption = None,
    config: ConfigOption = None,
) -> None:
    """Put the plates of a CSV file on a list.

    Its columns are `plate` and, where it has them, `tolerance`, `note` and `until`; **--tolerance** is that of lines
    that say none. All or nothing: a file with a wrong line changes nothing.
    """
    try:
        with file.open(encoding="utf-8", newline="") as text:
            rows = pure.rows(text, where=str(file), tolerance=tolerance)
    except OSError as exc:
        raise BadWatchList(f"{file}: cannot be read: {exc.strerror}") from exc
    with migrated_database(config) as database, database.transaction() as conn:
        gone = 0
        if replace:
            kept = {row.plate for row in rows}
            others = [one.plate for one in watch_lists.entries(conn, name) if one.plate not in kept]
            gone = watch_lists.remove(conn, name, others)
        watch_lists.add(conn, name, rows, by=who or searches.account())
    print(f"{name}: waits for {_counted(len(rows))} of {file}" + (f"; {gone} removed" if replace else ""))


@app.command("explain")
def explain(
    plate: Annotated[str, typer.Argument(parser=_plate, metavar="PLATE", help="a plate that is to be waited for")],
    tolerance: MisreadsOption = Tolerance.LOOK_ALIKE,
) -> None:
    """Show which readings a tolerance takes for a plate. Each may be the plate of somebody else."""
    found = pure.accepted(plate, tolerance)
    counts = Counter(found.values())
    for level in LEVELS[: LEVELS.index(tolerance) + 1]:
        texts = sorted(text for text, how in found.items() if how is level)
        print(f"{level.value} ({counts[level]}): {' '.join(texts)}")
    print(f"{_counted(len(found))} in all")


def _show(entries: list[WatchEntry]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("list", "plate", "tolerance", "note", "until", "added by", "added"):
        table.add_column(column, overflow="fold")
    for one in entries:
        until = "" if one.until is None else f"{one.until.astimezone():%Y-%m-%d %H:%M}"
        added = f"{one.added_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(
            escape(one.list), one.plate, one.tolerance.value, escape(one.note), until, escape(one.added_by), added
        )
    Console().print(table)


def _plain(entry: WatchEntry) -> dict[str, Any]:
    return {
        "list": entry.list,
        "plate": entry.plate,
        "tolerance": entry.tolerance.value,
        "note": entry.note,
        "until": _iso(entry.until),
        "added_by": entry.added_by,
        "added_at": _iso(entry.added_at),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _counted(number: int) -> str:
    return "1 plate" if number == 1 else f"{number} plates"
