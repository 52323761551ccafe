"""Deliveries that were given up, until they are replayed or forgotten. They hold no plate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that failed too often, and why it did the last time."""

    id: int
    target: str
    event_id: int
    camera: str
    status: str  # of the verdict
    attempts: int
    why: str
    created_at: datetime


_FIND = """
select n.id, n.target, n.event_id, c.name as camera, v.status, n.attempts, n.why, n.created_at
from notifications n
join plate_events e on e.id = n.event_id
join cameras c on c.id = e.camera_id
join verdicts v on v.id = n.verdict_id
where n.state = 'dead' and (%(target)s::text is null or n.target = %(target)s)
order by n.id desc limit %(most)s
"""


def find(conn: Conn, *, target: str | None, most: int) -> list[DeadLetter]:
    """The newest dead deliveries, newest first."""
    with conn.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return cursor.execute(_FIND, {"target": target, "most": most}).fetchall()


_REPLAY = """
update notifications set state = 'waiting', attempts = 0, due_at = now()
where state = 'dead' and (%(target)s::text is null or target = %(target)s)
  and (%(ids)s::bigint[] is null or id = any(%(ids)s))
returning target
"""
_WAKE = "update notification_targets set failures = 0, rests_until = null where target = any(%(targets)s)"


def replay(conn: Conn, *, ids: Sequence[int] | None, target: str | None) -> int:
    """Have dead deliveries made again, of these numbers and this target (None: all), at once; how many."""
    rows = conn.execute(_REPLAY, {"ids": None if ids is None else list(ids), "target": target}).fetchall()
    conn.execute(_WAKE, {"targets": [row[0] for row in rows]})
    return len(rows)


def forget(conn: Conn, event_ids: Sequence[int]) -> None:
    """Forget whatever was still to be told of these events, dead or waiting: they are erased."""
    conn.execute("delete from notifications where event_id = any(%(ids)s)", {"ids": list(event_ids)})


def forget_old(conn: Conn, *, before: datetime) -> int:
    """Forget dead deliveries of verdicts from before a moment; how many."""
    statement = "delete from notifications where state = 'dead' and created_at <= %(before)s"
    return conn.execute(statement, {"before": before}).rowcount
