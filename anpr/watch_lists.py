"""Watch lists: which readings are taken for a plate that somebody waits for, and the CSV such plates come in."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import chain

from anpr.errors import BadWatchList
from anpr.plates import look_alikes_of, narrow_slips_of, normalise
from anpr.types import PlateEvent

SHORTEST = 2  # characters: a single one is taken for half of all plates
LONGEST_NOTE = 200  # characters
MOST_TOLD = 10  # wrong lines in an error
COLUMNS = ("plate", "tolerance", "note", "until")


class Tolerance(StrEnum):
    """Which misreads of a plate count as the plate, each level with all before it."""

    EXACT = "exact"
    LOOK_ALIKE = "look-alike"  # one character taken for one that looks like it
    SLIP = "slip"  # or a narrow character (I, 1) more or fewer
    TWO = "two"  # or two characters taken for ones that look like them


LEVELS = tuple(Tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEntry:
    """A plate that is waited for."""

    id: int
    list: str
    plate: str
    tolerance: Tolerance
    note: str
    added_by: str
    added_at: datetime
    until: datetime | None  # None: until it is removed


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHit:
    """A passing that may be of a plate that is waited for; `match` is the narrowest tolerance that lets it be."""

    list: str
    plate: str
    match: Tolerance
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRow:
    """A line of a list that is imported."""

    number: int
    plate: str
    tolerance: Tolerance
    note: str
    until: datetime | None


def accepted(plate: str, tolerance: Tolerance) -> dict[str, Tolerance]:
    """All readings that are taken for a plate, each with the narrowest tolerance that does so.

    As symmetric as look-alikes are: a reading is taken for a plate just where the plate would be taken for the reading.
    """
    widest = LEVELS.index(tolerance)
    found = {plate: Tolerance.EXACT}
    near = look_alikes_of(plate) if widest >= LEVELS.index(Tolerance.LOOK_ALIKE) else []
    found |= dict.fromkeys((text for text in near if text not in found), Tolerance.LOOK_ALIKE)
    if widest >= LEVELS.index(Tolerance.SLIP):
        slips = (text for text in narrow_slips_of(plate) if text not in found and len(text) >= SHORTEST)
        found |= dict.fromkeys(list(slips), Tolerance.SLIP)
    if widest >= LEVELS.index(Tolerance.TWO):
        twice = {text for one in near for text in look_alikes_of(one) if text not in found}
        # Twice in one place is no two look-alikes: O is like Q and Q like G, but O is not like G.
        found |= dict.fromkeys(sorted(text for text in twice if _places_apart(text, plate) > 1), Tolerance.TWO)
    return found


def _places_apart(a: str, b: str) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def likely(event: PlateEvent, least: float) -> list[str]:
    """The texts of a passing that are likely enough to be looked for; what people say the plate is counts alone."""
    if event.corrected_plate is not None:
        return [event.corrected_plate] if event.corrected_plate else []
    return [one.text for one in event.candidates if one.text and one.confidence >= least]


def match(entry: WatchEntry, texts: Iterable[str]) -> Tolerance | None:
    """How one of the texts comes nearest to the plate of an entry; None where none is near enough."""
    near = accepted(entry.plate, entry.tolerance)
    found = [near[text] for text in texts if text in near]
    return min(found, key=LEVELS.index) if found else None


def checked_plate(text: str) -> str:
    """A plate as it is compared. Raises ValueError with one line where there is none in the text."""
    plate = normalise(text)
    if len(plate) < SHORTEST:
        raise ValueError(f"{text!r} is no plate: it needs {SHORTEST} letters or digits at least")
    return plate


def checked_tolerance(text: str) -> Tolerance:
    """Raises ValueError with one line where it is none."""
    try:
        return Tolerance(text.strip().lower())
    except ValueError:
        raise ValueError(f"{text!r} is no tolerance: {', '.join(Tolerance)}") from None


def rows(text: Iterable[str], *, where: str, tolerance: Tolerance) -> list[WatchRow]:
    """The lines of a CSV file whose first line names its columns: `plate`, and of the others those it has.

    `tolerance` is that of lines that say none. `until` is a moment in ISO 8601 with zone, or a date: the end of that
    day in UTC. Raises BadWatchList, which names `where` and the first wrong lines.
    """
    lines = iter(text)
    wrong: list[str] = []
    found: dict[str, WatchRow] = {}
    try:
        header = next(lines, "").removeprefix("\ufeff")
        reader = csv.DictReader(chain([header], lines), delimiter=";" if ";" in header else ",", strict=True)
        _check_columns(reader.fieldnames or (), where)
        for told in reader:
            try:
                row = _row(reader.line_num, told, tolerance)
                if row.plate in found:
                    raise ValueError(f"{row.plate} is in line {found[row.plate].number} already")  # noqa: TRY301
                found[row.plate] = row
            except ValueError as exc:
                wrong.append(f"line {reader.line_num}: {exc}")
    except csv.Error as exc:
        raise BadWatchList(f"{where}: not CSV: {exc}") from exc
    except UnicodeDecodeError as exc:
        raise BadWatchList(f"{where}: a watch list is UTF-8 text: {exc.reason}") from exc
    if wrong:
        more = "; …" if len(wrong) > MOST_TOLD else ""
        are = "1 line is" if len(wrong) == 1 else f"{len(wrong)} lines are"
        raise BadWatchList(f"{where}: {are} wrong: {'; '.join(wrong[:MOST_TOLD])}{more}")
    if not found:
        raise BadWatchList(f"{where}: holds no plate")
    return list(found.values())


def _check_columns(names: Sequence[str], where: str) -> None:
    if "plate" not in names:
        raise BadWatchList(f"{where}: the first line must name the columns, `plate` among them: {','.join(COLUMNS)}")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise BadWatchList(f"{where}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}")


def _row(number: int, told: Mapping[str | None, object], tolerance: Tolerance) -> WatchRow:
    if None in told or None in told.values():
        raise ValueError("has more or fewer fields than the first line")
    values = {str(name): str(value).strip() for name, value in told.items()}
    note = values.get("note", "")
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"the note has more than {LONGEST_NOTE} characters")
    return WatchRow(
        number=number,
        plate=checked_plate(values["plate"]),
        tolerance=checked_tolerance(values["tolerance"]) if values.get("tolerance") else tolerance,
        note=note,
        until=_until(values["until"]) if values.get("until") else None,
    )


def _until(text: str) -> datetime | None:
    try:
        if len(text) == len("2026-05-01"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time in ISO 8601") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} needs a zone, such as {text}+01:00")
    return found.astimezone(UTC)
