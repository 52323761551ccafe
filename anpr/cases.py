"""When a suspicion becomes a case, which case that is, and what people's answers make of it."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from anpr import rule_packs
from anpr.plates import normalise
from anpr.types import PlateEvent, VerdictStatus
from anpr.vignettes import ZONES, Snapshot, complete_from

AGREEING = 2  # people who must say the same, each without knowing what the other said
SOON = timedelta(minutes=1)  # a wait for something that is announced when it comes


class CaseState(StrEnum):
    """Where an accusation stands."""

    PENDING = "pending"  # nobody has answered
    IN_REVIEW = "in_review"  # one person has
    DISPUTED = "disputed"  # two disagree, so a third is asked
    CONFIRMED = "confirmed"
    OVERTURNED = "overturned"
    UNCLEAR = "unclear"  # people cannot tell
    WITHDRAWN = "withdrawn"  # no passing is left in it


OPEN = (CaseState.PENDING, CaseState.IN_REVIEW, CaseState.DISPUTED)
DECIDED = (CaseState.CONFIRMED, CaseState.OVERTURNED, CaseState.UNCLEAR)


class Answer(StrEnum):
    """What a person makes of a case."""

    CONFIRM = "confirm"  # these pictures show this plate, and nothing in them speaks for the driver
    OVERTURN = "overturn"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One person's answer; `plate` is what that person read off the pictures, "" where that is not asked."""

    reviewer: str
    answer: Answer
    plate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseKey:
    """What makes passings one case: a toll country, a plate, and a liability period [period_from, period_to)."""

    toll_country: str
    plate: str
    period_from: datetime
    period_to: datetime


def person(name: str) -> str:
    """A name as people are told apart by: neither case nor spaces make somebody a second person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def liability_period(toll_country: str, at: datetime) -> tuple[datetime, datetime]:
    """The moments [start, end), in UTC, within which a car is accused once; a day there where the rules say nothing."""
    pack = rule_packs.in_force(toll_country, at)
    zone = ZoneInfo(ZONES.get(toll_country, "UTC") if pack is None else pack.zone)
    first = at.astimezone(zone).date()
    after = first + timedelta(days=1)
    if pack is not None and pack.liability_period is not None and pack.liability_period.per == "month":
        first = first.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0, 0), tzinfo=zone).astimezone(UTC)


def key_of(event: PlateEvent) -> CaseKey:
    """The case that a suspected passing belongs to.

    Plates must be equal: a look-alike may be another car, and two cars must never share an accusation.
    """
    start, end = liability_period(event.toll_country, event.first_seen)
    return CaseKey(
        toll_country=event.toll_country, plate=normalise(event.judged_plate), period_from=start, period_to=end
    )


def merged(events: Iterable[PlateEvent]) -> dict[CaseKey, frozenset[int]]:
    """The ids of suspected passings by their case, whatever camera saw them."""
    found: dict[CaseKey, set[int]] = {}
    for event in events:
        found.setdefault(key_of(event), set()).add(event.id)
    return {key: frozenset(ids) for key, ids in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict in force; `is_final`: on the reads as they are, and not about to be given again."""

    status: VerdictStatus
    snapshot_id: int | None
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A vignette by which an event was once found paid, on whatever list, and which nobody has withdrawn since."""

    event_id: int
    plate: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that is known when a suspicion is looked at."""

    event: PlateEvent | None  # None: it became part of another
    is_erased: bool
    judged: Judged | None
    case: CaseKey | None  # that it is in
    case_state: CaseState | None
    rechecked_at: datetime | None  # when it was asked for last
    list_in_force: Snapshot | None
    is_asked_elsewhere: bool  # a registry over HTTP answers, not a list
    paid: Sequence[Paid] = ()


class Next(StrEnum):
    """What is done with a suspicion."""

    WAIT = "wait"
    RECHECK = "recheck"
    JOIN = "join"  # the case of its key, which is opened where there is none
    STAY = "stay"
    WITHDRAW = "withdraw"


class Why(StrEnum):
    """What a suspicion waits for, or why it ended."""

    JUDGING = "it is being judged"
    TIME = "the liability period and the wait are not over"
    LIST = "no vignette list is fresh enough"
    RECHECK = "it is judged again before it becomes a case"
    PAID = "an earlier list had a vignette for it that nobody withdrew"
    DECIDED = "its case was decided without it"
    MERGED = "it became part of another event"
    ERASED = "it was erased"
    CHANGED = "its plate or time is another now"
    CLEARED = "it is not suspected any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What comes next, and when to look again; None: when it is judged again."""

    what: Next
    why: Why | None = None
    look_at: datetime | None = None


def next_step(look: Look, *, now: datetime, wait: timedelta) -> Step:
    """What becomes of an event that was suspected.

    It joins a case only when `wait` has passed since the end of the liability period and it is still SUSPECT on
    the list in force, which must know all that could be bought for the passing. It leaves its case when it is not
    suspected any more, or is another car's. What people overturned or could not tell stays as it was decided.
    """
    if _is_settled(look):
        return Step(what=Next.STAY)
    if look.event is None or look.is_erased:
        return Step(what=Next.WITHDRAW, why=Why.MERGED if look.event is None else Why.ERASED)
    return _of_suspect(look, look.event, now=now, wait=wait)


def _is_settled(look: Look) -> bool:
    """Whether people have decided, and nothing that happened since changes what they decided on."""
    is_overturned = look.case_state in (CaseState.OVERTURNED, CaseState.UNCLEAR)
    return is_overturned or (look.case_state is CaseState.CONFIRMED and look.is_erased and look.event is not None)


def _of_suspect(look: Look, event: PlateEvent, *, now: datetime, wait: timedelta) -> Step:
    if look.judged is None or not look.judged.is_final:
        return Step(what=Next.WAIT, why=Why.JUDGING, look_at=now + SOON)
    if look.judged.status is not VerdictStatus.SUSPECT:
        return Step(what=Next.WITHDRAW, why=Why.CLEARED)
    key = key_of(event)
    if look.case is not None:
        return Step(what=Next.STAY) if look.case == key else Step(what=Next.WITHDRAW, why=Why.CHANGED)
    due = key.period_to + wait
    if now < due:
        return Step(what=Next.WAIT, why=Why.TIME, look_at=due)
    return _recheck(look, event, look.judged, due=due, now=now) or Step(what=Next.JOIN)


def _recheck(look: Look, event: PlateEvent, judged: Judged, *, due: datetime, now: datetime) -> Step | None:
    """What is still to be done before the newest word of the registry on this passing is known; None: nothing."""
    complete = complete_from(event)
    again = Step(what=Next.RECHECK, why=Why.RECHECK, look_at=now + SOON)
    if look.is_asked_elsewhere:
        if now < complete:
            return Step(what=Next.WAIT, why=Why.LIST, look_at=complete)
        is_done = look.rechecked_at is not None and look.rechecked_at >= max(due, complete)
        return None if is_done else again
    if look.list_in_force is None or look.list_in_force.as_of < complete:
        return Step(what=Next.WAIT, why=Why.LIST, look_at=now + SOON)
    if judged.snapshot_id != look.list_in_force.id:
        return again
    if any(_speaks_for(one, event) for one in look.paid):
        return Step(what=Next.WAIT, why=Why.PAID, look_at=now + timedelta(hours=1))
    return None


def _speaks_for(one: Paid, event: PlateEvent) -> bool:
    """A vignette that this passing, or another one of the car, was found paid by, if it holds for this one.

    The newest list may just have left out what has run out.
    """
    return one.plate == event.judged_plate and (
        one.event_id == event.id or one.valid_from <= event.first_seen < one.valid_to
    )


_DECISIONS = {
    Answer.OVERTURN: CaseState.OVERTURNED,
    Answer.UNREADABLE: CaseState.UNCLEAR,
    Answer.CONFIRM: CaseState.CONFIRMED,
}


def state_of(plate: str, reviews: Iterable[Review]) -> CaseState:
    """What the answers, at most one a person, make of a case against `plate`.

    Two people who say the same decide it. Who confirms another plate than the case's says that it was misread, which
    overturns. Three people who say three things leave it unclear.
    """
    said = {review.reviewer: _meant(review, plate) for review in reviews}
    counts = Counter(said.values())
    for answer, state in _DECISIONS.items():
        if counts[answer] >= AGREEING:
            return state
    return {0: CaseState.PENDING, 1: CaseState.IN_REVIEW, 2: CaseState.DISPUTED}.get(len(said), CaseState.UNCLEAR)


def _meant(review: Review, plate: str) -> Answer:
    is_misread = review.answer is Answer.CONFIRM and normalise(review.plate) != plate
    return Answer.OVERTURN if is_misread else review.answer


_Z = 1.959964  # of 95 %, two-sided


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927, J. Am. Stat. Assoc. 22, 209), within 0..1; 0 to 1 of nothing."""
    if of == 0:
        return 0.0, 1.0
    share, spread = hits / of, _Z * _Z / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
