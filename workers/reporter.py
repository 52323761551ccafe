# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# because redis-py is typed in part only
"""Each process tells Redis every two seconds what it has measured and that it is alive.

Where Redis is away, what was measured waits; what was told at the moment it went away may be counted twice.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version

import psutil
from redis import Redis
from redis.exceptions import RedisError

from anpr import metrics
from storage.db import Database
from workers import processes
from workers.endpoint import Endpoint
from workers.measures import Measures
from workers.processes import ProcessState

TELL_S = 2.0
AWAY_S = 5.0  # until the next attempt where Redis is away


class Reporter:
    """Call `tell` at least every few seconds, and `leave` at the end.

    `models` and `gauges` are asked each time: networks in use by name, with their SHA-256, and metrics of this process.
    """

    def __init__(
        self,
        role: str,
        *,
        redis: Redis,
        measures: Measures,
        database: Database | None = None,
        endpoint: Endpoint | None = None,
        has_jobs: bool = False,
        models: Callable[[], Mapping[str, str]] = dict,
        gauges: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._role, self._redis, self._measures, self._database = role, redis, measures, database
        self._endpoint = endpoint
        self._has_jobs, self._models, self._gauges = has_jobs, models, gauges
        self._process = psutil.Process()
        self._version = version("anpr")
        self._began_s = self._told_s = time.monotonic()
        self._due_s = 0.0
        self._is_away = False
        self._told_busy_s = self._told_cpu_s = 0.0
        self._jobs = 0

    def tell(self, *, is_waiting: bool = False) -> None:
        """Tell what there is to tell, if the last time is TELL_S ago; where Redis is away, later."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        if self._endpoint is not None:
            self._endpoint.keep()
        cpu_s = sum(self._process.cpu_times()[:2])
        self._measures.count(metrics.PROCESS_CPU, self._role, by=cpu_s - self._told_cpu_s)
        self._told_cpu_s = cpu_s
        taken = self._measures.take()
        jobs = self._jobs + round(sum(number for field, number in taken.items() if field[0] == metrics.JOBS.name))
        state = self._state(now_s, jobs=jobs, is_waiting=is_waiting)
        try:
            processes.tell(self._redis, state, taken)
        except RedisError:
            self._measures.put_back(taken)
            self._is_away, self._due_s = True, time.monotonic() + AWAY_S
            return
        self._is_away = False
        self._told_s, self._told_busy_s, self._jobs = now_s, self._measures.busy_s, jobs
        self._due_s = now_s + TELL_S

    def leave(self) -> None:
        """Tell the rest, and be no longer listed."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None
        if self._is_away:  # its key expires
            return
        self._due_s = 0.0
        self.tell()
        with suppress(RedisError):
            processes.leave(self._redis, self._state(time.monotonic(), jobs=0, is_waiting=False).key)

    def _state(self, now_s: float, *, jobs: int, is_waiting: bool) -> ProcessState:
        elapsed_s = max(now_s - self._told_s, 1e-3)
        busy = min(1.0, (self._measures.busy_s - self._told_busy_s) / elapsed_s)
        pool = {} if self._database is None else self._database.pool_stats()
        size, idle = pool.get("pool_size", 0), pool.get("pool_available", 0)
        redis_idle, redis_used = (one[0] for one in self._redis.connection_pool.get_connection_count())
        return ProcessState(
            role=self._role,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=self._version,
            models=self._models(),
            up_s=round(now_s - self._began_s, 1),
            jobs=jobs,
            busy=round(busy, 3) if self._has_jobs else None,
            is_waiting=is_waiting,
            memory_bytes=self._process.memory_info().rss,
            postgres_used=max(0, size - idle),
            postgres_idle=idle,
            postgres_waiting=pool.get("requests_waiting", 0),
            redis_used=redis_used,
            redis_idle=redis_idle,
            gauges=self._gauges(),
        )


@contextmanager
def reporting(reporter: Reporter) -> Generator[None]:
    """Tell from a thread while the block runs: for processes whose main thread has no loop of its own."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(TELL_S):
            reporter.tell()

    thread = threading.Thread(target=run, name="reporter", daemon=True)
    reporter.tell()
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        reporter.leave()
