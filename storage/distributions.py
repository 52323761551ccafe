"""How sure and how fast the pipeline was: for charts."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from storage.db import Conn

BINS = 20  # of confidence, each 0.05 wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long after a car was last seen its first verdict came, of the cars that live cameras saw in an hour (UTC)."""

    hour: datetime
    events: int
    median_s: float
    p95_s: float


_CONFIDENCE = """
select least(floor(e.confidence * %(bins)s)::integer, %(bins)s - 1) as bin, count(*)
from plate_events e
where e.first_seen >= %(since)s and e.first_seen < %(until)s and e.plate <> ''
  and (%(camera)s::text is null or e.camera_id = (select id from cameras where name = %(camera)s))
group by 1
"""
_LATENCY = """
select date_trunc('hour', e.first_seen, 'UTC') as hour, count(*) as events,
    percentile_cont(0.5) within group (order by v.after_s) as median_s,
    percentile_cont(0.95) within group (order by v.after_s) as p95_s
from plate_events e
join sessions s on s.id = e.session_id and s.is_live
cross join lateral (
    select greatest(0, extract(epoch from judged_at - e.last_seen))::float as after_s
    from verdicts where event_id = e.id order by id limit 1) as v
where e.first_seen >= %(since)s and e.first_seen < %(until)s
  and (%(camera)s::text is null or e.camera_id = (select id from cameras where name = %(camera)s))
group by 1 order by 1
"""


def confidences(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[int]:
    """The events first seen in [since, until) whose plate is not erased, by confidence: BINS equal steps of 0..1."""
    found = [0] * BINS
    values = {"since": since, "until": until, "camera": camera, "bins": BINS}
    for place, count in conn.execute(_CONFIDENCE, values):
        found[place] = count
    return found


def latencies(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[Latency]:
    """The cars first seen in [since, until), oldest hour first; hours without a verdict are left out."""
    with conn.cursor(row_factory=class_row(Latency)) as cursor:
        return cursor.execute(_LATENCY, {"since": since, "until": until, "camera": camera}).fetchall()
