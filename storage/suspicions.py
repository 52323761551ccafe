"""Passings that were judged SUSPECT, on their way to a case or away from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from anpr.cases import CaseKey, CaseState, Judged, Look, Paid, Why
from anpr.types import PlateEvent, VerdictStatus
from storage import erasures, plate_events, vignettes
from storage.db import Conn

# 'epoch': at once, before those whose time has come.
_SUSPECTED = """
insert into suspicions (event_id, camera_id, look_at)
select id, camera_id, 'epoch' from plate_events where id = %(event)s
on conflict (event_id) do update set look_at = excluded.look_at
"""
_JUDGED = "update suspicions set look_at = 'epoch' where event_id = %(event)s"


def judged(conn: Conn, event_id: int, status: VerdictStatus) -> None:
    """Have the event looked at for what its new verdict means for a case; called before that is stored."""
    conn.execute(_SUSPECTED if status is VerdictStatus.SUSPECT else _JUDGED, {"event": event_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A suspected passing that is to be looked at; `event_id` is None where it became part of another event."""

    id: int
    event_id: int | None
    case_id: int | None
    state: str
    why: str
    rechecked_at: datetime | None


# Two short ways in: those whose time it is, and those whose event was merged into another.
_TO_LOOK_AT = """
select id, event_id, case_id, state, why, rechecked_at from suspicions
where id in (
    (select id from suspicions where look_at <= %(now)s order by look_at limit %(most)s)
    union all
    (select id from suspicions where event_id is null and state in ('waiting', 'in_case') limit %(most)s))
order by id for update skip locked
"""


def to_look_at(conn: Conn, *, now: datetime, most: int) -> list[Suspicion]:
    """The suspicions that something may have become of, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(Suspicion)) as cursor:
        return cursor.execute(_TO_LOOK_AT, {"now": now, "most": most}).fetchall()


_VERDICT = """
select v.status, v.snapshot_id, v.revision,
    exists (select from verdicts where event_id = %(event)s and judge_again_at is not null)
from verdicts v where v.event_id = %(event)s order by v.id desc limit 1
"""
_CASE = "select toll_country, plate, period_from, period_to, state from cases where id = %(case)s for update"


def look(conn: Conn, one: Suspicion, *, is_asked_elsewhere: bool) -> Look:
    """All that is known of it now."""
    row = None if one.event_id is None else plate_events.get(conn, one.event_id)
    event = None if row is None else row.event
    case = None if one.case_id is None else conn.execute(_CASE, {"case": one.case_id}).fetchone()
    snapshot = None
    if event is not None and not is_asked_elsewhere:
        snapshot = vignettes.in_force(conn, event.toll_country)
    return Look(
        event=event,
        is_erased=event is not None and erasures.erased_at(conn, event.id) is not None,
        judged=None if event is None else _judged(conn, event),
        case=None
        if case is None
        else CaseKey(toll_country=case[0], plate=case[1], period_from=case[2], period_to=case[3]),
        case_state=None if case is None else CaseState(case[4]),
        rechecked_at=one.rechecked_at,
        list_in_force=snapshot,
        is_asked_elsewhere=is_asked_elsewhere,
        paid=() if event is None else _paid(conn, event),
    )


def _judged(conn: Conn, event: PlateEvent) -> Judged | None:
    row = conn.execute(_VERDICT, {"event": event.id}).fetchone()
    if row is None:
        return None
    is_final = event.state == "closed" and row[2] == event.revision and not row[3]
    return Judged(status=VerdictStatus(row[0]), snapshot_id=row[1], is_final=is_final)


# `until_id`: an update has withdrawn or replaced the vignette. The longest liability period is a month.
_PAID = """
select distinct v.event_id, x.plate, x.valid_from, x.valid_to
from (
    select %(event)s::bigint as id union select id from plate_events
    where (plate = %(plate)s and plate <> '' or corrected_plate = %(plate)s) and toll_country = %(country)s
      and first_seen between %(at)s - interval '31 days' and %(at)s + interval '31 days') e
join verdicts v on v.event_id = e.id
join vignettes x on x.id = v.vignette_id
where v.status in ('VALID', 'EXEMPT', 'GRACE') and x.plate = %(plate)s and x.until_id is null
"""


def _paid(conn: Conn, event: PlateEvent) -> Sequence[Paid]:
    values = {"event": event.id, "plate": event.judged_plate, "country": event.toll_country, "at": event.first_seen}
    with conn.cursor(row_factory=class_row(Paid)) as cursor:
        return cursor.execute(_PAID, values).fetchall()


_RECHECK = (
    """
    update verdicts set judge_again_at = now()
    where id = (select id from verdicts where event_id = %(event)s order by id desc limit 1)
    """,
    "update suspicions set rechecked_at = %(now)s where event_id = %(event)s",
)


def recheck(conn: Conn, event_id: int, *, now: datetime) -> None:
    """Have the event judged once more on what the registry says now."""
    for statement in _RECHECK:
        conn.execute(statement, {"event": event_id, "now": now})


_WAIT = """
update suspicions set state = 'waiting', case_id = null, why = %(why)s, look_at = %(look_at)s where id = %(id)s
"""
_END = """
update suspicions set state = 'withdrawn', case_id = null, why = %(why)s, look_at = null where id = %(id)s
"""
_LATER = "update suspicions set look_at = %(look_at)s where id = %(id)s"
_STAY = "update suspicions set look_at = null where id = %(id)s"


def wait(conn: Conn, one: Suspicion, why: Why, look_at: datetime | None) -> None:
    """Leave it for later; what is in a case, or was left out of one, stays so meanwhile."""
    if one.case_id is None:
        conn.execute(_WAIT, {"id": one.id, "why": why.value, "look_at": look_at})
    else:
        conn.execute(_LATER, {"id": one.id, "look_at": look_at})


def end(conn: Conn, one: Suspicion, why: Why, *, again_at: datetime | None = None) -> None:
    """It is none any more, until the event is judged SUSPECT again; with `again_at` it waits for another case."""
    if again_at is None:
        conn.execute(_END, {"id": one.id, "why": why.value})
    else:
        conn.execute(_WAIT, {"id": one.id, "why": why.value, "look_at": again_at})


def stay(conn: Conn, one: Suspicion) -> None:
    """Nothing has become of it."""
    conn.execute(_STAY, {"id": one.id})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many suspicions of a toll country wait for the same thing, and when the next is looked at; None: at once."""

    toll_country: str
    why: str
    count: int
    next_at: datetime | None


_WAITING = """
select e.toll_country, s.why, count(*) as count, nullif(min(s.look_at), 'epoch') as next_at
from suspicions s join plate_events e on e.id = s.event_id
where s.state = 'waiting' group by 1, 2 order by 1, 2
"""


def waiting(conn: Conn) -> list[Waiting]:
    """What suspicions wait for that have not become a case."""
    with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(_WAITING).fetchall()
