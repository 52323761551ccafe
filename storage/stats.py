"""Events counted by hour, and how sure and how fast the pipeline was.

An hour is counted once, by `count_changed`. Whatever changes an event leaves a mark on its hour (triggers on
`plate_events` and `verdicts`); the events of an hour with marks are looked at by whoever asks. So what is told is what
there is, and marks that are late cost time alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row, scalar_row

from storage.db import Conn

BINS = 20  # of confidence, each 0.05 wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many events a camera first saw in an hour (UTC) whose verdict in force is this; None: not judged yet."""

    hour: datetime
    camera: str
    verdict: str | None
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long after a car was last seen its first verdict came, of the cars that live cameras saw in an hour (UTC)."""

    hour: datetime
    events: int
    median_s: float
    p95_s: float


# What is counted of the hours that are looked at, each from `since` to `until`.
# The order keeps the planner from beginning elsewhere than at the hours.
_EVENTS: LiteralString = """
from looked_at cross join lateral (
    select * from plate_events where first_seen >= looked_at.since and first_seen < looked_at.until order by first_seen
) as e
"""
_VERDICTS: LiteralString = """
select looked_at.hour, e.camera_id, coalesce(v.status, '') as verdict, count(*) as events
<events>
left join lateral (select status from verdicts where event_id = e.id order by id desc limit 1) as v on true
group by 1, 2, 3
"""
_CONFIDENCES: LiteralString = """
select looked_at.hour, e.camera_id, least(floor(e.confidence * %(bins)s)::integer, %(bins)s - 1) as bin,
    count(*) as events
<events>
where e.reads > 0
group by 1, 2, 3
"""
_LATENCIES: LiteralString = """
select looked_at.hour, e.camera_id, count(*) as events,
    percentile_cont(0.5) within group (order by v.after_s) as median_s,
    percentile_cont(0.95) within group (order by v.after_s) as p95_s
<events>
join sessions s on s.id = e.session_id and s.is_live
cross join lateral (
    select greatest(0, extract(epoch from judged_at - e.last_seen))::float as after_s
    from verdicts where event_id = e.id order by id limit 1) as v
group by grouping sets ((1), (1, 2))
"""
# Hours that changed, and those that the period cuts.
_ASKED: LiteralString = """
with looked_at as materialized (
    select hour, greatest(hour, %(since)s) as since, least(hour + interval '1 hour', %(until)s) as until
    from (
        select hour from hours_changed where hour + interval '1 hour' > %(since)s
        union select date_trunc('hour', %(since)s, 'UTC') where date_trunc('hour', %(since)s, 'UTC') < %(since)s
        union select date_trunc('hour', %(until)s, 'UTC')
    ) as marked (hour)
    where hour < %(until)s
)
"""
_COUNTED: LiteralString = """
hour >= %(since)s and hour < %(until)s and hour not in (select hour from looked_at)
"""


# Hours from beginning to end.
_WHOLE: LiteralString = """
with looked_at as (
    select hour, hour as since, hour + interval '1 hour' as until from unnest(%(hours)s::timestamptz[]) as hour
)
"""


def _filled(template: LiteralString) -> LiteralString:
    """The statement with the parts that it names."""
    whole = template.replace("<asked>", _ASKED).replace("<counted>", _COUNTED).replace("<verdicts>", _VERDICTS)
    whole = whole.replace("<confidences>", _CONFIDENCES).replace("<latencies>", _LATENCIES)
    return whole.replace("<whole>", _WHOLE).replace("<events>", _EVENTS)


_COUNTS = _filled("""
<asked>
select found.hour, c.name as camera, nullif(found.verdict, '') as verdict, found.events
from (select hour, camera_id, verdict, events from hour_verdicts where <counted> union all (<verdicts>)) as found
join cameras c on c.id = found.camera_id
where %(camera)s::text is null or c.name = %(camera)s
order by 1, 2, 3
""")
_CONFIDENCE = _filled("""
<asked>
select found.bin, sum(found.events)::bigint
from (select hour, camera_id, bin, events from hour_confidences where <counted> union all (<confidences>)) as found
where %(camera)s::text is null or found.camera_id = (select id from cameras where name = %(camera)s)
group by 1
""")
_LATENCY = _filled("""
<asked>
select found.hour, found.events, found.median_s, found.p95_s
from (
    select hour, camera_id, events, median_s, p95_s from hour_latencies where <counted> union all (<latencies>)
) as found
where (%(camera)s::text is null and found.camera_id is null)
    or found.camera_id = (select id from cameras where name = %(camera)s)
order by 1
""")


def counts(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[Count]:
    """The events first seen in [since, until), oldest hour first; hours without any are left out."""
    with conn.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(_COUNTS, _values(since, until, camera)).fetchall()


def confidences(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[int]:
    """The events first seen in [since, until), also those erased since, by confidence: BINS equal steps of 0..1."""
    found = [0] * BINS
    for place, count in conn.execute(_CONFIDENCE, _values(since, until, camera)):
        found[place] = count
    return found


def latencies(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[Latency]:
    """The cars first seen in [since, until), oldest hour first; hours without a verdict are left out."""
    with conn.cursor(row_factory=class_row(Latency)) as cursor:
        return cursor.execute(_LATENCY, _values(since, until, camera)).fetchall()


def plan(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[str]:
    """How Postgres finds `counts`, run and timed, as its EXPLAIN tells it."""
    told = conn.execute(f"explain (analyze, buffers, costs off) {_COUNTS}", _values(since, until, camera))
    return [row[0] for row in told]


def _values(since: datetime, until: datetime, camera: str | None) -> dict[str, Any]:
    return {"since": since, "until": until, "camera": camera, "bins": BINS}


_TAKE = """
delete from hours_changed where hour in (
    select hour from hours_changed group by hour having max(changed_at) <= now() - make_interval(secs => %(quiet_s)s)
    order by hour desc limit %(most)s)
returning hour
"""
_COUNT = (
    "delete from hour_verdicts where hour = any(%(hours)s)",
    _filled("insert into hour_verdicts (hour, camera_id, verdict, events) <whole> <verdicts>"),
    "delete from hour_confidences where hour = any(%(hours)s)",
    _filled("insert into hour_confidences (hour, camera_id, bin, events) <whole> <confidences>"),
    "delete from hour_latencies where hour = any(%(hours)s)",
    _filled("insert into hour_latencies (hour, camera_id, events, median_s, p95_s) <whole> <latencies>"),
)


def count_changed(conn: Conn, *, quiet_s: float, most: int) -> int:
    """Count hours that changed, but not for `quiet_s`, the newest first, at most `most`; how many.

    One transaction at a time may do this. What changes meanwhile leaves its mark and is counted the next time.
    """
    with conn.cursor(row_factory=scalar_row) as cursor:
        hours = sorted(set(cursor.execute(_TAKE, {"quiet_s": quiet_s, "most": most})))
    for statement in _COUNT if hours else ():
        conn.execute(statement, {"hours": hours, "bins": BINS})
    return len(hours)
