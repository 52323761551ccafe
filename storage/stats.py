"""Events counted by hour, camera and verdict."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many events a camera first saw in an hour (UTC) whose verdict in force is this; None: not judged yet."""

    hour: datetime
    camera: str
    verdict: str | None
    events: int


_COUNTS = """
select date_trunc('hour', e.first_seen, 'UTC') as hour, c.name as camera, v.status as verdict, count(*) as events
from plate_events e
join cameras c on c.id = e.camera_id
left join lateral (
    select status from verdicts where event_id = e.id order by id desc limit 1) as v on true
where e.first_seen >= %(since)s and e.first_seen < %(until)s and (%(camera)s::text is null or c.name = %(camera)s)
group by 1, 2, 3 order by 1, 2, 3
"""


def counts(conn: Conn, *, since: datetime, until: datetime, camera: str | None = None) -> list[Count]:
    """The events first seen in [since, until), oldest hour first; hours without any are left out."""
    with conn.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(_COUNTS, {"since": since, "until": until, "camera": camera}).fetchall()
