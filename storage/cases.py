"""Cases: one accusation of one car for one liability period, with its history. Nothing in a history is ever changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, kwargs_row

from anpr.cases import DECIDED, OPEN, CaseKey, CaseState, Why
from storage.db import Conn, returned

_LOCK_SPACE = 0x63617365  # "case"
_TRY_LOCK = "select pg_try_advisory_xact_lock(%(lock)s)"
_LOCK = "select pg_advisory_xact_lock(%(lock)s)"


def try_lock(conn: Conn) -> bool:
    """Whether this transaction may open and close cases; it keeps the right until it ends."""
    return returned(conn.execute(_TRY_LOCK, {"lock": _LOCK_SPACE}).fetchone())[0]


_CHANGE = """
insert into case_changes (case_id, what, event_id, who, why)
values (%(case)s, %(what)s, %(event)s, %(who)s, %(why)s)
"""


def changed(conn: Conn, case_id: int, what: str, *, event_id: int | None = None, who: str = "", why: str = "") -> None:
    """Add a line to a case's history; it must name no plate."""
    conn.execute(_CHANGE, {"case": case_id, "what": what, "event": event_id, "who": who, "why": why})


_OPEN_CASE = """
insert into cases (toll_country, plate, period_from, period_to)
values (%(country)s, %(plate)s, %(period_from)s, %(period_to)s)
on conflict (toll_country, plate, period_from) where erased_at is null do nothing
returning id
"""
_OF_KEY = """
select id, state from cases
where toll_country = %(country)s and plate = %(plate)s and period_from = %(period_from)s and erased_at is null
for update
"""
_JOIN = """
update suspicions set state = %(state)s, case_id = %(case)s, why = %(why)s, look_at = null where id = %(suspicion)s
"""
# What people answered was about other pictures, so they are asked anew.
_ANEW = """
update cases set state = 'pending', decided_at = null, claimed_by = null, claimed_until = null,
    round = round + case when exists (
        select from reviews r where r.case_id = cases.id and r.round = cases.round) then 1 else 0 end
where id = %(case)s
"""


def join(conn: Conn, key: CaseKey, *, suspicion_id: int, event_id: int) -> tuple[int, bool]:
    """Put a suspected event into the case of its key, and open that where there is none; its id, and whether it is new.

    What people have decided takes no more events: then this one is left out of it.
    """
    values: dict[str, Any] = {
        "country": key.toll_country,
        "plate": key.plate,
        "period_from": key.period_from,
        "period_to": key.period_to,
    }
    is_new = conn.execute(_OPEN_CASE, values).fetchone() is not None
    case_id, state = returned(conn.execute(_OF_KEY, values).fetchone())
    is_decided = CaseState(state) in DECIDED
    joined = {"case": case_id, "suspicion": suspicion_id}
    joined |= {"state": "left_out", "why": Why.DECIDED.value} if is_decided else {"state": "in_case", "why": ""}
    conn.execute(_JOIN, joined)
    if is_new:
        changed(conn, case_id, "opened")
    changed(conn, case_id, "event left out" if is_decided else "event added", event_id=event_id)
    if not is_decided:
        conn.execute(_ANEW, {"case": case_id})
    return case_id, is_new


_LEFT = "select count(*) from suspicions where case_id = %(case)s and state = 'in_case'"
_STATE = "select state from cases where id = %(case)s for update"
_WITHDRAW = """
update cases set state = 'withdrawn', decided_at = now(), claimed_by = null, claimed_until = null where id = %(case)s
"""


def left(conn: Conn, case_id: int, event_id: int | None, why: Why) -> CaseState:
    """Tell a case that an event (None: one that became part of another) is in it no more; the case's state then.

    A case without events is withdrawn. One that has some left is reviewed anew, even where it had been confirmed.
    """
    state = CaseState(returned(conn.execute(_STATE, {"case": case_id}).fetchone())[0])
    changed(conn, case_id, "event withdrawn", event_id=event_id, why=why.value)
    if state not in (*OPEN, CaseState.CONFIRMED):
        return state
    if returned(conn.execute(_LEFT, {"case": case_id}).fetchone())[0]:
        conn.execute(_ANEW, {"case": case_id})
        return CaseState.PENDING
    conn.execute(_WITHDRAW, {"case": case_id})
    changed(conn, case_id, "withdrawn")
    return CaseState.WITHDRAWN


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case as people list it. While people are asked about it the plate is theirs to read: then it is "" here."""

    id: int
    toll_country: str
    plate: str
    period_from: datetime
    period_to: datetime
    state: CaseState
    round: int
    opened_at: datetime
    decided_at: datetime | None
    erased_at: datetime | None
    claimed_by: str | None  # who has it now
    answers: int  # that count
    event_ids: tuple[int, ...]
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """What `find` looks for; None leaves a field open."""

    case_id: int | None = None
    states: Sequence[CaseState] | None = None
    toll_country: str | None = None
    plate: str | None = None
    since: datetime | None = None  # of the liability period
    until: datetime | None = None


_FIND = """
select c.id, c.toll_country, case when c.state = any(%(open)s) then '' else c.plate end as plate, c.period_from,
    c.period_to, c.state, c.round, c.opened_at, c.decided_at, c.erased_at,
    case when c.claimed_until > now() then c.claimed_by end as claimed_by,
    (select count(*) from reviews r where r.case_id = c.id and r.round = c.round) as answers,
    array(select s.event_id from suspicions s where s.case_id = c.id and s.state = 'in_case' and s.event_id is not null
        order by s.event_id) as event_ids,
    array(select distinct m.name from suspicions s join cameras m on m.id = s.camera_id
        where s.case_id = c.id and s.state = 'in_case' order by m.name) as cameras
from cases c
where (%(case)s::bigint is null or c.id = %(case)s)
  and (%(states)s::text[] is null or c.state = any(%(states)s))
  and (%(country)s::text is null or c.toll_country = %(country)s)
  and (%(plate)s::text is null or (c.plate = %(plate)s and c.state <> all(%(open)s)))
  and (%(since)s::timestamptz is null or c.period_to > %(since)s)
  and (%(until)s::timestamptz is null or c.period_from < %(until)s)
order by c.period_from desc, c.id desc limit %(limit)s
"""


def find(conn: Conn, wanted: CaseFilter, *, limit: int) -> list[CaseRow]:
    """The newest cases that match, by their period."""
    values = {
        "case": wanted.case_id,
        "open": [state.value for state in OPEN],
        "states": None if wanted.states is None else [state.value for state in wanted.states],
        "country": wanted.toll_country,
        "plate": wanted.plate,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    with conn.cursor(row_factory=kwargs_row(_row)) as cursor:
        return cursor.execute(_FIND, values).fetchall()


def get(conn: Conn, case_id: int) -> CaseRow | None:
    found = find(conn, CaseFilter(case_id=case_id), limit=1)
    return found[0] if found else None


def _row(*, state: str, event_ids: list[int], cameras: list[str], **plain: Any) -> CaseRow:
    return CaseRow(state=CaseState(state), event_ids=tuple(event_ids), cameras=tuple(cameras), **plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A line of a case's history."""

    changed_at: datetime
    what: str
    event_id: int | None
    who: str
    why: str


_HISTORY = "select changed_at, what, event_id, who, why from case_changes where case_id = %(case)s order by id"


def history(conn: Conn, case_id: int) -> list[Change]:
    """All that happened to a case, oldest first."""
    with conn.cursor(row_factory=class_row(Change)) as cursor:
        return cursor.execute(_HISTORY, {"case": case_id}).fetchall()


# A case is needed as long as one of its passings is; one that has none left, as long as a car that paid.
_DUE = """
select c.id, c.state
from cases c
join unnest(%(countries)s::text[], %(befores)s::timestamptz[]) as due (country, before) on due.country = c.toll_country
where c.erased_at is null and (c.state <> 'withdrawn' or c.decided_at <= due.before)
  and not exists (
      select from suspicions s join plate_events e on e.id = s.event_id
      where s.case_id = c.id and s.state = 'in_case' and e.erased_at is null)
for update of c
"""
_ERASE = (
    "update cases set plate = '', erased_at = %(now)s where id = any(%(ids)s)",
    "update reviews set plate = '', reason = '' where case_id = any(%(ids)s)",
)
# They are looked at, and leave their case or the queue.
_TOUCH = """
update suspicions s set look_at = %(now)s
from plate_events e
where e.id = s.event_id and e.erased_at is not null and s.id in (
    select id from suspicions where state = 'waiting'
    union all
    select x.id from cases c join suspicions x on x.case_id = c.id and x.state = 'in_case'
    where c.state in ('pending', 'in_review', 'disputed') and c.erased_at is null)
"""


def forget(conn: Conn, befores: Mapping[str, datetime], *, now: datetime) -> int:
    """Erase the plates of cases that nothing needs any more, and what people wrote of them; how many.

    `befores` by toll country: withdrawn cases are kept until they are that old.
    """
    conn.execute(_LOCK, {"lock": _LOCK_SPACE})
    conn.execute(_TOUCH, {"now": now})
    rows = conn.execute(_DUE, {"countries": list(befores), "befores": list(befores.values())}).fetchall()
    for case_id, state in rows:
        if CaseState(state) in OPEN:
            conn.execute(_WITHDRAW, {"case": case_id})
            changed(conn, case_id, "withdrawn", why=Why.ERASED.value)
        changed(conn, case_id, "erased")
    for statement in _ERASE:
        conn.execute(statement, {"ids": [row[0] for row in rows], "now": now})
    return len(rows)
