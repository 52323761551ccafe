"""Was the vignette valid here at this moment?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from anpr import rule_packs
from anpr.plates import MIN_LENGTH, look_alikes_of, narrow_slips_of
from anpr.rule_packs import RulePack
from anpr.types import Candidate, PlateEvent, Verdict, VerdictStatus, Vignette

RULES_VERSION = "2026-11"  # of `judge`; the version of the rule pack is added to it
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

    suspect_confidence: float = 0.98
    suspect_agreeing: int = 2
    readable_confidence: float = 0.65  # in clips of a dashcam no event below was right; those that were had 0.9
    plausible: float = 0.01  # another reading counts if it is at least this probable beside the plate's
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
    """What the plate may really be, the plate itself first: its plausible candidates, then what is often read as it.

    A plate that somebody corrected is that plate alone.
    """
    if event.corrected_plate is not None:
        return (event.corrected_plate,)
    if not event.plate:
        return ()
    least = rules.plausible * event.confidence
    named = [one.text for one in event.candidates if one.confidence >= least]
    return tuple(dict.fromkeys([event.plate, *named, *look_alikes_of(event.plate), *narrow_slips_of(event.plate)]))


def is_readable(plate: str, confidence: float, rules: JudgeRules) -> bool:
    """Whether a vote says enough to be judged by."""
    return len(plate) >= MIN_LENGTH and confidence >= rules.readable_confidence


def complete_from(event: PlateEvent, *, registered_in: str | None = None) -> datetime:
    """The moment from which a list knows all that could still be bought for this passing.

    An older list may lack a vignette that is valid, so nobody should be charged on its word alone.
    """
    pack = rule_packs.in_force(event.toll_country, event.first_seen)
    end = None if pack is None else pack.grace_ends(event.first_seen, registered_in=registered_in)
    return end or event.first_seen


def judge(
    event: PlateEvent,
    vignettes: Sequence[Vignette],
    *,
    snapshot: Snapshot | None,
    rules: JudgeRules,
    now: datetime,
    vehicle: str | None = None,
    registered_in: str | None = None,
    may_be: Collection[str] = (),
) -> Verdict:
    """The verdict on one closed event, as of its passing and by the country's rules of that day.

    `vignettes` holds all that the snapshot knows of the event's `readings`. `vehicle` (such as "motorcycle") and
    `registered_in` (a country) are what is known for certain of the car, `may_be` the vehicles that it may be. SUSPECT
    is given only where nothing speaks for the driver: enough agreeing reads and confidence or somebody's correction, a
    fresh registry, no plausible reading that is paid or exempt, no period of grace that still runs or that the list
    does not cover, no vehicle that it may be and that the rules free.
    """
    pack = rule_packs.in_force(event.toll_country, event.first_seen)
    tried = readings(event, rules)
    case = _Case(
        event=_as_corrected(event),
        tried=tried,
        known=tuple(one for one in vignettes if one.plate in tried),
        pack=pack,
        grace_ends=None if pack is None else pack.grace_ends(event.first_seen, registered_in=registered_in),
        vehicle=vehicle,
        registered_in=registered_in,
        may_be=frozenset(may_be),
    )
    found = (
        _unreadable(case, rules)
        or _not_liable(case)
        or _no_list(case, snapshot, rules, now)
        or _paid(case)
        or _bought_late(case)
        or _grace_runs(case, now)
        or _list_too_early(case, snapshot)
        or _doubtful(case, rules)
        or _Found(VerdictStatus.SUSPECT, _unpaid(case))
    )
    return Verdict(
        status=found.status,
        reason=found.reason,
        readings_tried=tried,
        vignette_id=None if found.vignette is None else found.vignette.id,
        snapshot_id=None if snapshot is None else snapshot.id,
        rules_version=RULES_VERSION if pack is None else f"{RULES_VERSION} {pack.version}",
        judge_again_at=found.judge_again_at,
    )


def _as_corrected(event: PlateEvent) -> PlateEvent:
    if event.corrected_plate is None:
        return event
    certain = Candidate(text=event.corrected_plate, confidence=1.0)
    return replace(event, plate=certain.text, confidence=1.0, candidates=(certain,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    event: PlateEvent
    tried: tuple[str, ...]
    known: tuple[Vignette, ...]  # of the readings tried
    pack: RulePack | None
    grace_ends: datetime | None
    vehicle: str | None
    registered_in: str | None
    may_be: frozenset[str]

    @property
    def own(self) -> list[Vignette]:
        return [one for one in self.known if one.plate == self.event.plate]

    def local(self, moment: datetime) -> str:
        zone = ZoneInfo(ZONES.get(self.event.toll_country, "UTC"))
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class _Found:
    status: VerdictStatus
    reason: str
    vignette: Vignette | None = None
    judge_again_at: datetime | None = None


def _unreadable(case: _Case, rules: JudgeRules) -> _Found | None:
    event = case.event
    if is_readable(event.plate, event.confidence, rules):
        return None
    return _Found(VerdictStatus.UNREADABLE, f"the plate could not be read ({event.confidence:.0%} sure at best)")


def _not_liable(case: _Case) -> _Found | None:
    """Who by rule needs no vignette, where that is certain."""
    if case.pack is None:
        return None
    for rule in case.pack.not_liable:
        if rule.vehicle in (None, case.vehicle) and rule.registered_in in (None, case.registered_in):
            return _Found(VerdictStatus.NOT_LIABLE, rule.why)
    for series in case.pack.series:
        if series.certain and case.registered_in == series.registered_in and series.matches(case.event.plate):
            return _Found(VerdictStatus.NOT_LIABLE, series.why)
    return None


def _no_list(case: _Case, snapshot: Snapshot | None, rules: JudgeRules, now: datetime) -> _Found | None:
    country = case.event.toll_country
    if snapshot is None:
        return _Found(VerdictStatus.REGISTRY_UNKNOWN, f"no vignette list for {country} is loaded")
    age_h = (now - snapshot.as_of).total_seconds() / 3600
    if age_h > rules.registry_max_age_h:
        return _Found(VerdictStatus.REGISTRY_UNKNOWN, f"the list for {country} is {age_h / 24:.0f} days old")
    return None


def _paid(case: _Case) -> _Found | None:
    """A vignette or exemption of the plate as read that was there at the passing."""
    at = case.event.first_seen
    best = max((one for one in case.own if _covers(one, at) and _was_there(one, at)), key=_rank, default=None)
    if best is None:
        return None
    if best.kind == EXEMPT_KIND:
        return _Found(VerdictStatus.EXEMPT, "the vehicle is exempt", best)
    return _Found(VerdictStatus.VALID, f"{best.kind} vignette valid until {case.local(best.valid_to)}", best)


def _bought_late(case: _Case) -> _Found | None:
    """Vignettes of the plate that came after the passing, in time or not; vignettes of what it may really be."""
    at = case.event.first_seen
    in_time = [one for one in case.known if _came_in_time(one, at, case.grace_ends)]
    late = max((one for one in in_time if one.plate == case.event.plate), key=_rank, default=None)
    if late is not None and case.grace_ends is not None:
        allowed = f"{late.kind} vignette bought after the passing, in time until {case.local(case.grace_ends)}"
        return _Found(VerdictStatus.GRACE, allowed, late)
    covering = [one for one in case.known if _covers(one, at)]
    other = next((one for one in covering + in_time if one.plate != case.event.plate), None)
    if other is not None:
        return _Found(VerdictStatus.AMBIGUOUS, f"it may be {other.plate}, which is paid", other)
    if covering:
        return _Found(VerdictStatus.AMBIGUOUS, "its vignette counts, but was bought after the passing", covering[0])
    return None


def _grace_runs(case: _Case, now: datetime) -> _Found | None:
    if case.grace_ends is None or now >= case.grace_ends:
        return None
    until = f"not paid, but a vignette may be bought until {case.local(case.grace_ends)}"
    return _Found(VerdictStatus.GRACE, until, judge_again_at=case.grace_ends)


def _list_too_early(case: _Case, snapshot: Snapshot | None) -> _Found | None:
    if snapshot is None or case.grace_ends is None or snapshot.as_of >= case.grace_ends:
        return None
    until = f"the list does not tell what was bought until {case.local(case.grace_ends)}, the end of the grace"
    return _Found(VerdictStatus.REGISTRY_UNKNOWN, until)


def _doubtful(case: _Case, rules: JudgeRules) -> _Found | None:
    event = case.event
    if event.corrected_plate is None and event.agreeing < rules.suspect_agreeing:
        doubt = f"only {event.agreeing} read(s) agree"
    elif event.confidence < rules.suspect_confidence:
        doubt = f"only {event.confidence:.0%} sure"
    else:
        doubt = _left_open(case)
    return None if doubt is None else _Found(VerdictStatus.AMBIGUOUS, f"not paid as read, but {doubt}")


def _left_open(case: _Case) -> str | None:
    """What the country's rules leave open of a vehicle that is in no list."""
    if case.pack is None:
        return f"the rules of {case.event.toll_country} on that day are not known here"
    if case.pack.stickers is not None:
        return case.pack.stickers.why
    for rule in case.pack.not_liable:
        if rule.vehicle is None and case.registered_in is None:
            return f"{rule.why}, and where this one is registered is not known"
        if rule.vehicle in case.may_be and case.registered_in in (None, rule.registered_in or case.registered_in):
            return f"{rule.why}, and by its plate this may be a {rule.vehicle}"
    for series in case.pack.series:
        if case.registered_in in (None, series.registered_in) and any(map(series.matches, case.tried)):
            return series.why
    return None


def _unpaid(case: _Case) -> str:
    past = [one for one in case.own if one.valid_to <= case.event.first_seen]
    if past:
        return f"expired {case.local(max(one.valid_to for one in past))}"
    if case.own:
        return f"not valid before {case.local(min(one.valid_from for one in case.own))}"
    return f"no vignette for {case.event.toll_country}"


def _covers(one: Vignette, at: datetime) -> bool:
    return one.valid_from <= at < one.valid_to


def _was_there(one: Vignette, at: datetime) -> bool:
    """Whether it existed at the moment; exemptions are recognised afterwards too."""
    return one.kind == EXEMPT_KIND or one.bought_at is None or one.bought_at <= at


def _came_in_time(one: Vignette, at: datetime, grace_ends: datetime | None) -> bool:
    """Whether a vignette that was not there at the passing came before the period of grace was over."""
    if grace_ends is None or one.valid_to <= at or (_covers(one, at) and _was_there(one, at)):
        return False
    return max(one.valid_from, one.bought_at or one.valid_from) <= grace_ends


def _rank(one: Vignette) -> tuple[bool, datetime, int]:
    return one.kind == EXEMPT_KIND, one.valid_to, one.id
