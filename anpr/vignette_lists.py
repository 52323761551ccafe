"""Vignette lists: the text of a CSV or JSON file → checked rows."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Literal

from anpr.errors import BadRegistry
from anpr.plates import normalise
from anpr.vignette_json import json_objects
from anpr.vignettes import ZONES, period

COLUMNS = ("toll_country", "plate", "plate_country", "kind", "valid_from", "valid_to")
FACTS = ("vehicle_category", "bought_at", "source")  # columns that a list may have besides
CHANGE = "change"  # a column of updates
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
    """An entry of a vignette list, checked; valid in [valid_from, valid_to), both in UTC."""

    toll_country: str
    plate: str
    plate_country: str
    kind: str
    valid_from: datetime
    valid_to: datetime
    vehicle_category: str = ""
    bought_at: datetime | None = None
    source: str = ""
    is_withdrawn: bool = False  # only in an update
    number: int = field(default=0, compare=False)  # of its line, or entry of JSON


Form = Literal["csv", "json"]
_Entry = tuple[int, dict[str, str] | str]  # its number, and its fields by column or what is wrong with it


def form_of(beginning: str) -> Form:
    """Whether a list that begins so is JSON (an array, or an object a line) or CSV."""
    return "json" if beginning.lstrip("\ufeff \t\r\n")[:1] in ("[", "{") else "csv"


def rows(
    text: Iterable[str],
    *,
    where: str,
    country: str | None = None,
    only: str | None = None,
    form: Form = "csv",
    changes: bool = False,
) -> Iterator[VignetteRow]:
    """The vignettes of a list, one after the other.

    `text` are the lines of a CSV file, or pieces of any length of a JSON one: an array of objects, or objects one
    after the other. The first line of CSV names the columns: those of COLUMNS in any order, separated by commas or
    semicolons; the objects of JSON hold texts by the same names. `plate_country` may be left out, and `toll_country`
    where `country` says which it is (it also fills empty fields). FACTS may be added, and may be empty. A date holds
    for the whole day in the toll country's zone, so `valid_to` is the last valid day; a date-time with zone is the
    moment itself, but a `valid_to` that names the last minute or second of an hour (23:59, 23:59:59) includes it. With
    `only`, entries of other toll countries are passed over, right or wrong. With `changes` they are those of an
    update: a column CHANGE may say `withdraw`.

    Raises BadRegistry after the last line where any was wrong, so nothing counts before the end is reached; the text
    names `where`, the first wrong lines (entries of JSON) and how many there are.
    """
    known = (*COLUMNS, *FACTS, CHANGE) if changes else COLUMNS + FACTS
    noun, more_nouns = ("entry", "entries") if form == "json" else ("line", "lines")
    wrong: list[str] = []
    count = good = 0
    try:
        entries = _json if form == "json" else _csv
        for number, told in entries(text, where=where, country=country, known=known):
            try:
                if isinstance(told, str):
                    raise ValueError(told)  # noqa: TRY004, TRY301 – the way of all that is wrong with an entry
                toll_country = told.get("toll_country", "").upper() or country or ""
                if only is not None and toll_country != only:
                    continue
                yield _row(number, told, toll_country)
                good += 1
            except ValueError as exc:
                count += 1
                if len(wrong) < MOST_TOLD:
                    wrong.append(f"{noun} {number}: {exc}")
    except csv.Error as exc:
        raise BadRegistry(f"{where}: not CSV: {exc}") from exc
    except UnicodeDecodeError as exc:
        raise BadRegistry(f"{where}: a vignette list is UTF-8 text: {exc.reason}") from exc
    if count:
        are = f"1 {noun} is" if count == 1 else f"{count} {more_nouns} are"
        more = "" if count == len(wrong) else "; …"
        raise BadRegistry(f"{where}: {are} wrong: {'; '.join(wrong)}{more}")
    if not good:
        raise BadRegistry(f"{where}: holds no vignette; an empty list would put every car under suspicion")


def _csv(text: Iterable[str], *, where: str, country: str | None, known: tuple[str, ...]) -> Iterator[_Entry]:
    lines = iter(text)
    header = next(lines, "").removeprefix("\ufeff")
    reader = csv.reader(chain([header], lines), delimiter=";" if ";" in header else ",")
    names = _names(next(reader, list[str]()), where=where, country=country, known=known)
    for fields in reader:
        if not any(fields):
            continue
        if len(fields) == len(names):
            yield reader.line_num, {name: field.strip() for name, field in zip(names, fields, strict=True)}
        else:
            yield reader.line_num, f"{len(fields)} columns where the first line has {len(names)}"


def _json(text: Iterable[str], *, where: str, country: str | None, known: tuple[str, ...]) -> Iterator[_Entry]:
    optional = OPTIONAL if country else ("plate_country",)
    required = [name for name in COLUMNS if name not in optional]
    for number, entry in json_objects(text, where=where):
        unknown = [name for name in entry if name not in known]
        missing = [name for name in required if name not in entry]
        no_text = [name for name, value in entry.items() if not isinstance(value, str | None)]
        if unknown:
            yield number, f"unknown name {', '.join(unknown)[:LONGEST_FACT]}; known are {', '.join(known)}"
        elif missing:
            yield number, f"no {', '.join(missing)}"
        elif no_text:
            yield number, f"{', '.join(no_text)} must be text in quotes"
        else:
            yield number, {name: str(value or "").strip() for name, value in entry.items()}


def _names(header: list[str], *, where: str, country: str | None, known: tuple[str, ...]) -> list[str]:
    """The columns in their order."""
    names = [name.strip().lower() for name in header]
    optional = OPTIONAL if country else ("plate_country",)
    unknown = [name or "(no name)" for name in names if name not in known]
    missing = [name for name in COLUMNS if name not in names and name not in optional]
    if not any(names):
        raise BadRegistry(f"{where}: the first line must name the columns: {','.join(COLUMNS)}")
    if unknown:
        raise BadRegistry(f"{where}: unknown column {', '.join(unknown)}; known are {', '.join(known)}")
    if missing == ["toll_country"]:
        raise BadRegistry(f"{where}: no column toll_country: add it, or say --country")
    if missing:
        raise BadRegistry(f"{where}: no column {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise BadRegistry(f"{where}: a column is there twice: {', '.join(names)}")
    return names


def _row(number: int, told: dict[str, str], toll_country: str) -> VignetteRow:
    """Raises ValueError with what is wrong with the entry."""
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
    change = told.get(CHANGE, "").lower()
    if change not in ("", "put", "withdraw"):
        raise ValueError(f'{CHANGE} "{change[:40]}" is neither put nor withdraw')
    return VignetteRow(
        number=number,
        is_withdrawn=change == "withdraw",
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
