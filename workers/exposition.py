"""All metrics in the text form of Prometheus."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from redis import Redis

from anpr import metrics
from anpr.metrics import Metric
from anpr.types import VerdictStatus
from storage.db import Database
from workers.measures import REST, Field
from workers.processes import ProcessState
from workers.queues import STAGES
from workers.state import CameraState, RedisState, State, look

ROLES = ("ingest", *STAGES, "serve")  # told of even where no process has the role
_OUTCOMES = ("sampled_out", "shed_early", "no_plate", "read", "shed", "expired", "failed")


def registry(database: Database, redis: Redis) -> CollectorRegistry:
    """A registry of prometheus_client that looks at the system anew whenever it is read.

    Where Postgres or Redis is away, its metrics are missing and its `…_up` is 0. With 50 cameras it takes some 25 ms of
    processor time.
    """
    found = CollectorRegistry()
    found.register(_Looker(database, redis))
    return found


class _Looker(Collector):
    def __init__(self, database: Database, redis: Redis) -> None:
        self._database, self._redis = database, redis

    def describe(self) -> Iterable[Family]:
        return ()  # registering looks at nothing

    def collect(self) -> Iterable[Family]:
        return families(look(self._database, self._redis))


Key = tuple[str, ...]


@dataclass(slots=True)
class _Samples:
    """Values by metric and labels."""

    of: dict[str, dict[Key, float]]

    def put(self, metric: Metric, value: float | None, *labels: str) -> None:
        if value is not None:
            self.of.setdefault(metric.name, {})[labels] = float(value)

    def add(self, metric: Metric, value: float, *labels: str) -> None:
        held = self.of.setdefault(metric.name, {})
        held[labels] = held.get(labels, 0.0) + value


def families(state: State) -> list[Family]:
    """Every metric of the list, in its order, with what is known of it."""
    samples = _Samples({})
    samples.put(metrics.POSTGRES_UP, state.postgres is not None)
    samples.put(metrics.REDIS_UP, state.redis is not None)
    if state.postgres is not None:
        for camera in state.postgres.cameras:
            _camera(samples, camera)
        for one in state.postgres.registries:
            samples.put(metrics.REGISTRY_AGE, one.age_s, one.toll_country)
            samples.put(metrics.REGISTRY_VIGNETTES, one.vignettes, one.toll_country)
    measured: Mapping[Field, float] = {}
    if state.redis is not None:
        measured = state.redis.measured
        _redis(samples, state.redis)
    for field, value in measured.items():
        if field[-1] == "":
            samples.add(_BY_NAME.get(field[0], _UNKNOWN), value, *field[1:-1])
    return [_family(metric, samples.of.get(metric.name, {}), measured) for metric in metrics.ALL]


_BY_NAME = {one.name: one for one in metrics.ALL}
_UNKNOWN = Metric(name="", kind="counter", unit="", meaning="what another version of anpr measured")


def _camera(samples: _Samples, camera: CameraState) -> None:
    name, counts = camera.name, camera.counts
    samples.put(metrics.FRAMES_OFFERED, counts.offered, name)
    for outcome in _OUTCOMES:
        samples.put(metrics.FRAMES, getattr(counts, outcome), name, outcome)
    samples.put(metrics.FRAMES_WAITING, counts.waiting, name)
    samples.put(metrics.FRAMES_CORRUPT, counts.corrupt, name)
    samples.put(metrics.RECONNECTS, camera.reconnects, name)
    if camera.is_live:
        samples.put(metrics.CAMERA_UP, camera.condition in ("running", "silent", "behind"), name)
    samples.put(metrics.CAMERA_OFFERED_FPS, camera.offered_fps, name)
    samples.put(metrics.CAMERA_PROCESSED_FPS, camera.processed_fps, name)
    samples.put(metrics.CAMERA_HEALTH, camera.health, name)
    samples.put(metrics.CAMERA_LAG, camera.lag_s, name)
    for status in VerdictStatus:  # a counter that begins at 0 shows its first step
        samples.put(metrics.VERDICTS, 0, name, status.value)


def _redis(samples: _Samples, redis: RedisState) -> None:
    for queue in redis.queues:
        samples.put(metrics.QUEUE_JOBS, queue.waiting, queue.stage, "waiting")
        samples.put(metrics.QUEUE_JOBS, queue.running, queue.stage, "running")
        samples.put(metrics.QUEUE_OLDEST, queue.oldest_s, queue.stage)
    samples.put(metrics.REDIS_MEMORY, redis.memory_bytes)
    samples.put(metrics.REDIS_LIMIT, redis.memory_limit_bytes)
    for role in ROLES:
        samples.put(metrics.PROCESSES, 0, role)
    for role in {one.role for one in redis.processes}:
        _processes(samples, role, [one for one in redis.processes if one.role == role])


def _processes(samples: _Samples, role: str, ours: list[ProcessState]) -> None:
    samples.put(metrics.PROCESSES, len(ours), role)
    samples.put(metrics.PROCESS_MEMORY, sum(one.memory_bytes for one in ours), role)
    busy = [one.busy for one in ours if one.busy is not None]
    samples.put(metrics.PROCESS_BUSY, sum(busy) / len(busy) if busy else None, role)
    samples.put(metrics.POSTGRES_POOL, sum(one.postgres_used for one in ours), role, "used")
    samples.put(metrics.POSTGRES_POOL, sum(one.postgres_idle for one in ours), role, "idle")
    samples.put(metrics.POSTGRES_WAITING, sum(one.postgres_waiting for one in ours), role)
    samples.put(metrics.REDIS_POOL, sum(one.redis_used for one in ours), role, "used")
    samples.put(metrics.REDIS_POOL, sum(one.redis_idle for one in ours), role, "idle")
    for one in ours:
        samples.add(metrics.BUILD, 1, role, one.version)
        for model, sha256 in one.models.items():
            samples.add(metrics.MODEL, 1, role, model, sha256)
        for name, value in one.gauges.items():
            samples.add(_BY_NAME.get(name, _UNKNOWN), value)


def _family(metric: Metric, samples: Mapping[Key, float], measured: Mapping[Field, float]) -> Family:
    if metric.kind == "histogram":
        return _histogram(metric, measured)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in sorted(samples.items()):
        if len(labels) == len(metric.labels):
            family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, measured: Mapping[Field, float]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    bounds = [*(str(bound) for bound in metric.buckets), REST]
    width = len(metric.labels)
    for labels in sorted({field[1:-1] for field in measured if field[0] == metric.name and len(field) == width + 2}):
        buckets: list[tuple[str, float]] = []
        total = 0.0
        for bound in bounds:
            total += measured.get((metric.name, *labels, bound), 0.0)
            buckets.append((bound, total))
        family.add_metric(labels, buckets, measured.get((metric.name, *labels, "sum"), 0.0))
    return family
