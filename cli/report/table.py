"""Plate events as a table for the terminal."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text

from anpr.tones import Tone, tone_of, words_of
from anpr.types import PlateEvent
from anpr.vignettes import ZONES
from storage.plate_events import EventRow

SURE = 0.9  # probability from which a plate's country goes without a question mark
STYLES: dict[Tone, str] = {"good": "bold green", "unsure": "bold yellow", "bad": "bold red", "open": "dim"}


def events_table(rows: Sequence[EventRow]) -> Table:
    """One line an event in the order given; times are those of the toll country.

    A day that all events share stands in the title rather than in each line.
    """
    days = {local(row.event.first_seen, row.event.toll_country).date() for row in rows}
    is_one_day = len(days) == 1
    title = f"{len(rows)} plate event{'' if len(rows) == 1 else 's'}" + (f", {days.pop()}" if is_one_day else "")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("id", justify="right", no_wrap=True, style="dim")
    table.add_column("time", no_wrap=True)
    table.add_column("camera", no_wrap=True, max_width=20)
    table.add_column("plate", no_wrap=True, style="bold")
    table.add_column("of", no_wrap=True)
    table.add_column("conf.", justify="right", no_wrap=True)
    table.add_column("reads", justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in rows:
        event = row.event
        passed = local(event.first_seen, event.toll_country)
        table.add_row(
            str(event.id),
            f"{passed:%H:%M:%S}" if is_one_day else f"{passed:%Y-%m-%d %H:%M:%S}",
            Text(event.camera),
            Text(_plate(event)),
            Text(country(event)),
            percent(event.confidence),
            agreement(event),
            _verdict(row),
        )
    return table


def _plate(event: PlateEvent) -> str:
    return f"{event.plate}→{event.corrected_plate}" if event.corrected_plate else event.plate or "–"


def country(event: PlateEvent) -> str:
    """The likeliest country of the plate: "CZ", or "CZ?" where that is not SURE; nothing where it is none we know."""
    likeliest = event.regions[0] if event.regions else None
    if likeliest is None or not likeliest.country:
        return ""
    return likeliest.country if likeliest.probability >= SURE else f"{likeliest.country}?"


def _verdict(row: EventRow) -> Text:
    """The status and its reason: in one column, they leave narrow terminals room for both."""
    reason = row.reason or ("still passing" if row.event.state == "open" else "")
    return Text.assemble((words_of(row.status), STYLES[tone_of(row.status)]), f"  {reason}" if reason else "")


def local(moment: datetime, toll_country: str) -> datetime:
    """The moment in the toll country's zone; in UTC for a country this version does not know."""
    return moment.astimezone(ZoneInfo(ZONES.get(toll_country, "UTC")))


def percent(share: float) -> str:
    """0.974 as "97 %"; only a certainty is "100 %", and only nothing at all "0 %"."""
    whole = round(100 * share)
    if 0 < share < 1:
        whole = min(99, max(1, whole))
    return f"{whole} %"


def agreement(event: PlateEvent) -> str:
    """Reads that agree on the plate, of all reads of the event, for example "9/11"."""
    return f"{event.agreeing}/{event.reads}"
