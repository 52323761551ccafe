"""Was the vignette valid here at this moment?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from anpr.plates import MIN_LENGTH, look_alikes_of, narrow_slips_of
from anpr.types import PlateEvent, Verdict, VerdictStatus, Vignette

RULES_VERSION = "2026-11"
EXEMPT_KIND = "exempt"

# The zone in which a toll country's vignettes begin and end (IANA time zone database).
ZONES = {
    "AT": "Europe/Vienna",
    "BG": "Europe/Sofia",
    "CH": "Europe/Zurich",
    "CZ": "Europe/Prague",
    "HU": "Europe/Budapest",
    "MD": "Europe/Chisinau",
    "RO": "Europe/Bucharest",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One state of a toll country's registry."""

    id: int
    toll_country: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRules:
    """How sure one must be before a car is suspected."""

    suspect_confidence: float = 0.9
    suspect_agreeing: int = 2
    readable_confidence: float = 0.5  # rather right than wrong
    plausible: float = 0.05  # another reading counts if it is at least this probable beside the plate's
    registry_max_age_h: float = 168.0


def period(toll_country: str, first: date, last: date) -> tuple[datetime, datetime]:
    """The moments [start, end) of a vignette that holds from `first` to the end of `last` in the country's zone."""
    zone = ZoneInfo(ZONES[toll_country])
    midnight = time(0, 0)
    return (
        datetime.combine(first, midnight, tzinfo=zone),
        datetime.combine(last + timedelta(days=1), midnight, tzinfo=zone),
    )


def readings(event: PlateEvent, rules: JudgeRules) -> tuple[str, ...]:
    """What the plate may really be, the plate itself first: its plausible candidates, then what is often read as it."""
    if not event.plate:
        return ()
    least = rules.plausible * event.confidence
    named = [one.text for one in event.candidates if one.confidence >= least]
    return tuple(dict.fromkeys([event.plate, *named, *look_alikes_of(event.plate), *narrow_slips_of(event.plate)]))


def is_readable(plate: str, confidence: float, rules: JudgeRules) -> bool:
    """Whether a vote says enough to be judged by."""
    return len(plate) >= MIN_LENGTH and confidence >= rules.readable_confidence


def judge(  # noqa: PLR0911 (one return a status reads as the table it is)
    event: PlateEvent,
    vignettes: Sequence[Vignette],
    *,
    snapshot: Snapshot | None,
    rules: JudgeRules,
    now: datetime,
) -> Verdict:
    """The verdict on one closed event, as of its passing.

    `vignettes` holds all that the snapshot knows of the event's `readings`. SUSPECT is given only where nothing speaks
    for the driver: enough agreeing reads, enough confidence, a fresh registry, no plausible reading that is paid.
    """
    tried = readings(event, rules)

    def verdict(status: VerdictStatus, reason: str, vignette: Vignette | None = None) -> Verdict:
        return Verdict(
            status=status,
            reason=reason,
            readings_tried=tried,
            vignette_id=None if vignette is None else vignette.id,
            snapshot_id=None if snapshot is None else snapshot.id,
            rules_version=RULES_VERSION,
        )

    if not is_readable(event.plate, event.confidence, rules):
        return verdict(VerdictStatus.UNREADABLE, f"the plate could not be read ({event.confidence:.0%} sure at best)")
    if snapshot is None:
        return verdict(VerdictStatus.REGISTRY_UNKNOWN, f"no vignette list for {event.toll_country} is loaded")
    age_h = (now - snapshot.as_of).total_seconds() / 3600
    if age_h > rules.registry_max_age_h:
        return verdict(
            VerdictStatus.REGISTRY_UNKNOWN, f"the list for {event.toll_country} is {age_h / 24:.0f} days old"
        )
    at = event.first_seen
    paid = [one for one in vignettes if one.valid_from <= at < one.valid_to and one.plate in tried]
    own = [one for one in paid if one.plate == event.plate]
    if own:
        best = max(own, key=lambda one: (one.kind == EXEMPT_KIND, one.valid_to, one.id))
        if best.kind == EXEMPT_KIND:
            return verdict(VerdictStatus.EXEMPT, "the vehicle is exempt", best)
        return verdict(VerdictStatus.VALID, f"{best.kind} vignette valid until {_local(best.valid_to, event)}", best)
    if paid:
        return verdict(VerdictStatus.AMBIGUOUS, f"it may be {paid[0].plate}, which is paid", paid[0])
    if event.agreeing < rules.suspect_agreeing:
        return verdict(VerdictStatus.AMBIGUOUS, f"not paid as read, but only {event.agreeing} read(s) agree")
    if event.confidence < rules.suspect_confidence:
        return verdict(VerdictStatus.AMBIGUOUS, f"not paid as read, but only {event.confidence:.0%} sure")
    return verdict(VerdictStatus.SUSPECT, _unpaid(event, vignettes))


def _unpaid(event: PlateEvent, vignettes: Sequence[Vignette]) -> str:
    mine = [one for one in vignettes if one.plate == event.plate]
    past = [one for one in mine if one.valid_to <= event.first_seen]
    if past:
        return f"expired {_local(max(one.valid_to for one in past), event)}"
    if mine:
        return f"not valid before {_local(min(one.valid_from for one in mine), event)}"
    return f"no vignette for {event.toll_country}"


def _local(moment: datetime, event: PlateEvent) -> str:
    return f"{moment.astimezone(ZoneInfo(ZONES.get(event.toll_country, 'UTC'))):%Y-%m-%d %H:%M}"
