"""Sampled frames → Redis: in batches, within bounds, each accounted for."""

import threading
import time
from collections import deque
from dataclasses import replace
from datetime import datetime

from redis import Redis
from redis.exceptions import RedisError

from anpr import log
from anpr.config import QueueSettings
from anpr.errors import Retryable
from anpr.types import FrameOutcome
from storage import sessions
from storage.db import Database
from storage.sessions import IngestCounters
from workers import frames, queues
from workers.frames import StoredFrame

_log = log.get(__name__)
LOOK_S = 0.02  # between looks whether the workers have made room
RETRY_S = 0.5  # between attempts while Redis is away


class Publisher:
    """The frames of one session on their way to Redis. `offer` and `tick` may come from different threads."""

    def __init__(
        self,
        session_id: int,
        *,
        redis: Redis,
        database: Database,
        settings: QueueSettings,
        is_live: bool,
        first_frame_no: int = 0,
    ) -> None:
        self.session_id = session_id
        self._accepted = first_frame_no
        self._redis, self._database, self._settings, self._is_live = redis, database, settings, is_live
        self._lock = threading.RLock()
        self._batch: deque[StoredFrame] = deque()
        self._oldest_s = 0.0
        self._shed: list[tuple[int, datetime | None, FrameOutcome]] = []
        self._counters = IngestCounters()
        self._is_redis_away = self._is_postgres_away = False

    @property
    def is_redis_away(self) -> bool:
        """Whether Redis failed when it was last given frames."""
        return self._is_redis_away

    def offer(self, frame: StoredFrame, stop: threading.Event) -> bool:
        """Take a frame over. A file waits here for room until `stop`; a camera's oldest frame makes room.

        False where `stop` came first: `abandon` what is left.
        """
        with self._lock:
            if not self._batch:
                self._oldest_s = time.monotonic()
            self._batch.append(frame)
            if len(self._batch) < self._settings.batch:
                return True
        if self._is_live:
            self._flush_live()
            return True
        while not self._flush_file():
            if stop.wait(RETRY_S if self._is_redis_away else LOOK_S):
                return False
        return True

    def drain(self, stop: threading.Event) -> bool:
        """Send what is left of a file; whether all went."""
        while self._batch:
            if self._flush_file():
                return True
            if stop.wait(RETRY_S if self._is_redis_away else LOOK_S):
                return False
        return True

    def abandon(self) -> int:
        """Let go of what was offered and not sent; how many frames that is."""
        with self._lock:
            left = len(self._batch)
            self._batch.clear()
            return left

    def count(self, counters: IngestCounters) -> None:
        """Note the counters that the next report stores; how many frames were sampled it knows better."""
        self._counters = counters

    def tick(self, *, now: bool = False) -> None:
        """To be called about every 0.1 s: frames of a camera do not wait for a batch that fills slowly."""
        is_due = now or time.monotonic() - self._oldest_s >= self._settings.batch_wait_s
        if self._is_live and self._batch and is_due:
            self._flush_live()

    def report(self, *, ended: bool = False, complete: bool = False) -> bool:
        """Store counters and shed frames; False where Postgres is away (nothing is forgotten: the next one has it)."""
        with self._lock:
            shed, counters = list(self._shed), replace(self._counters, sampled=self._accepted)
        try:
            with self._database.transaction() as conn:
                sessions.report(conn, self.session_id, counters, ended=ended, complete=complete)
                sessions.record(conn, self.session_id, shed)
        except Retryable as exc:
            if not self._is_postgres_away:
                _log.warning("ingest.postgres_away", why=str(exc))
            self._is_postgres_away = True
            return False
        if self._is_postgres_away:
            _log.info("ingest.postgres_back")
            self._is_postgres_away = False
        with self._lock:
            del self._shed[: len(shed)]
        return True

    def _flush_file(self) -> bool:
        """Send the batch if there is room for it."""
        with self._lock:
            try:
                if frames.load(self._redis, self.session_id) + len(self._batch) > self._settings.max_frames:
                    return False
                self._send()
            except RedisError as exc:
                self._redis_away(exc)
                return False
            return True

    def _flush_live(self) -> None:
        """Send the batch; the oldest frames waiting anywhere make room for it."""
        with self._lock:
            try:
                over = frames.load(self._redis, self.session_id) + len(self._batch) - self._settings.max_frames
                if over > 0:
                    self._shed_batch(over - frames.shed(self._redis, self.session_id, over))
                self._send()
            except RedisError as exc:
                self._redis_away(exc)
                self._shed_batch(len(self._batch) - self._settings.max_frames)

    def _shed_batch(self, count: int) -> None:
        for _ in range(min(max(count, 0), len(self._batch))):
            frame = self._batch.popleft()
            self._shed.append((frame.frame_no, frame.captured_at, FrameOutcome.SHED))
            self._accepted = frame.frame_no + 1

    def _send(self) -> None:
        """Write the batch's frames and the jobs for them in one transaction: never one without the other."""
        batch = list(self._batch)
        if not batch:
            return
        # A pipeline that failed may have been carried out all the same.
        known = frames.last(self._redis, self.session_id) if self._is_redis_away else None
        new = [frame for frame in batch if known is None or frame.frame_no > known]
        pipe = self._redis.pipeline(transaction=True)
        for frame in new:
            frames.add(pipe, self.session_id, frame)
        numbers = [frame.frame_no for frame in new]
        for first in range(0, len(numbers), self._settings.batch):
            queues.detect_later(self._redis, self.session_id, numbers[first : first + self._settings.batch], pipe=pipe)
        pipe.execute()
        self._batch.clear()
        self._accepted = batch[-1].frame_no + 1
        if self._is_redis_away:
            _log.info("ingest.redis_back")
            self._is_redis_away = False

    def _redis_away(self, exc: RedisError) -> None:
        if not self._is_redis_away:
            _log.warning("ingest.redis_away", redis=queues.address(self._redis), why=str(exc))
        self._is_redis_away = True
