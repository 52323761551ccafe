"""What a process measures of its own work, added up until it is told to Redis."""

import threading
import time
from bisect import bisect_left
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from anpr import metrics
from anpr.errors import Retryable, Unavailable
from anpr.metrics import Metric
from anpr.types import PlateEvent, VerdictStatus
from storage import operations
from storage.db import Database

# (metric, its labels' values, ""); of a histogram the last is "sum" or the upper bound of a bucket.
Field = tuple[str, ...]
REST = "+Inf"
AT_ONCE_S = 30.0  # verdicts within this of each other are one, told twice


class Measures:
    """Numbers that only grow. May be used by several threads."""

    def __init__(self) -> None:
        self.busy_s = 0.0  # in jobs, whatever became of them
        self._added: dict[Field, float] = {}
        self._lock = threading.Lock()

    def count(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Add to a counter."""
        with self._lock:
            self._add((metric.name, *labels, ""), by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add one value to a histogram."""
        place = bisect_left(metric.buckets, value)
        bound = str(metric.buckets[place]) if place < len(metric.buckets) else REST
        with self._lock:
            self._add((metric.name, *labels, bound), 1.0)
            self._add((metric.name, *labels, "sum"), value)

    @contextmanager
    def job(self, name: str) -> Generator[None]:
        """Measure one run of a job."""
        began_s = time.perf_counter()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        except Retryable:
            outcome = "put_back"
            raise
        finally:
            took_s = time.perf_counter() - began_s
            self.busy_s += took_s
            self.count(metrics.JOBS, name, outcome)
            if outcome == "done":
                self.observe(metrics.JOB_DURATION, took_s, name)

    def take(self) -> dict[Field, float]:
        """What was added since the last call."""
        with self._lock:
            taken, self._added = self._added, {}
        return taken

    def put_back(self, taken: dict[Field, float]) -> None:
        """Add what was taken and could not be told."""
        with self._lock:
            for field, amount in taken.items():
                self._add(field, amount)

    def _add(self, field: Field, amount: float) -> None:
        self._added[field] = self._added.get(field, 0.0) + amount


def judged(measures: Measures, database: Database, event: PlateEvent, status: VerdictStatus) -> None:
    """Count a verdict that was just given; of a live camera's first on an event also how long it took."""
    measures.count(metrics.VERDICTS, event.camera, status.value)
    now = datetime.now(UTC)
    try:
        with database.transaction() as conn:
            is_first = operations.is_first_live_verdict(conn, event.id, slack_s=AT_ONCE_S)
    except Unavailable:
        return
    if is_first:
        measures.observe(metrics.VERDICT_LATENCY, max(0.0, (now - event.last_seen).total_seconds()))
