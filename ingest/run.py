"""One camera's way from its source to Redis, and many cameras in one process."""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from anpr import log
from anpr.config import Camera, QueueSettings, Settings
from anpr.errors import AnprError, Retryable, Unavailable
from ingest.encode import encode_jpeg
from ingest.preview import Preview
from ingest.publish import Publisher
from ingest.sample import MotionGate, RegionOfInterest, Sampler
from ingest.source import Source, SourceFrame, open_source
from storage import sessions
from storage.db import Database
from storage.sessions import IngestCounters
from workers import frames, queues, traces
from workers.endpoint import Endpoint
from workers.frames import StoredFrame
from workers.measures import Measures
from workers.reporter import Reporter, reporting

_log = log.get(__name__)
REPORT_S = 1.0
TICK_S = 0.1
RETRY_S = 1.0
MOTION_WIDTH_PX = 160
FINAL_REPORT_S = 2.0  # how long a stopping ingest tries to store its last counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """What the cameras of one process share."""

    redis: Redis
    database: Database
    queue: QueueSettings
    stop: threading.Event


def run(settings: Settings, cameras: Mapping[str, Camera], stop: threading.Event) -> int:
    """Ingest cameras, a thread each, until all files have ended or `stop` is set; how many ended in an error."""
    frames.keep_memory()
    shared = Ingest(
        redis=queues.connect(settings.redis_url),
        database=Database(settings.database_url, max_connections=max(4, len(cameras))),
        queue=settings.queue,
        stop=stop,
    )
    failed: list[str] = []

    def guarded(name: str, camera: Camera) -> None:
        try:
            ingest(name, camera, shared)
        except AnprError as exc:
            _log.error("camera.failed", camera=name, why=str(exc))
            failed.append(name)

    threads = [
        threading.Thread(target=guarded, args=(name, camera), name=f"ingest-{name}") for name, camera in cameras.items()
    ]
    told = Reporter(
        "ingest", redis=shared.redis, measures=Measures(), database=shared.database, endpoint=Endpoint(settings)
    )
    with reporting(told):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    shared.database.close()
    return len(failed)


def ingest(name: str, camera: Camera, shared: Ingest) -> None:
    """Send one camera's sampled frames to Redis until its end or `shared.stop`. Raises BadSource, BadConfig."""
    with open_source(camera.url, stop=shared.stop) as source:
        session_id, first_frame_no = _session(name, camera, source, shared)
        if first_frame_no:
            _log.info("session.resumed", camera=name, session=session_id, frame=first_frame_no)
        else:
            _log.info("session.started", camera=name, session=session_id, source=source.name)
        publisher = Publisher(
            session_id,
            redis=shared.redis,
            database=shared.database,
            settings=shared.queue,
            is_live=source.is_live,
            first_frame_no=first_frame_no,
        )
        preview = Preview(name, redis=shared.redis, region=RegionOfInterest(camera.regions))
        done = threading.Event()
        ticker = threading.Thread(target=_tick, args=(publisher, preview, done), name=f"tick-{name}", daemon=True)
        ticker.start()
        complete = False
        try:
            complete = _pump(name, camera, source, publisher, shared, preview=preview, first_frame_no=first_frame_no)
        finally:
            done.set()
            ticker.join()
            _report_end(publisher, complete=complete, is_live=source.is_live)
        _log.info("session.ended", camera=name, session=session_id, complete=complete)


def _pump(
    name: str,
    camera: Camera,
    source: Source,
    publisher: Publisher,
    shared: Ingest,
    *,
    preview: Preview,
    first_frame_no: int,
) -> bool:
    """Whether the source was read to its end."""
    begin = begin_of(camera, source)
    sampler = Sampler(camera.fps)
    gate = None if camera.motion is None else MotionGate(threshold=camera.motion, hold_s=camera.motion_hold_s)
    region = RegionOfInterest(camera.regions)
    offered = sampled = 0
    ended_by_stop = False
    for frame in source:
        offered += 1
        preview.offer(frame)
        wanted = sampler.keep(frame.time_s) and (
            gate is None or gate.is_open(frame.grey(MOTION_WIDTH_PX), frame.time_s)
        )
        if wanted:
            if sampled >= first_frame_no:
                with traces.begin("ingest", camera=name, session=publisher.session_id, frame=sampled) as span:
                    quality = shared.queue.jpeg_quality
                    stored = _stored(frame, sampled, region, begin=begin, quality=quality, trace=span.context)
                    span.note(bytes=len(stored.jpeg))
                    ended_by_stop = not publisher.offer(stored, shared.stop)
            sampled += 1
        if ended_by_stop or (shared.stop.is_set() and not source.is_live):
            ended_by_stop = True
            break
        publisher.count(_counters(source, offered=offered, sampled=sampled))
    complete = not ended_by_stop and not source.is_live and publisher.drain(shared.stop)
    if source.is_live:
        publisher.tick(now=True)
    left = publisher.abandon()
    publisher.count(_counters(source, offered=offered - left, sampled=sampled - left))
    return complete


def _counters(source: Source, *, offered: int, sampled: int) -> IngestCounters:
    return IngestCounters(
        offered=offered + source.shed,
        sampled_out=offered - sampled,
        shed_early=source.shed,
        corrupt=source.corrupt,
        reconnects=source.reconnects,
    )


def _stored(
    frame: SourceFrame,
    number: int,
    region: RegionOfInterest,
    *,
    begin: datetime | None,
    quality: int,
    trace: str,
) -> StoredFrame:
    captured_at = frame.captured_at if begin is None else begin + timedelta(seconds=frame.time_s)
    image = frame.image()
    height, width = image.shape[:2]
    left, top, _, _ = region.rectangle(width_px=width, height_px=height)
    return StoredFrame(
        frame_no=number,
        captured_at=captured_at or datetime.now(UTC),
        left_px=left,
        top_px=top,
        jpeg=encode_jpeg(region.cut(image), quality),
        trace=trace,
    )


def _tick(publisher: Publisher, preview: Preview, done: threading.Event) -> None:
    reported_s = time.monotonic()
    while not done.wait(TICK_S):
        publisher.tick()
        if not publisher.is_redis_away:
            preview.send()
        if time.monotonic() - reported_s >= REPORT_S:
            publisher.report()
            reported_s = time.monotonic()


def _report_end(publisher: Publisher, *, complete: bool, is_live: bool) -> None:
    deadline = time.monotonic() + FINAL_REPORT_S
    while not publisher.report(ended=True, complete=complete or is_live):
        if time.monotonic() > deadline:
            _log.warning("session.unreported", session=publisher.session_id)
            return
        time.sleep(TICK_S)


def _session(name: str, camera: Camera, source: Source, shared: Ingest) -> tuple[int, int]:
    """The session to write to and the first frame number to send: a file that was interrupted goes on."""
    while True:
        try:
            return _start_or_resume(name, camera, source, shared)
        except (Retryable, RedisError) as exc:
            _log.warning("ingest.waits", camera=name, why=str(exc))
            if shared.stop.wait(RETRY_S):
                raise Unavailable(f"{name}: stopped before it could begin: {exc}") from exc


def _start_or_resume(name: str, camera: Camera, source: Source, shared: Ingest) -> tuple[int, int]:
    key = _source_key(camera)
    with shared.database.transaction() as conn:
        camera_id = sessions.camera_id(conn, name, toll_country=camera.toll_country)
        unfinished = None if source.is_live else sessions.resume(conn, camera=camera_id, key=key)
        if unfinished is not None:
            session_id, first_frame_no = unfinished
            newest = frames.last(shared.redis, session_id)
            return session_id, first_frame_no if newest is None else max(first_frame_no, newest + 1)
        session_id = sessions.start(
            conn,
            camera=camera_id,
            source=source.name,
            key=key,
            is_live=source.is_live,
            expected_frames=source.frame_count,
        )
        return session_id, 0


def begin_of(camera: Camera, source: Source) -> datetime | None:
    """When the first frame of a recording was taken: as the settings say, the recording says, or its file's date tells.

    A recorder dates a file when it ends, so that date less the length is the beginning. None for a camera, whose frames
    have their own times.
    """
    if source.is_live:
        return None
    path = Path(camera.url)
    ended = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.now(UTC)
    length_s = source.frame_count / source.fps if source.frame_count and source.fps else 0.0
    return camera.start or source.started_at or ended - timedelta(seconds=length_s)


def _source_key(camera: Camera) -> str:
    """Equal only for the same file read in the same way, so that frame numbers mean the same frames."""
    told = [camera.model_dump_json(exclude={"toll_country"})]
    path = Path(camera.url)
    if path.is_file():
        status = path.stat()
        told += [str(path.resolve()), str(status.st_size), str(status.st_mtime_ns)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
