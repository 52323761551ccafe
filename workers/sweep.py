"""What has to happen without a frame asking for it: close events, account for what was lost, settle sessions.

Each check worker sweeps about once a second; a lock lets one at a time. Everything here may happen twice.
"""

import time
from datetime import UTC, datetime, timedelta

from anpr import log
from anpr.types import FrameOutcome, PlateOutcome, Reading
from storage import plate_events, plate_reads, rejudging, sessions, stats, sweeps
from storage.db import Conn
from storage.sessions import Session
from workers import cases, frames, notify, purge, queues, rates
from workers.process import Process

_log = log.get(__name__)
SILENT_S = 30.0  # an ingest reports every second; one silent for this long was killed
LIVE_SLACK_S = 3.0  # a live frame's way to its read, beyond the gap, before an event is closed by the clock
BATCH = 8
REJUDGE_MOST = 300  # events a sweep looks at for what a new vignette list changes: each has some 30 readings
PURGE_S = 60.0
TIDY_S = 3600.0
COUNT_S = 10.0  # between two looks, each of which reads all marks: a busy hour has some for every read
COUNT_QUIET_S = 60.0  # an hour is counted once its events have not changed for so long
COUNT_MOST = 8  # hours at a time: of ten million events a year an eighth of a second's work
PURGE_MOST = 2000  # events at a time: a second's work, after which frames and events are seen to again
_NOTHING = Reading(candidates=())


def sweep(process: Process) -> None:
    """Raises Unavailable where Postgres is away; the next sweep does what this one could not."""
    _give_up_failed(process)
    settled: list[int] = []
    with process.database.transaction() as conn:
        if not sweeps.lock(conn):
            return
        sessions.lock_unsettled(conn)
        for session_id in sessions.end_orphans(conn, silent_s=SILENT_S):
            _log.warning("session.orphaned", session=session_id)
        running = sessions.unsettled(conn)
        shed = {session.id: _account_for_lost(process, conn, session) for session in running}
        for session in running:
            sessions.fold(conn, session.id)
        running = sessions.get(conn, [session.id for session in running])
        for session in running:
            plate_events.close(conn, session.id, before=_closes_before(conn, process, session))
            if not frames.load(process.redis, session.id) and sessions.settle(conn, session.id):
                settled.append(session.id)
        ungrouped = plate_reads.sessions_with_ungrouped(conn)
        unjudged = plate_events.unjudged(conn)
        if len(unjudged) < REJUDGE_MOST:
            rejudging.mark(conn, most=REJUDGE_MOST)
    for session_id, numbers in shed.items():
        frames.forget_shed(process.redis, session_id, numbers)
    for session_id in ungrouped:
        queues.group_later(process.redis, session_id)
    queues.check_later(process.redis, unjudged)
    notify.announce(process)
    for session_id in settled:
        frames.forget(process.redis, session_id)
        _log.info("session.settled", session=session_id)
    rates.note(process.redis, running)
    _wake_forgotten(process, running)
    cases.sweep(process)
    _count(process)
    _forget(process)


def _closes_before(conn: Conn, process: Process, session: Session) -> datetime | None:
    """Events last seen before this moment have passed; None: all have."""
    if session.ended_at is not None and session.accounted >= session.sampled:
        return datetime.min.replace(tzinfo=UTC) if plate_reads.is_busy(conn, session.id) else None
    gap = timedelta(seconds=process.settings.events.gap_s)
    moments = [session.watermark] if session.watermark else []
    if session.is_live and session.accounted >= session.sampled:
        moments.append(datetime.now(UTC) - timedelta(seconds=LIVE_SLACK_S))
    return max(moments) - gap if moments else datetime.min.replace(tzinfo=UTC)


def _account_for_lost(process: Process, conn: Conn, session: Session) -> list[int]:
    """Count as expired what Postgres expects and Redis no longer has, but as shed what ingest shed; returns the latter.

    A frame is in Redis until its outcome is stored, a crop until its read is, so nothing is counted that may yet come;
    where a worker was faster than this look, its outcome came first and stays. Of frames only those before the oldest
    that waits are looked at: the others' turn comes.
    """
    missing = sessions.missing(conn, session.id)
    oldest = min(frames.waiting(process.redis, session.id, most=1), default=None) if missing else None
    shed = frames.remembered_shed(process.redis, session.id) if session.is_live else []  # after what waits
    sessions.record(conn, session.id, [(number, None, FrameOutcome.SHED) for number in shed])
    if missing:
        lost = [number for number in missing if oldest is None or number < oldest]
        sessions.record(conn, session.id, [(number, None, FrameOutcome.EXPIRED) for number in lost])
    unread = plate_reads.unread(conn, session.id)
    if unread:
        crops = set(frames.crops_waiting(process.redis, session.id))
        for key in unread:
            if key not in crops:
                plate_reads.save(conn, session.id, key, PlateOutcome.EXPIRED, _NOTHING)
    return shed


def _give_up_failed(process: Process) -> None:
    """Count as failed the frames and plates of jobs that RQ gave up."""
    for stage in queues.STAGES:
        for job in queues.failed(process.redis, stage):
            _log.error("job.given_up", stage=stage, job=job.name, args=job.args, why=job.why)
            with process.database.transaction() as conn:
                if job.name == "detect":
                    session_id, numbers = job.args
                    sessions.record(conn, session_id, [(number, None, FrameOutcome.FAILED) for number in numbers])
                    frames.drop(process.redis, session_id, numbers)
                elif job.name == "read":
                    session_id, plates = job.args
                    keys = [(frame_no, plate_no) for frame_no, plate_no in plates]
                    for key in keys:
                        plate_reads.save(conn, session_id, key, PlateOutcome.FAILED, _NOTHING)
                    frames.drop_crops(process.redis, session_id, keys)
            queues.discard(process.redis, stage, job.id)


def _wake_forgotten(process: Process, running: list[Session]) -> None:
    """Ask again for frames and crops that wait while no job knows of them (Redis lost the job)."""
    if not queues.is_idle(process.redis, "detect"):
        return
    for session in running:
        numbers = frames.waiting(process.redis, session.id, most=BATCH)
        if numbers:
            queues.detect_later(process.redis, session.id, numbers)
    if not queues.is_idle(process.redis, "read"):
        return
    for session in running:
        crops = frames.crops_waiting(process.redis, session.id)
        if crops:
            queues.read_later(process.redis, session.id, crops[:BATCH])


def _count(process: Process) -> None:
    """Count hours that changed now and then, and at once while there are more of them."""
    now_s = time.monotonic()
    if now_s >= process.counts_at_s:
        with process.database.transaction() as conn:
            counted = stats.count_changed(conn, quiet_s=COUNT_QUIET_S, most=COUNT_MOST) if sweeps.lock(conn) else 0
        process.counts_at_s = now_s if counted == COUNT_MOST else now_s + COUNT_S


def _forget(process: Process) -> None:
    """Once a minute erase what is no longer needed, once an hour what accidents left."""
    now_s, now = time.monotonic(), datetime.now(UTC)
    try:
        if now_s >= process.purges_at_s:
            process.purges_at_s = now_s + PURGE_S
            done = purge.purge(process.database, process.redis, process.settings, now=now, most=PURGE_MOST)
            if done.events:
                _log.info("events.erased", events=done.events.total(), pictures=done.pictures)
        if now_s >= process.tidies_at_s:
            process.tidies_at_s = now_s + TIDY_S
            purge.tidy(process.database, process.redis, process.settings, now=now)
    except OSError as exc:
        _log.error("erasing.failed", why=exc.strerror, picture=exc.filename)
