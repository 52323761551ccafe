"""Cameras, their sessions, and the ledger of where every frame ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, scalar_row

from anpr.types import FrameOutcome
from storage.db import Conn, returned


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One start of one camera's ingest, with its counters; ledger rows not folded in yet are included."""

    id: int
    camera_id: int
    camera: str
    toll_country: str
    source: str
    is_live: bool
    expected_frames: int | None
    started_at: datetime
    ended_at: datetime | None
    complete: bool
    settled_at: datetime | None
    watermark: datetime | None
    offered: int
    sampled_out: int
    shed_early: int
    sampled: int
    corrupt: int
    reconnects: int
    no_plate: int
    read: int
    shed: int
    expired: int
    failed: int

    @property
    def accounted(self) -> int:
        return self.no_plate + self.read + self.shed + self.expired + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounters:
    """What only the ingest process knows; absolute numbers since the session began."""

    offered: int = 0
    sampled_out: int = 0
    shed_early: int = 0  # by the decoder, before sampling
    sampled: int = 0
    corrupt: int = 0
    reconnects: int = 0


_CAMERA = """
insert into cameras (name, toll_country) values (%(name)s, %(country)s)
on conflict (name) do update set toll_country = excluded.toll_country
returning id
"""


def camera_id(conn: Conn, name: str, *, toll_country: str) -> int:
    """The id of a camera, which is added or brought up to date."""
    return returned(conn.execute(_CAMERA, {"name": name, "country": toll_country}).fetchone())[0]


_START = """
insert into sessions (camera_id, source, source_key, is_live, expected_frames)
values (%(camera)s, %(source)s, %(key)s, %(live)s, %(expected)s)
returning id
"""


def start(conn: Conn, *, camera: int, source: str, key: str, is_live: bool, expected_frames: int | None) -> int:
    values = {"camera": camera, "source": source, "key": key, "live": is_live, "expected": expected_frames}
    return returned(conn.execute(_START, values).fetchone())[0]


_UNFINISHED = """
update sessions set ended_at = null, settled_at = null, seen_at = now()
where id = (
    select id from sessions
    where camera_id = %(camera)s and source_key = %(key)s and not is_live and not complete
    order by id desc limit 1
)
returning id, greatest(counted, (select max(frame_no) + 1 from frames where session_id = sessions.id), 0)
"""


def resume(conn: Conn, *, camera: int, key: str) -> tuple[int, int] | None:
    """Take up the unfinished session of the same file: (id, first frame number without an outcome behind it)."""
    row = conn.execute(_UNFINISHED, {"camera": camera, "key": key}).fetchone()
    return None if row is None else (row[0], row[1])


_GIVE_UP = """
update sessions set complete = true from cameras
where cameras.id = sessions.camera_id and cameras.name = any(%(cameras)s) and not is_live and not complete
"""


def give_up_unfinished(conn: Conn, cameras: Sequence[str]) -> None:
    """Let interrupted files of these cameras be: `resume` does not take them up again."""
    conn.execute(_GIVE_UP, {"cameras": list(cameras)})


_REPORT = """
update sessions set
    offered = greatest(offered, %(offered)s), sampled_out = greatest(sampled_out, %(sampled_out)s),
    shed_early = greatest(shed_early, %(shed_early)s),
    sampled = greatest(sampled, %(sampled)s), corrupt = greatest(corrupt, %(corrupt)s), reconnects = %(reconnects)s,
    seen_at = now(), ended_at = case when %(ended)s then now() end, complete = %(complete)s, settled_at = null
where id = %(id)s
"""


def report(
    conn: Conn, session_id: int, counters: IngestCounters, *, ended: bool = False, complete: bool = False
) -> None:
    """Store the ingest's counters and that it is alive, or has ended; `complete` where its file was read to the end."""
    conn.execute(
        _REPORT,
        {
            "id": session_id,
            "ended": ended,
            "complete": complete,
            "offered": counters.offered,
            "sampled_out": counters.sampled_out,
            "shed_early": counters.shed_early,
            "sampled": counters.sampled,
            "corrupt": counters.corrupt,
            "reconnects": counters.reconnects,
        },
    )


_RECORD = """
insert into frames (session_id, frame_no, captured_at, outcome)
select %(session)s, new.frame_no, new.captured_at, new.outcome
from unnest(%(numbers)s::bigint[], %(times)s::timestamptz[], %(outcomes)s::text[])
    as new (frame_no, captured_at, outcome)
where new.frame_no >= (select counted from sessions where id = %(session)s for share)
on conflict (session_id, frame_no) do update set outcome = 'shed'
where excluded.outcome = 'shed' and frames.outcome = 'expired'
"""


def record(conn: Conn, session_id: int, outcomes: Iterable[tuple[int, datetime | None, FrameOutcome]]) -> None:
    """Write (frame_no, captured_at where known, outcome) to the ledger. Writing a frame again changes nothing."""
    rows = list(outcomes)
    if rows:
        conn.execute(
            _RECORD,
            {
                "session": session_id,
                "numbers": [row[0] for row in rows],
                "times": [row[1] for row in rows],
                "outcomes": [row[2].value for row in rows],
            },
        )


_FOLD = """
with due as (
    select frame_no, captured_at, outcome from (
        select frame_no, captured_at, outcome, row_number() over (order by frame_no) as place
        from frames where session_id = %(id)s
    ) as ordered
    where frame_no = %(counted)s + place - 1
      and frame_no < coalesce(
          (select min(frame_no) from plate_reads where session_id = %(id)s and outcome is null), frame_no + 1)
), gone as (
    delete from frames using due where frames.session_id = %(id)s and frames.frame_no = due.frame_no
), total as (
    select count(*) as n, max(captured_at) as watermark,
        count(*) filter (where outcome = 'no_plate') as no_plate, count(*) filter (where outcome = 'read') as read,
        count(*) filter (where outcome = 'shed') as shed, count(*) filter (where outcome = 'expired') as expired,
        count(*) filter (where outcome = 'failed') as failed
    from due
)
update sessions set counted = counted + n, watermark = coalesce(total.watermark, sessions.watermark),
    no_plate = sessions.no_plate + total.no_plate, read = sessions.read + total.read,
    shed = sessions.shed + total.shed, expired = sessions.expired + total.expired,
    failed = sessions.failed + total.failed
from total where id = %(id)s and n > 0
"""


def fold(conn: Conn, session_id: int) -> None:
    """Fold the finished frames at the front of the ledger into the session's counters; the ledger stays short.

    A frame is finished once it has an outcome and each of its plates has one.
    """
    row = conn.execute("select counted from sessions where id = %(id)s for update", {"id": session_id}).fetchone()
    if row is not None:
        conn.execute(_FOLD, {"id": session_id, "counted": row[0]})


_MISSING = """
select n from generate_series(
    (select counted from sessions where id = %(id)s), (select sampled from sessions where id = %(id)s) - 1
) as n
where not exists (select from frames where session_id = %(id)s and frame_no = n)
limit 10000
"""


def missing(conn: Conn, session_id: int) -> list[int]:
    """Frame numbers that ingest handed over and that have no outcome yet."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_MISSING, {"id": session_id}).fetchall()


_ORPHANS = """
update sessions set ended_at = now(), sampled = greatest(sampled, counted,
    (select max(frame_no) + 1 from frames where session_id = sessions.id))
where ended_at is null and seen_at < now() - make_interval(secs => %(silent_s)s)
returning id
"""


def end_orphans(conn: Conn, *, silent_s: float) -> list[int]:
    """End the sessions whose ingest has not been heard of for `silent_s`; returns their ids."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_ORPHANS, {"silent_s": silent_s}).fetchall()


_SELECT = """
select s.id, s.camera_id, c.name as camera, c.toll_country, s.source, s.is_live, s.expected_frames, s.started_at,
    s.ended_at, s.complete, s.settled_at, s.watermark, s.offered, s.sampled_out, s.shed_early, s.sampled, s.corrupt,
    s.reconnects,
    s.no_plate + coalesce(l.no_plate, 0) as no_plate, s.read + coalesce(l.read, 0) as read,
    s.shed + coalesce(l.shed, 0) as shed, s.expired + coalesce(l.expired, 0) as expired,
    s.failed + coalesce(l.failed, 0) as failed
from sessions s
join cameras c on c.id = s.camera_id
left join lateral (
    select count(*) filter (where outcome = 'no_plate') as no_plate, count(*) filter (where outcome = 'read') as read,
        count(*) filter (where outcome = 'shed') as shed, count(*) filter (where outcome = 'expired') as expired,
        count(*) filter (where outcome = 'failed') as failed
    from frames where session_id = s.id
) as l on true
"""
_UNSETTLED = _SELECT + "where s.settled_at is null order by s.id"
_BY_ID = _SELECT + "where s.id = any(%(ids)s) order by s.id"
_OF_CAMERAS = _SELECT + "where c.name = any(%(cameras)s) and s.seen_at >= %(since)s order by s.id"


def unsettled(conn: Conn) -> list[Session]:
    """The sessions that run, or have frames, plates or events still to be dealt with."""
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_UNSETTLED).fetchall()


_LOCK_UNSETTLED = "select id from sessions where settled_at is null order by id for update"


def lock_unsettled(conn: Conn) -> None:
    """Let nobody else record or report anything of unsettled sessions before the transaction ends.

    Whoever records and then folds takes this first: a detector that waits for one of its rows would hold what
    `fold` waits for.
    """
    conn.execute(_LOCK_UNSETTLED)


def get(conn: Conn, ids: Sequence[int]) -> list[Session]:
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_BY_ID, {"ids": list(ids)}).fetchall()


def of_cameras(conn: Conn, cameras: Sequence[str], *, since: datetime) -> list[Session]:
    """The sessions of these cameras whose ingest was alive at or after a moment."""
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_OF_CAMERAS, {"cameras": list(cameras), "since": since}).fetchall()


_SETTLE = """
update sessions set settled_at = now(), sampled = greatest(sampled, counted),
    offered = greatest(offered, sampled_out + shed_early + greatest(sampled, counted))
where id = %(id)s and settled_at is null and ended_at is not null and counted >= sampled
  and not exists (select from plate_reads where session_id = %(id)s and outcome is null)
  and not exists (select from plate_reads where session_id = %(id)s and outcome = 'read' and event_id is null)
  and not exists (
      select from plate_events e where e.session_id = %(id)s and (e.state = 'open' or not exists (
          select from verdicts v where v.event_id = e.id and v.revision = e.revision)))
returning id
"""


def settle(conn: Conn, session_id: int) -> bool:
    """Mark an ended session settled if nothing of it is left to do; whether it was marked now."""
    return conn.execute(_SETTLE, {"id": session_id}).fetchone() is not None


_SETTLED = "select id from sessions where id = any(%(ids)s) and settled_at is not null for update"


def lock_settled(conn: Conn, ids: Sequence[int]) -> list[int]:
    """Those of the sessions that are settled; none of them is taken up again before the transaction ends."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_SETTLED, {"ids": list(ids)}).fetchall()


_SILENT = "select id from sessions where settled_at is null and seen_at < %(before)s for update"


def lock_silent(conn: Conn, *, before: datetime) -> list[int]:
    """Unsettled sessions whose ingest was last heard of before a moment."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_SILENT, {"before": before}).fetchall()


def toll_countries(conn: Conn) -> list[str]:
    """The toll countries of all cameras."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select distinct toll_country from cameras order by 1").fetchall()
