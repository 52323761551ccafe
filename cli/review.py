"""`anpr review`: people look at cases, each without knowing what others said."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anpr.cases import OPEN, Answer, CaseState, Review, wilson
from anpr.errors import BadInput
from cli import searches, settings
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.searches import ReasonOption
from cli.settings import ConfigOption
from storage import cases, reviews, suspicions
from storage.cases import CaseFilter, CaseRow
from storage.reviews import Outcomes, Shown, ShownEvent

app = typer.Typer(help="People look at suspected cars.", no_args_is_help=True)

CaseArgument = Annotated[int, typer.Argument(metavar="CASE", help="its number")]
ReviewerOption = Annotated[str | None, typer.Option("--as", metavar="NAME", help="who reviews [default: the account]")]
TextOrJson = Annotated[Literal["text", "json"], typer.Option("--format", help="text or json")]
TableOrJson = Annotated[Literal["table", "json"], typer.Option("--format", help="table; json: an object a line")]
SeenPlate = Annotated[str, typer.Option("--plate", metavar="TEXT", help="the plate that the pictures show")]
WhyOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="why, without the plate")]


@app.callback()
def _group() -> None:
    """People look at suspected cars."""


@app.command("next")
def next_command(who: ReviewerOption = None, output: TextOrJson = "text", config: ConfigOption = None) -> None:
    """Hand out the next case, to one person alone for a while: its passings and pictures, not its plate.

    Exit status: **1** where there is none.
    """
    loaded = settings.load(config)
    with migrated_database(config) as database, database.transaction() as conn:
        shown = reviews.claim(conn, who or searches.account(), hold_s=loaded.cases.claim_s, now=datetime.now(UTC))
    if shown is None:
        print("null" if output == "json" else "No case waits for you.")
        raise typer.Exit(1)
    directory = Path(loaded.evidence_dir).absolute()
    if output == "json":
        print(json.dumps(_plain(shown, directory), ensure_ascii=False))
        return
    print(f"Case {shown.case_id}: {shown.toll_country}, {_period(shown)}. Yours until {shown.until:%H:%M} UTC.")
    for event in shown.events:
        print("\n".join(_told(event, directory)))


def _told(event: ShownEvent, directory: Path) -> list[str]:
    seen = f"{event.first_seen.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    told = [f'Event {event.event_id}: camera "{event.camera}", {seen}, {event.agreeing} of {event.reads} looks agree']
    return [*told, f"  {event.reason}", *(f"  {directory / path}" for path in event.pictures)]


@app.command("confirm")
def confirm_command(
    case: CaseArgument,
    plate: SeenPlate,
    who: ReviewerOption = None,
    reason: WhyOption = "",
    config: ConfigOption = None,
) -> None:
    """Say that the pictures show a car of this plate, and nothing in them speaks for its driver."""
    _answer(config, case, _review(who, Answer.CONFIRM, plate), reason)


@app.command("overturn")
def overturn_command(
    case: CaseArgument,
    reason: WhyOption,
    plate: SeenPlate = "",
    who: ReviewerOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that the suspicion is wrong, and why."""
    _answer(config, case, _review(who, Answer.OVERTURN, plate), reason)


@app.command("unreadable")
def unreadable_command(
    case: CaseArgument, who: ReviewerOption = None, reason: WhyOption = "", config: ConfigOption = None
) -> None:
    """Say that the pictures do not tell."""
    _answer(config, case, _review(who, Answer.UNREADABLE), reason)


_TOLD = {
    CaseState.IN_REVIEW: "a second person is asked",
    CaseState.DISPUTED: "two people disagree, a third is asked",
    CaseState.PENDING: "people are asked",
}


def _answer(config: Path | None, case: int, review: Review, reason: str) -> None:
    with migrated_database(config) as database, database.transaction() as conn:
        state = reviews.answer(conn, case, review, reason=reason.strip(), now=datetime.now(UTC))
    print(f"Case {case}: {_TOLD.get(state, state.value)}.")


def _review(who: str | None, answer: Answer, plate: str = "") -> Review:
    return Review(reviewer=who or searches.account(), answer=answer, plate=plate)


@app.command("list")
def list_command(
    state: Annotated[list[CaseState] | None, typer.Option(help="may be repeated [default: open ones]")] = None,
    country: TollCountry = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 100,
    output: TableOrJson = "table",
    config: ConfigOption = None,
) -> None:
    """List cases without their plates, newest period first."""
    wanted = CaseFilter(states=state or OPEN, toll_country=country)
    with migrated_database(config) as database, database.transaction() as conn:
        rows = cases.find(conn, wanted, limit=limit)
    if output == "json":
        for row in rows:
            print(json.dumps(_listed(row), ensure_ascii=False))
        return
    table = _table(f"{len(rows)} case{'' if len(rows) == 1 else 's'}")
    for name in ("case", "state", "country", "period", "passings", "cameras", "answers", "with"):
        table.add_column(name, overflow="fold")
    for row in rows:
        counted = (str(len(row.event_ids)), Text(", ".join(row.cameras)), str(row.answers))
        table.add_row(str(row.id), row.state, row.toll_country, _period(row), *counted, Text(row.claimed_by or ""))
    Console().print(table)


@app.command("show")
def show_command(
    case: CaseArgument,
    output: TextOrJson = "text",
    who: ReviewerOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a case with its history. While people are asked about it, neither its plate nor their answers are shown."""
    loaded = settings.load(config)
    with migrated_database(config) as database:
        with database.transaction() as conn:
            row = cases.get(conn, case)
            if row is None:
                raise BadInput(f"there is no case {case}")
            history, answers = cases.history(conn, case), reviews.answers(conn, case)
            events = reviews.events_of(conn, case)
        if row.plate:
            keeping = loaded.retention
            searches.record(database, keeping, command="review", plate=row.plate, who=who, reason=reason)
    directory = Path(loaded.evidence_dir).absolute()
    if output == "json":
        told = {
            "plate": row.plate,
            "events": [_event(one, directory) for one in events],
            "answers": [_dated(asdict(one)) for one in answers],
            "history": [_dated(asdict(one)) for one in history],
        }
        print(json.dumps(_listed(row) | told, ensure_ascii=False))
        return
    print(f"Case {row.id}: {row.toll_country}, {_period(row)}, {row.state}{f', {row.plate}' if row.plate else ''}")
    for event in events:
        print("\n".join(_told(event, directory)))
    for one in answers:
        said = " ".join(part for part in (one.answer, one.plate, f"({one.reason})" if one.reason else "") if part)
        print(f"{_minute(one.answered_at)}, {one.reviewer}: {said}")
    for change in history:
        what = f"event {change.event_id}: {change.what}" if change.event_id else change.what
        by = f"by {change.who}" if change.who else ""
        print(f"{_minute(change.changed_at)}, {', '.join(part for part in (what, by, change.why) if part)}")


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@app.command("waiting")
def waiting_command(output: TableOrJson = "table", config: ConfigOption = None) -> None:
    """Tell how many suspicions are no case yet, and what they wait for."""
    with migrated_database(config) as database, database.transaction() as conn:
        rows = suspicions.waiting(conn)
    if output == "json":
        for row in rows:
            print(json.dumps(_dated(asdict(row)), ensure_ascii=False))
        return
    table = _table(f"{sum(row.count for row in rows)} suspicions wait")
    for name in ("country", "passings", "for", "next look"):
        table.add_column(name, overflow="fold")
    for row in rows:
        at = "" if row.next_at is None else _minute(row.next_at)
        table.add_row(row.toll_country, str(row.count), row.why or "a first look", at)
    Console().print(table)


@app.command("stats")
def stats_command(
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"periods that ended later, {TIME_HELP}")
    ] = None,
    output: TableOrJson = "table",
    config: ConfigOption = None,
) -> None:
    """Tell how many decided cases people overturned, by country and camera, with the 95 % interval of that share."""
    with migrated_database(config) as database, database.transaction() as conn:
        rows = reviews.outcomes(conn, since=since)
    if output == "json":
        for row in rows:
            print(json.dumps(_rated(row), ensure_ascii=False))
        return
    table = _table("overturned suspicions")
    for name in ("country", "camera", "open", "confirmed", "overturned", "unclear", "share", "95 %"):
        table.add_column(name, overflow="fold")
    for row in rows:
        rate = _rated(row)
        share = "–" if rate["share"] is None else f"{rate['share']:.1%}"
        within = "–" if rate["share"] is None else f"{rate['low']:.1%} to {rate['high']:.1%}"
        counts = (str(count) for count in (row.open, row.confirmed, row.overturned, row.unclear))
        table.add_row(row.toll_country, Text(row.camera or "all"), *counts, share, within)
    Console().print(table)


def _rated(row: Outcomes) -> dict[str, Any]:
    decided = row.confirmed + row.overturned
    low, high = wilson(row.overturned, decided)
    share = round(row.overturned / decided, 4) if decided else None
    return asdict(row) | {"share": share, "low": round(low, 4), "high": round(high, 4)}


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)


def _period(one: Shown | CaseRow) -> str:
    """The liability period by the day on which it began there, for people."""
    from cli.report.table import local  # noqa: PLC0415 (loads the decoder)

    first = local(one.period_from, one.toll_country).date()
    last = local(one.period_to, one.toll_country).date()
    return f"{first}" if (last - first).days == 1 else f"{first} to {last}"


def _plain(shown: Shown, directory: Path) -> dict[str, Any]:
    told = {key: value for key, value in asdict(shown).items() if key != "events"}
    return _dated(told) | {"events": [_event(one, directory) for one in shown.events]}


def _event(event: ShownEvent, directory: Path) -> dict[str, Any]:
    return _dated(asdict(event)) | {"pictures": [str(directory / path) for path in event.pictures]}


def _listed(row: CaseRow) -> dict[str, Any]:
    return _dated({key: value for key, value in asdict(row).items() if key != "plate"})


def _dated(told: dict[str, Any]) -> dict[str, Any]:
    """Times as text, in UTC."""
    return {
        key: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for key, value in told.items()
    }
