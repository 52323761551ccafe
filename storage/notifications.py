"""What is still to be told of verdicts, to whom, and how those are doing who are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, scalar_row

from anpr.notifications import Notice
from anpr.types import Box, VerdictStatus
from storage import plate_events, watch_lists
from storage.db import Conn, returned

_LOCK = 0x74656C6C  # "tell"


def lock(conn: Conn) -> bool:
    """Whether this transaction may look for news; one at a time does."""
    return returned(conn.execute("select pg_try_advisory_xact_lock(%(lock)s)", {"lock": _LOCK}).fetchone())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A verdict that nobody was told of yet."""

    verdict_id: int
    event_id: int
    camera_id: int
    status: VerdictStatus
    is_first: bool  # of its event


# News is what is in force and not what was told of this revision already: a newer list may say the same again.
_NEWS = """
with batch as materialized (
    select id, event_id, revision, status from verdicts where announced is null order by id limit %(most)s
), news as materialized (
    select b.id, b.event_id, e.camera_id, b.status,
        not exists (select from verdicts p where p.event_id = b.event_id and p.announced) as is_first
    from batch b
    join plate_events e on e.id = b.event_id
    where e.erased_at is null and e.revision = b.revision
      and not exists (select from verdicts n where n.event_id = b.event_id and n.id > b.id)
      and b.status is distinct from (
          select p.status from verdicts p
          where p.event_id = b.event_id and p.revision = b.revision and p.announced
          order by p.id desc limit 1)
), looked as (
    update verdicts set announced = exists (select from news where news.id = batch.id)
    from batch where verdicts.id = batch.id
)
select id, event_id, camera_id, status, is_first from news order by id
"""


def news(conn: Conn, *, most: int) -> list[News]:
    """The verdicts to tell among the oldest `most` that nobody has looked at; all of those have been looked at then."""
    rows = conn.execute(_NEWS, {"most": most}).fetchall()
    return [
        News(verdict_id=row[0], event_id=row[1], camera_id=row[2], status=VerdictStatus(row[3]), is_first=row[4])
        for row in rows
    ]


def hold(conn: Conn, event_id: int) -> bool:
    """Keep an event from becoming part of another until the transaction ends; False where it already has."""
    statement = "select id from plate_events where id = %(event)s for key share"
    return conn.execute(statement, {"event": event_id}).fetchone() is not None


_ADD = """
insert into notifications (target, event_id, revision, verdict_id)
select %(target)s, id, revision, %(verdict)s from plate_events where id = %(event)s
on conflict do nothing
"""


def add(conn: Conn, found: News, targets: Sequence[str]) -> None:
    """Have these told."""
    with conn.cursor() as cursor:
        cursor.executemany(
            _ADD,
            [{"target": target, "event": found.event_id, "verdict": found.verdict_id} for target in targets],
        )


_DUE = """
select n.id from notifications n
left join notification_targets t on t.target = n.target
where n.state = 'waiting' and n.due_at <= now() and n.target <> %(except)s
  and (t.rests_until is null or t.rests_until <= now())
order by n.due_at, n.id limit %(most)s
"""


def due(conn: Conn, *, most: int, without: str) -> list[int]:
    """What is to be told now, oldest first; not to a target that rests, nor to `without`."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_DUE, {"most": most, "except": without}).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to be told to one target; its attempts count the one at hand."""

    id: int
    target: str
    event_id: int
    verdict_id: int
    attempts: int


# Where two workers take verdicts of one event at once, the second sees what the first has taken.
_ONE_AFTER_THE_OTHER = """
select from notifications
where (target, event_id) = (select target, event_id from notifications where id = %(id)s)
order by id for update
"""
# Why the last attempt failed is known until the next one begins: none is known of one that is being told.
_CLAIM = """
update notifications n set attempts = attempts + 1, why = '', due_at = now() + %(lease_s)s * interval '1 second'
where id = %(id)s and state = 'waiting' and due_at <= now()
  and not exists (select from notification_targets t where t.target = n.target and t.rests_until > now())
  and not exists (
      select from notifications o where o.target = n.target and o.event_id = n.event_id and o.id <> n.id
        and o.state = 'waiting' and o.attempts > 0 and o.why = '' and o.due_at > now())
returning id, target, event_id, verdict_id, attempts
"""


def claim(conn: Conn, notification_id: int, *, lease_s: float) -> Delivery | None:
    """Take a delivery that is due, for so long; None where it is not, was made, its target rests or is being told of
    the event by another worker.

    Where nothing is heard of it in that time, because its worker was killed, it is due again.
    """
    conn.execute(_ONE_AFTER_THE_OTHER, {"id": notification_id})
    with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(_CLAIM, {"id": notification_id, "lease_s": lease_s}).fetchone()


_CLAIM_OF = """
update notifications n set attempts = attempts + 1, due_at = now() + %(lease_s)s * interval '1 second'
from (
    select id from notifications where target = %(target)s and state = 'waiting' and due_at <= now()
    order by id limit %(most)s for update skip locked) due
where n.id = due.id
returning n.id, n.target, n.event_id, n.verdict_id, n.attempts
"""


def claim_of(conn: Conn, target: str, *, most: int, lease_s: float) -> list[Delivery]:
    """Take deliveries to one target that are due, oldest first."""
    with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        found = cursor.execute(_CLAIM_OF, {"target": target, "most": most, "lease_s": lease_s}).fetchall()
    return sorted(found, key=lambda one: one.id)


_VERDICT = """
select e.camera_id, v.status, v.reason, v.rules_version, v.judge_again_at is not null, v.judged_at,
    r.x1, r.y1, r.x2, r.y2, r.detection_score
from notifications n
join plate_events e on e.id = n.event_id
join verdicts v on v.id = n.verdict_id
left join plate_reads r
    on r.session_id = e.session_id and r.frame_no = e.best_frame_no and r.plate_no = e.best_plate_no
where n.id = %(id)s and e.erased_at is null and e.revision = n.revision
  and not exists (select from verdicts later where later.event_id = e.id and later.id > v.id and later.announced)
"""


def notice(conn: Conn, delivery: Delivery) -> Notice | None:
    """What is to be told; None where that is no longer so: the event was erased, or something newer is told of it."""
    row = conn.execute(_VERDICT, {"id": delivery.id}).fetchone()
    found = plate_events.get(conn, delivery.event_id)
    if row is None or found is None:
        return None
    camera_id, status, reason, rules_version, is_provisional, judged_at, x1, y1, x2, y2, score = row
    return Notice(
        event=found.event,
        camera_id=camera_id,
        verdict_id=delivery.verdict_id,
        status=VerdictStatus(status),
        reason=reason,
        rules_version=rules_version,
        is_provisional=is_provisional,
        judged_at=judged_at,
        box=None if x1 is None else Box(x1=x1, y1=y1, x2=x2, y2=y2),
        detection_score=score or 0.0,
        hits=tuple(watch_lists.hits(conn, delivery.event_id)),
    )


_DELIVERED = """
insert into notification_targets (target, delivered, delivered_at) values (%(target)s, %(count)s, now())
on conflict (target) do update set delivered = notification_targets.delivered + excluded.delivered,
    delivered_at = now(), failures = 0, rests_until = null
"""


def drop(conn: Conn, ids: Sequence[int]) -> None:
    """Forget deliveries that are made, or no longer to be."""
    conn.execute("delete from notifications where id = any(%(ids)s)", {"ids": list(ids)})


def delivered(conn: Conn, target: str, ids: Sequence[int]) -> None:
    """Forget deliveries that were made; their target is well."""
    drop(conn, ids)
    conn.execute(_DELIVERED, {"target": target, "count": len(ids)})


_FAILED = """
update notifications set why = %(why)s, state = case when %(again_s)s::float8 is null then 'dead' else 'waiting' end,
    due_at = now() + coalesce(%(again_s)s::float8, 0) * interval '1 second'
where id = %(id)s
"""


def failed(conn: Conn, delivery: Delivery, *, why: str, again_s: float | None) -> None:
    """Have a delivery made again after a time; None: it is dead. `why` must hold no plate."""
    conn.execute(_FAILED, {"id": delivery.id, "why": why, "again_s": again_s})


_AWAY = """
insert into notification_targets (target, failures) values (%(target)s, 1)
on conflict (target) do update set failures = notification_targets.failures + 1,
    rests_until = case when notification_targets.failures + 1 >= %(from)s then now() + least(%(longest_s)s,
        %(first_s)s * 2 ^ least(notification_targets.failures + 1 - %(from)s, 30)) * interval '1 second' end
returning rests_until
"""


def away(conn: Conn, target: str, *, after: int, first_s: float, longest_s: float) -> datetime | None:
    """Count a failure of a target; from the one numbered `after` on it rests, twice as long each time: until when."""
    values = {"target": target, "from": after, "first_s": first_s, "longest_s": longest_s}
    return returned(conn.execute(_AWAY, values).fetchone())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """How one who is told is doing."""

    target: str
    waiting: int
    dead: int
    oldest_at: datetime | None  # of what waits
    delivered: int
    delivered_at: datetime | None
    rests_until: datetime | None


_STATES = """
select target, coalesce(n.waiting, 0) as waiting, coalesce(n.dead, 0) as dead, n.oldest_at,
    coalesce(t.delivered, 0) as delivered, t.delivered_at,
    case when t.rests_until > now() then t.rests_until end as rests_until
from notification_targets t
full join (
    select target, count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'dead') as dead,
        min(created_at) filter (where state = 'waiting') as oldest_at
    from notifications group by target) n using (target)
order by target
"""


def states(conn: Conn) -> dict[str, TargetState]:
    """How those are doing who were ever told, or are to be."""
    with conn.cursor(row_factory=class_row(TargetState)) as cursor:
        return {one.target: one for one in cursor.execute(_STATES).fetchall()}


_IS_QUIET = """
select not exists (select from notifications where state = 'waiting')
    and not exists (select from verdicts where announced is null)
"""


def is_quiet(conn: Conn) -> bool:
    """Whether there is nothing to tell, now or later."""
    return returned(conn.execute(_IS_QUIET).fetchone())[0]
