"""Vignette lists: the lines of a CSV file → checked rows."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Literal

from anpr.errors import BadRegistry
from anpr.plates import normalise
from anpr.vignettes import ZONES, period

COLUMNS = ("toll_country", "plate", "plate_country", "kind", "valid_from", "valid_to")
FACTS = ("vehicle_category", "bought_at", "source")  # columns that a list may have besides
OPTIONAL = ("toll_country", "plate_country")
LONGEST_KIND = 40
LONGEST_FACT = 100
MOST_TOLD = 5  # wrong lines that an error names; their number tells of the others

# Lists say "for ever" as 9999-12-31, and "always" as 0001-01-01: neither survives a change of zone.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
# Registries write the end of a day or hour as its last second or minute.
_INCLUSIVE = {(59, 59): timedelta(seconds=1), (59, 0): timedelta(minutes=1)}
_NOTHING = timedelta(0)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_COUNTRY = re.compile(r"[A-Z]{0,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VignetteRow:
    """A line of a vignette list, checked; valid in [valid_from, valid_to), both in UTC."""

    toll_country: str
    plate: str
    plate_country: str
    kind: str
    valid_from: datetime
    valid_to: datetime
    vehicle_category: str = ""
    bought_at: datetime | None = None
    source: str = ""


def rows(
    lines: Iterable[str], *, where: str, country: str | None = None, only: str | None = None
) -> Iterator[VignetteRow]:
    """The vignettes of a list, one after the other.

    The first line names the columns: those of COLUMNS in any order, separated by commas or semicolons; `plate_country`
    may be left out, and `toll_country` where `country` says which it is (it also fills empty fields). Columns of FACTS
    may be added, and their fields may be empty. A date holds for the whole day in the toll country's zone, so
    `valid_to` is the last valid day; a date-time with zone is the moment itself, but a `valid_to` that names the last
    minute or second of an hour (23:59, 23:59:59) includes it. With `only`, lines of other toll countries are passed
    over, right or wrong.

    Raises BadRegistry after the last line where any was wrong, so nothing counts before the end is reached; the text
    names `where`, the first wrong lines and how many there are.
    """
    lines = iter(lines)
    wrong: list[str] = []
    count = good = 0
    try:
        header = next(lines, "").removeprefix("\ufeff")
        delimiter = ";" if ";" in header else ","
        reader = csv.reader(chain([header], lines), delimiter=delimiter)
        places = _places(next(reader, list[str]()), where=where, country=country)
        for fields in reader:
            if not any(fields):
                continue
            try:
                if only is not None and _toll_country(fields, places, country) != only:
                    continue
                yield _row(fields, places, country)
                good += 1
            except ValueError as exc:
                count += 1
                if len(wrong) < MOST_TOLD:
                    wrong.append(f"line {reader.line_num}: {exc}")
    except csv.Error as exc:
        raise BadRegistry(f"{where}: not CSV: {exc}") from exc
    except UnicodeDecodeError as exc:
        raise BadRegistry(f"{where}: a vignette list is UTF-8 text: {exc.reason}") from exc
    if count:
        lines_are = "1 line is" if count == 1 else f"{count} lines are"
        more = "" if count == len(wrong) else "; …"
        raise BadRegistry(f"{where}: {lines_are} wrong: {'; '.join(wrong)}{more}")
    if not good:
        raise BadRegistry(f"{where}: holds no vignette; an empty list would put every car under suspicion")


def _places(header: list[str], *, where: str, country: str | None) -> dict[str, int]:
    """Column → place in a line."""
    names = [name.strip().lower() for name in header]
    optional = OPTIONAL if country else ("plate_country",)
    unknown = [name or "(no name)" for name in names if name not in COLUMNS + FACTS]
    missing = [name for name in COLUMNS if name not in names and name not in optional]
    if not any(names):
        raise BadRegistry(f"{where}: the first line must name the columns: {','.join(COLUMNS)}")
    if unknown:
        raise BadRegistry(f"{where}: unknown column {', '.join(unknown)}; known are {', '.join(COLUMNS + FACTS)}")
    if missing == ["toll_country"]:
        raise BadRegistry(f"{where}: no column toll_country: add it, or say --country")
    if missing:
        raise BadRegistry(f"{where}: no column {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise BadRegistry(f"{where}: a column is there twice: {', '.join(names)}")
    return {name: place for place, name in enumerate(names)}


def _toll_country(fields: list[str], places: dict[str, int], country: str | None) -> str:
    if len(fields) != len(places):
        raise ValueError(f"{len(fields)} columns where the first line has {len(places)}")
    given = fields[places["toll_country"]].strip().upper() if "toll_country" in places else ""
    return given or country or ""


def _row(fields: list[str], places: dict[str, int], country: str | None) -> VignetteRow:
    """Raises ValueError with what is wrong with the line."""
    toll_country = _toll_country(fields, places, country)
    told = {name: fields[place].strip() for name, place in places.items()}
    if toll_country not in ZONES:
        raise ValueError(f'toll_country "{toll_country[:40]}" is none of {", ".join(ZONES)}')
    plate_country = told.get("plate_country", "").upper()
    if not _COUNTRY.fullmatch(plate_country):
        raise ValueError(f'plate_country "{plate_country[:40]}" is no country code such as SK')
    plate = normalise(told["plate"])
    if not plate:
        raise ValueError(f'plate "{told["plate"][:40]}" holds no letter or digit')
    kind = told["kind"].lower()
    if not kind or len(kind) > LONGEST_KIND or not kind.isprintable():
        raise ValueError(f"kind {told['kind'][:LONGEST_KIND]!r} is no short name such as 10-day or exempt")
    valid_from = _moment(told["valid_from"], toll_country, "valid_from")
    valid_to = _moment(told["valid_to"], toll_country, "valid_to")
    if valid_to <= valid_from:
        how = "equals" if told["valid_to"] == told["valid_from"] else "lies before"
        raise ValueError(f"valid_to {told['valid_to']} {how} valid_from {told['valid_from']}")
    bought_at = told.get("bought_at", "")
    return VignetteRow(
        toll_country=toll_country,
        plate=plate,
        plate_country=plate_country,
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
        vehicle_category=_fact(told, "vehicle_category"),
        bought_at=_moment(bought_at, toll_country, "bought_at") if bought_at else None,
        source=_fact(told, "source"),
    )


def _fact(told: dict[str, str], column: Literal["vehicle_category", "source"]) -> str:
    text = told.get(column, "")
    if len(text) > LONGEST_FACT or not (text.isprintable() or not text):
        raise ValueError(f"{column} {text[:LONGEST_KIND]!r} is no text of up to {LONGEST_FACT} characters")
    return text


@lru_cache(maxsize=10_000)  # a list of a million vignettes has a few hundred dates
def _moment(text: str, country: str, column: Literal["valid_from", "valid_to", "bought_at"]) -> datetime:
    try:
        if _DATE.fullmatch(text):
            day = min(max(date.fromisoformat(text), EARLIEST.date()), LATEST.date())
            first, end = period(country, day, day)
            return (end if column == "valid_to" else first).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f'{column} "{text[:40]}" is neither a date (2026-05-01) nor a time with zone (2026-05-01T08:00+02:00)'
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{column} {text} has no zone (such as 2026-05-01T08:00+02:00)")
    moment = min(max(moment, EARLIEST), LATEST)
    if column == "valid_to":
        moment += _INCLUSIVE.get((moment.minute, moment.second), _NOTHING)
    return moment.astimezone(UTC)
