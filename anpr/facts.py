"""What an event tells of the car beside its plate, as far as a toll country's rules ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from anpr.grammar import matches
from anpr.rule_packs import RulePack
from anpr.types import Box, PlateEvent

MOTORCYCLE = "motorcycle"
CERTAIN = 0.99  # probability from which a country counts as known: it frees a car, so one in a hundred may pass unpaid
POSSIBLE = 0.05  # probability from which a plate may well be of a country
# Width by height below which a plate may have two lines: those have 0.9 (German motorcycles, 180 × 200 mm) to 1.9 (rear
# plates of Switzerland, 300 × 160), those of one line 3.3 (front plates of Italy, 360 × 110) to 4.7 (520 × 110).
NEAR_SQUARE = 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known for certain of a car, and what it may be: none of it can speak against its driver."""

    registered_in: str | None = None
    may_be: tuple[str, ...] = ()


def facts_of(event: PlateEvent, boxes: Sequence[Box], pack: RulePack | None) -> Facts:
    """What an event and the boxes of its reads tell of the car by the rules of the toll country.

    Where it is registered is told only where that frees it: the country is all but certain, its grammar has such a
    plate, and by the rules a car from there with this plate needs no vignette. So it makes a verdict NOT_LIABLE, or
    leaves it as it is. A car that may be of a sort which the rules free is never a suspect; a motorcycle may be
    whatever has a plate of two lines, or one whose text fits only series of motorcycles.
    """
    if pack is None:
        return Facts()
    frees_motorcycles = any(rule.vehicle == MOTORCYCLE for rule in pack.not_liable)
    may_be_one = frees_motorcycles and (is_near_square(boxes) or has_series_of_motorcycles(event))
    return Facts(registered_in=_freed_by(event, pack), may_be=(MOTORCYCLE,) if may_be_one else ())


def is_near_square(boxes: Sequence[Box]) -> bool:
    """Whether a plate has the shape of two lines in the middle one of its pictures."""
    return bool(boxes) and median(box.width / box.height for box in boxes) < NEAR_SQUARE


def has_series_of_motorcycles(event: PlateEvent) -> bool:
    """Whether in the countries it may well be of, the plate fits series of motorcycles and no other.

    Plates at wish are left out: nearly every text may be one.
    """
    countries = {one.country for one in event.regions if one.probability >= POSSIBLE}
    fitting = {
        match.vehicle
        for match in matches(event.judged_plate, at=_day(event))
        if match.country in countries and match.vehicle != "vanity"
    }
    return fitting == {MOTORCYCLE}


def _freed_by(event: PlateEvent, pack: RulePack) -> str | None:
    country = next((one.country for one in event.regions if one.probability >= CERTAIN), None)
    plate = event.judged_plate
    if country is None or all(match.country != country for match in matches(plate, at=_day(event))):
        return None
    by_rule = any(rule.registered_in == country and rule.vehicle is None for rule in pack.not_liable)
    by_series = any(one.certain and one.registered_in == country and one.matches(plate) for one in pack.series)
    return country if by_rule or by_series else None


def _day(event: PlateEvent) -> date:
    return event.first_seen.date()
