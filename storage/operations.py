"""What those who run it look at: cameras, lists of vignettes, verdicts of late."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, dict_row

from anpr.health import FrameCounts
from anpr.types import VerdictStatus
from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLedger:
    """A camera with its session that runs, else its newest, and where the frames of all its sessions ended."""

    camera: str
    toll_country: str
    session_id: int
    is_live: bool
    is_running: bool  # its ingest has not ended, as far as is known
    is_settled: bool
    silent_s: float  # since its ingest was last heard of
    unread_since: datetime | None  # when the oldest plate was captured that waits for a reader
    reconnects: int
    counts: FrameCounts


# One statement, so that it sees one state: the sweep moves outcomes from `frames` into the sessions' counters.
_CAMERAS = """
with recent as (
    select c.id, c.name, c.toll_country from cameras c
    where exists (select from sessions s where s.camera_id = c.id and s.seen_at >= now() - make_interval(secs => %(s)s))
), ledger as (
    select s.camera_id,
        count(*) filter (where f.outcome = 'no_plate') as no_plate, count(*) filter (where f.outcome = 'read') as read,
        count(*) filter (where f.outcome = 'shed') as shed, count(*) filter (where f.outcome = 'expired') as expired,
        count(*) filter (where f.outcome = 'failed') as failed
    from frames f join sessions s on s.id = f.session_id group by s.camera_id
), unread as (
    select session_id, min(captured_at) as since from plate_reads where outcome is null group by session_id
), totals as (
    select camera_id, sum(offered)::bigint as offered, sum(sampled_out)::bigint as sampled_out,
        sum(shed_early)::bigint as shed_early, sum(sampled)::bigint as sampled, sum(corrupt)::bigint as corrupt,
        sum(reconnects)::bigint as reconnects, sum(no_plate)::bigint as no_plate, sum(read)::bigint as read,
        sum(shed)::bigint as shed, sum(expired)::bigint as expired, sum(failed)::bigint as failed,
        coalesce(max(id) filter (where ended_at is null), max(id)) as current_id
    from sessions where camera_id in (select id from recent) group by camera_id
)
select r.name as camera, r.toll_country, n.id as session_id, n.is_live, n.ended_at is null as is_running,
    n.settled_at is not null as is_settled, extract(epoch from now() - n.seen_at)::double precision as silent_s,
    u.since as unread_since, t.offered, t.sampled_out, t.shed_early, t.sampled, t.corrupt, t.reconnects,
    t.no_plate + coalesce(l.no_plate, 0) as no_plate, t.read + coalesce(l.read, 0) as read,
    t.shed + coalesce(l.shed, 0) as shed, t.expired + coalesce(l.expired, 0) as expired,
    t.failed + coalesce(l.failed, 0) as failed
from recent r
join totals t on t.camera_id = r.id
join sessions n on n.id = t.current_id
left join ledger l on l.camera_id = r.id
left join unread u on u.session_id = n.id
order by r.name
"""


def cameras(conn: Conn, *, within_s: float) -> list[CameraLedger]:
    """The cameras whose ingest was heard of in the last `within_s`, by name."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_CAMERAS, {"s": within_s}).fetchall()
    return [
        CameraLedger(
            camera=row["camera"],
            toll_country=row["toll_country"],
            session_id=row["session_id"],
            is_live=row["is_live"],
            is_running=row["is_running"],
            is_settled=row["is_settled"],
            silent_s=row["silent_s"],
            unread_since=row["unread_since"],
            reconnects=row["reconnects"],
            counts=FrameCounts.of(row),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryState:
    """The vignette list in force of a toll country."""

    toll_country: str
    age_s: float
    vignettes: int


_REGISTRIES = """
select distinct on (toll_country) toll_country, vignettes,
    extract(epoch from now() - as_of)::double precision as age_s
from registry_snapshots order by toll_country, as_of desc, id desc
"""


def registries(conn: Conn) -> list[RegistryState]:
    with conn.cursor(row_factory=class_row(RegistryState)) as cursor:
        return cursor.execute(_REGISTRIES).fetchall()


# By status, for that is what the index begins with.
_VERDICTS = """
select status, count(*) from (
    select distinct on (event_id) event_id, status from verdicts
    where status = any(%(all)s) and judged_at >= now() - make_interval(secs => %(within_s)s) and revision > 0
    order by event_id, id desc
) as newest group by status
"""


def verdicts_of_late(conn: Conn, *, within_s: float) -> dict[VerdictStatus, int]:
    """How many events were judged in the last `within_s`, by the newest verdict on each; every status is there."""
    values = {"all": [one.value for one in VerdictStatus], "within_s": within_s}
    found = dict(conn.execute(_VERDICTS, values).fetchall())
    return {status: int(found.get(status.value, 0)) for status in VerdictStatus}


_FIRST_LIVE = """
select s.is_live and not exists (
    select from verdicts v where v.event_id = e.id and v.judged_at < now() - make_interval(secs => %(slack_s)s))
from plate_events e join sessions s on s.id = e.session_id where e.id = %(event)s
"""


def is_first_live_verdict(conn: Conn, event_id: int, *, slack_s: float) -> bool:
    """Whether an event is of a live camera and has had no verdict but one of the last `slack_s`."""
    row = conn.execute(_FIRST_LIVE, {"event": event_id, "slack_s": slack_s}).fetchone()
    return row is not None and bool(row[0])
