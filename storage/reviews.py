"""The review queue: people are handed cases one by one, and answer without knowing what others said.

What a reviewer is shown holds no plate and no answer: the plate is read off the pictures once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from anpr.cases import OPEN, Answer, CaseState, Review, person, state_of
from anpr.errors import BadInput
from anpr.plates import normalise
from storage import cases
from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEvent:
    """A passing as a reviewer sees it."""

    event_id: int
    camera: str
    first_seen: datetime
    last_seen: datetime
    reads: int
    agreeing: int
    reason: str  # of its verdict
    pictures: list[str]  # paths in the evidence directory; the first shows the plate best


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A case as a reviewer sees it, who has it until `until`."""

    case_id: int
    toll_country: str
    period_from: datetime
    period_to: datetime
    until: datetime
    events: tuple[ShownEvent, ...]


# Whose claim still runs gets the same case again; then what others have begun comes first, so that it gets done.
_CLAIM = """
update cases set claimed_by = %(who)s, claimed_until = %(until)s
where id = (
    select c.id from cases c
    where c.state in ('pending', 'in_review', 'disputed') and c.erased_at is null
      and (c.claimed_until is null or c.claimed_until <= %(now)s or c.claimed_by = %(who)s)
      and not exists (
          select from reviews r where r.case_id = c.id and r.round = c.round and r.reviewer = %(who)s)
    order by (c.claimed_by is not distinct from %(who)s and c.claimed_until > %(now)s) desc,
        c.state = 'pending', c.id
    limit 1 for update skip locked)
returning id, toll_country, period_from, period_to, claimed_until
"""
_EVENTS = """
select e.id as event_id, m.name as camera, e.first_seen, e.last_seen, e.reads, e.agreeing,
    coalesce((select reason from verdicts where event_id = e.id order by id desc limit 1), '') as reason,
    array(select x.path from evidence x join plate_reads r using (session_id, frame_no, plate_no)
        where r.event_id = e.id
        order by (x.frame_no, x.plate_no) <> (e.best_frame_no, e.best_plate_no), x.frame_no, x.plate_no) as pictures
from suspicions s
join plate_events e on e.id = s.event_id
join cameras m on m.id = e.camera_id
where s.case_id = %(case)s and s.state = 'in_case'
order by e.first_seen, e.id
"""


def claim(conn: Conn, reviewer: str, *, hold_s: float, now: datetime) -> Shown | None:
    """Hand the next case that `reviewer` has not answered to that person alone for `hold_s`; None: there is none.

    Asking again within that time gives the same case. A claim that has run out lets others have it.
    """
    values = {"who": person(reviewer), "now": now, "until": now + timedelta(seconds=hold_s)}
    row = conn.execute(_CLAIM, values).fetchone()
    if row is None:
        return None
    cases.changed(conn, row[0], "shown", who=person(reviewer))
    return Shown(
        case_id=row[0],
        toll_country=row[1],
        period_from=row[2],
        period_to=row[3],
        until=row[4],
        events=events_of(conn, row[0]),
    )


def events_of(conn: Conn, case_id: int) -> tuple[ShownEvent, ...]:
    """The passings of a case, in the order of time."""
    with conn.cursor(row_factory=class_row(ShownEvent)) as cursor:
        return tuple(cursor.execute(_EVENTS, {"case": case_id}))


_CASE = "select state, plate, round, claimed_by, erased_at from cases where id = %(case)s for update"
_OF_ROUND = """
select reviewer, answer, plate from reviews where case_id = %(case)s and round = %(round)s order by id
"""
_ADD = """
insert into reviews (case_id, round, reviewer, answer, plate, reason)
values (%(case)s, %(round)s, %(who)s, %(answer)s, %(plate)s, %(reason)s)
"""
_DECIDE = """
update cases set state = %(state)s, decided_at = %(decided)s, claimed_by = null, claimed_until = null
where id = %(case)s
"""


def answer(conn: Conn, case_id: int, review: Review, *, reason: str, now: datetime) -> CaseState:
    """Keep a person's answer to the case that person was handed; the case's state then.

    Raises BadInput where there is no such case, it is decided, another person has it or it was never handed to this
    one, where a confirmation says no plate or an overturn no reason, or the reason names the plate.
    """
    who, plate = person(review.reviewer), normalise(review.plate)
    row = conn.execute(_CASE, {"case": case_id}).fetchone()
    if row is None:
        raise BadInput(f"there is no case {case_id}")
    state, accused, number, claimed_by, erased_at = row
    if CaseState(state) not in OPEN or erased_at is not None:
        raise BadInput(f"case {case_id} is {state}: nobody is asked any more")
    if claimed_by != who:
        raise BadInput(f"case {case_id} is not with {who}: ask for the next one")
    if review.answer is Answer.CONFIRM and not plate:
        raise BadInput("plate: a confirmation says which one is to be seen, such as 1A23456")
    if review.answer is Answer.OVERTURN and not reason.strip():
        raise BadInput("reason: say why the suspicion is wrong")
    if any(one and one in normalise(reason) for one in (accused, plate)):
        raise BadInput("the reason names the plate: say it without")
    conn.execute(
        _ADD,
        {
            "case": case_id,
            "round": number,
            "who": who,
            "answer": review.answer.value,
            "plate": plate,
            "reason": reason,
        },
    )
    said = conn.execute(_OF_ROUND, {"case": case_id, "round": number})
    found = state_of(accused, [Review(reviewer=one[0], answer=Answer(one[1]), plate=one[2]) for one in said])
    decided_at = None if found in OPEN else now
    conn.execute(_DECIDE, {"case": case_id, "state": found.value, "decided": decided_at})
    cases.changed(conn, case_id, "answered", who=who)
    if decided_at is not None:
        cases.changed(conn, case_id, "decided", why=found.value)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer as it is shown once a case is decided; those of earlier rounds did not count any more."""

    round: int
    reviewer: str
    answer: str
    plate: str
    reason: str
    answered_at: datetime


_ANSWERS = """
select r.round, r.reviewer, r.answer, r.plate, r.reason, r.answered_at
from reviews r join cases c on c.id = r.case_id
where c.id = %(case)s and c.state <> all(%(open)s) order by r.id
"""


def answers(conn: Conn, case_id: int) -> list[Answered]:
    """What people answered; nothing while the case is open: the next person must not know."""
    with conn.cursor(row_factory=class_row(Answered)) as cursor:
        return cursor.execute(_ANSWERS, {"case": case_id, "open": [state.value for state in OPEN]}).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Cases by how they ended: of a camera that saw a passing of them, or (None) of a whole toll country."""

    toll_country: str
    camera: str | None
    confirmed: int
    overturned: int
    unclear: int
    open: int


_OUTCOMES = """
with seen as (
    select distinct c.id, c.toll_country, c.state, m.name
    from suspicions s join cases c on c.id = s.case_id join cameras m on m.id = s.camera_id
    where s.state = 'in_case' and (%(since)s::timestamptz is null or c.period_to > %(since)s))
select toll_country, name as camera,
    count(distinct id) filter (where state = 'confirmed') as confirmed,
    count(distinct id) filter (where state = 'overturned') as overturned,
    count(distinct id) filter (where state = 'unclear') as unclear,
    count(distinct id) filter (where state = any(%(open)s)) as open
from seen group by grouping sets ((toll_country, name), (toll_country))
order by toll_country, grouping(name) desc, name
"""


def outcomes(conn: Conn, *, since: datetime | None) -> Sequence[Outcomes]:
    """How cases ended, of periods that ended after a moment: a line for each toll country, then its cameras.

    Those that are erased count too.
    """
    values = {"since": since, "open": [state.value for state in OPEN]}
    with conn.cursor(row_factory=class_row(Outcomes)) as cursor:
        return cursor.execute(_OUTCOMES, values).fetchall()
