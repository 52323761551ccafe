"""Plate events: one row for one car passing one camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import kwargs_row, scalar_row
from psycopg.types.json import Jsonb

from anpr.types import Candidate, PlateEvent, PlateRead, Region, VerdictStatus, Vote
from storage.db import Conn, returned
from storage.plate_reads import from_json, regions_from_json, regions_to_json, to_json

_LOCK = "select pg_advisory_xact_lock(%(space)s, camera_id::integer) from sessions where id = %(session)s"
_LOCK_SPACE = 0x65766E74  # "evnt"


def lock(conn: Conn, session_id: int) -> None:
    """Hold the grouping of this session's camera until the transaction ends; others wait."""
    conn.execute(_LOCK, {"space": _LOCK_SPACE, "session": session_id})


_CREATE = """
insert into plate_events (session_id, camera_id, toll_country, plate, confidence, candidates, reads, agreeing,
    first_seen, last_seen, best_frame_no, best_plate_no)
select s.id, s.camera_id, c.toll_country, '', 0, '[]', 0, 0, %(at)s, %(at)s, 0, 0
from sessions s join cameras c on c.id = s.camera_id where s.id = %(session)s
returning id
"""


def create(conn: Conn, session_id: int, *, at: datetime) -> int:
    """An empty open event; `revote` fills it."""
    return returned(conn.execute(_CREATE, {"session": session_id, "at": at}).fetchone())[0]


_MERGE = (
    "update plate_reads set event_id = %(into)s where event_id = any(%(gone)s)",
    # Their verdicts stay as history; a negative revision is never the one in force.
    "update verdicts set event_id = %(into)s, revision = -id where event_id = any(%(gone)s)",
    "update corrections set event_id = %(into)s where event_id = any(%(gone)s)",
    """
    update plate_events set
        reads = (select count(*) from plate_reads where event_id = %(into)s and not is_late),
        corrected_plate = coalesce(corrected_plate, (
            select max(corrected_plate) from plate_events where id = any(%(gone)s)))
    where id = %(into)s
    """,
    "delete from plate_events where id = any(%(gone)s)",
)


def merge(conn: Conn, into: int, gone: Sequence[int]) -> None:
    """Make several events one."""
    for statement in _MERGE:
        conn.execute(statement, {"into": into, "gone": list(gone)})


_VOTES = """
select id, coalesce(corrected_plate, plate), case when corrected_plate is null then confidence else 1 end
from plate_events where id = any(%(ids)s)
"""


def votes_of(conn: Conn, event_ids: Sequence[int]) -> dict[int, Candidate]:
    """Plate and confidence of events, as they are judged: a corrected plate is certain."""
    rows = conn.execute(_VOTES, {"ids": list(event_ids)})
    return {row[0]: Candidate(text=row[1], confidence=row[2]) for row in rows}


_REVOTE = """
update plate_events set plate = %(plate)s, confidence = %(confidence)s, candidates = %(candidates)s,
    regions = %(regions)s, agreeing = %(agreeing)s, best_frame_no = %(best_frame)s, best_plate_no = %(best_plate)s,
    reads = looks.n, first_seen = looks.first_seen, last_seen = looks.last_seen, state = 'open',
    revision = revision + 1
from (select count(*) as n, min(captured_at) as first_seen, max(captured_at) as last_seen
      from plate_reads where event_id = %(id)s and not is_late) as looks
where id = %(id)s
"""


def revote(conn: Conn, event_id: int, vote: Vote, best: PlateRead, regions: Sequence[Region] = ()) -> None:
    """Store what the event's reads make together and which read shows it best; the event is open again."""
    conn.execute(
        _REVOTE,
        {
            "id": event_id,
            "plate": vote.plate,
            "confidence": vote.confidence,
            "candidates": Jsonb(to_json(vote.candidates)),
            "regions": Jsonb(regions_to_json(regions)),
            "agreeing": vote.agreeing,
            "best_frame": best.frame_no,
            "best_plate": best.plate_no,
        },
    )


_CLOSE = """
update plate_events set state = 'closed', closed_at = coalesce(closed_at, now())
where session_id = %(session)s and state = 'open' and (%(before)s::timestamptz is null or last_seen < %(before)s)
returning id
"""


def close(conn: Conn, session_id: int, *, before: datetime | None) -> list[int]:
    """Close the open events last seen before a moment (all of them where None); returns their ids."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_CLOSE, {"session": session_id, "before": before}).fetchall()


_FINAL = """
select id from plate_events
where id = any(%(ids)s) and closed_at < now() - make_interval(secs => %(late_s)s) order by id
"""


def final(conn: Conn, event_ids: Sequence[int], *, late_s: float) -> list[int]:
    """Those of the events that first closed more than `late_s` ago: no read opens them any more."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_FINAL, {"ids": list(event_ids), "late_s": late_s}).fetchall()


_CORRECT = (
    """
    update plate_events set corrected_plate = %(plate)s, regions = %(regions)s, revision = revision + 1
    where id = %(id)s and erased_at is null
    """,
    """
    update sessions set settled_at = null
    where id = (select session_id from plate_events where id = %(id)s and erased_at is null)
    """,
)


def correct(conn: Conn, event_id: int, plate: str | None, regions: Sequence[Region]) -> None:
    """Have an event that is not erased judged (again) on this plate, on its vote where None; its session is unsettled
    until that is done."""
    for statement in _CORRECT:
        conn.execute(statement, {"id": event_id, "plate": plate, "regions": Jsonb(regions_to_json(regions))})


def corrected_plate(conn: Conn, event_id: int) -> str | None:
    """What people say an event's plate is; None where nobody does."""
    row = conn.execute("select corrected_plate from plate_events where id = %(id)s", {"id": event_id}).fetchone()
    return None if row is None else row[0]


_UNJUDGED = """
(select e.id from plate_events e join sessions s on s.id = e.session_id
where s.settled_at is null and e.state = 'closed' and e.erased_at is null
  and not exists (select from verdicts v where v.event_id = e.id and v.revision = e.revision)
order by e.id limit 1000)
union
(select v.event_id from verdicts v join plate_events e on e.id = v.event_id
where v.judge_again_at <= now() and e.state = 'closed' and e.erased_at is null
order by v.judge_again_at limit 1000)
order by 1
"""


def unjudged(conn: Conn) -> list[int]:
    """Closed events of running sessions that lack a verdict on their present reads, and those to be judged again."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_UNJUDGED).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts:
    """How far a session's events have come."""

    events: int = 0
    reads: int = 0


_COUNTS = """
select session_id, count(*), sum(reads) from plate_events where session_id = any(%(ids)s) group by session_id
"""


def counts(conn: Conn, session_ids: Sequence[int]) -> dict[int, EventCounts]:
    rows = conn.execute(_COUNTS, {"ids": list(session_ids)})
    return {row[0]: EventCounts(events=row[1], reads=row[2]) for row in rows}


_COLUMNS = """
select e.id, e.session_id, c.name as camera, e.plate, e.confidence, e.candidates, e.reads, e.agreeing, e.first_seen,
    e.last_seen, e.toll_country, e.state, e.revision, e.regions, e.corrected_plate, v.status, v.reason,
    x.path as picture
from plate_events e
join cameras c on c.id = e.camera_id
left join lateral (
    select status, reason from verdicts where event_id = e.id order by id desc limit 1) as v on true
left join evidence x on x.session_id = e.session_id and x.frame_no = e.best_frame_no and x.plate_no = e.best_plate_no
"""
_GET: LiteralString = _COLUMNS + "where e.id = any(%(ids)s) order by e.first_seen desc, e.id desc"
_OF_SESSIONS: LiteralString = (
    _COLUMNS + "where e.session_id = any(%(ids)s) order by e.first_seen desc, e.id desc limit %(limit)s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event with its verdict in force and the picture of its best read, as people look at it."""

    event: PlateEvent
    status: VerdictStatus | None
    reason: str | None
    picture: str | None


def get(conn: Conn, event_id: int) -> EventRow | None:
    found = get_all(conn, [event_id])
    return found[0] if found else None


def get_all(conn: Conn, event_ids: Sequence[int]) -> list[EventRow]:
    """Those of the events that there are, newest first."""
    with conn.cursor(row_factory=kwargs_row(_event_row)) as cursor:
        return cursor.execute(_GET, {"ids": list(event_ids)}).fetchall()


def of_sessions(conn: Conn, session_ids: Sequence[int], *, limit: int) -> list[EventRow]:
    """The newest events of these sessions, newest first."""
    with conn.cursor(row_factory=kwargs_row(_event_row)) as cursor:
        return cursor.execute(_OF_SESSIONS, {"ids": list(session_ids), "limit": limit}).fetchall()


def _event_row(
    *, candidates: Any, regions: Any, status: str | None, reason: str | None, picture: str | None, **plain: Any
) -> EventRow:
    return EventRow(
        event=PlateEvent(candidates=from_json(candidates), regions=regions_from_json(regions), **plain),
        status=None if status is None else VerdictStatus(status),
        reason=reason,
        picture=picture,
    )
