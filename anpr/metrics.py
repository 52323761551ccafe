"""Every metric there is: its name, kind, unit, labels and meaning. docs/metrics.md is made from this list.

No label ever holds a plate. Labels have few values: cameras, stages, outcomes.
"""

from dataclasses import dataclass
from typing import Literal

CLIENT = "anpr-metrics"  # what connections to Redis are called that serve a scrape and no work

# Jobs take from a millisecond (grouping nothing) to the limit of 10 s.
JOB_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A car has passed when it was unseen for `events.gap_s`, 6 s: a verdict within 10 s of it is what to expect.
LATENCY_BUCKETS_S = (1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
# A page takes some milliseconds, a search is given up after 15 s, and only the import of a list takes longer.
HTTP_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as Prometheus knows it; a counter's name ends in _total."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str  # "" where it is a count of things or a mere 0 or 1
    labels: tuple[str, ...] = ()
    meaning: str
    buckets: tuple[float, ...] = ()  # upper bounds, of a histogram alone


FRAMES_OFFERED = Metric(
    name="anpr_frames_offered_total",
    kind="counter",
    unit="frames",
    labels=("camera",),
    meaning="frames that the camera or file gave; each ends in exactly one outcome of anpr_frames_total",
)
FRAMES = Metric(
    name="anpr_frames_total",
    kind="counter",
    unit="frames",
    labels=("camera", "outcome"),
    meaning="where frames ended: sampled_out, shed_early, no_plate, read, shed, expired or failed; from the ledger",
)
FRAMES_WAITING = Metric(
    name="anpr_frames_waiting",
    kind="gauge",
    unit="frames",
    labels=("camera",),
    meaning="frames handed to the detectors that have no outcome yet",
)
FRAMES_CORRUPT = Metric(
    name="anpr_frames_corrupt_total",
    kind="counter",
    unit="frames",
    labels=("camera",),
    meaning="frames that could not be decoded; they are not among those offered",
)
RECONNECTS = Metric(
    name="anpr_reconnects_total",
    kind="counter",
    unit="",
    labels=("camera",),
    meaning="how often the camera was lost and came back",
)
CAMERA_UP = Metric(
    name="anpr_camera_up",
    kind="gauge",
    unit="",
    labels=("camera",),
    meaning="1 while a process ingests this live camera, 0 within a day of its last sign; files have none",
)
CAMERA_OFFERED_FPS = Metric(
    name="anpr_camera_offered_fps",
    kind="gauge",
    unit="frames/s",
    labels=("camera",),
    meaning="frames a second that the camera gave, in the last minute",
)
CAMERA_PROCESSED_FPS = Metric(
    name="anpr_camera_processed_fps",
    kind="gauge",
    unit="frames/s",
    labels=("camera",),
    meaning="frames a second that the detectors looked at, in the last minute",
)
CAMERA_HEALTH = Metric(
    name="anpr_camera_health_ratio",
    kind="gauge",
    unit="0..1",
    labels=("camera",),
    meaning="processed ÷ offered of the wanted frames that ended in the last minute: 1, nothing was lost",
)
CAMERA_LAG = Metric(
    name="anpr_camera_lag_seconds",
    kind="gauge",
    unit="s",
    labels=("camera",),
    meaning="age of the oldest frame or plate of a live camera that waits; 0 where none does",
)
QUEUE_JOBS = Metric(
    name="anpr_queue_jobs",
    kind="gauge",
    unit="jobs",
    labels=("stage", "state"),
    meaning="jobs of a stage that are waiting or running",
)
QUEUE_OLDEST = Metric(
    name="anpr_queue_oldest_job_seconds",
    kind="gauge",
    unit="s",
    labels=("stage",),
    meaning="how long the oldest waiting job of a stage has waited; 0 where none waits",
)
JOBS = Metric(
    name="anpr_jobs_total",
    kind="counter",
    unit="jobs",
    labels=("task", "outcome"),
    meaning="runs of jobs (detect, read, group, …): done, put_back (what it needs was away; it runs again) or failed",
)
JOB_DURATION = Metric(
    name="anpr_job_duration_seconds",
    kind="histogram",
    unit="s",
    labels=("task",),
    meaning="how long jobs ran that were done; one of detect or read holds up to eight frames or plates",
    buckets=JOB_BUCKETS_S,
)
VERDICTS = Metric(
    name="anpr_verdicts_total",
    kind="counter",
    unit="verdicts",
    labels=("camera", "status"),
    meaning="verdicts given, those on events judged again included",
)
VERDICT_LATENCY = Metric(
    name="anpr_verdict_latency_seconds",
    kind="histogram",
    unit="s",
    meaning="from the last look at a car of a live camera to its first verdict; `events.gap_s` is part of it",
    buckets=LATENCY_BUCKETS_S,
)
HTTP_REQUESTS = Metric(
    name="anpr_http_requests_total",
    kind="counter",
    unit="requests",
    labels=("route", "method", "status"),
    meaning="requests to `anpr serve` by address as the API names it, such as /api/events/{event_id} (unmatched: none"
    " answers there), method (other: no usual one) and class of status, such as 2xx",
)
HTTP_DURATION = Metric(
    name="anpr_http_request_duration_seconds",
    kind="histogram",
    unit="s",
    labels=("route",),
    meaning="from the head of a request to the head of its answer",
    buckets=HTTP_BUCKETS_S,
)
LIVE_WATCHERS = Metric(
    name="anpr_live_watchers",
    kind="gauge",
    unit="watchers",
    meaning="who watches events live over HTTP",
)
PICTURES = Metric(
    name="anpr_pictures_waiting",
    kind="gauge",
    unit="pictures",
    meaning="pictures sent to POST /api/read that are being read or wait for it",
)
REGISTRY_AGE = Metric(
    name="anpr_registry_age_seconds",
    kind="gauge",
    unit="s",
    labels=("country",),
    meaning="how long ago the vignette list in force was true; beyond `check.registry_max_age_h` it accuses nobody",
)
REGISTRY_VIGNETTES = Metric(
    name="anpr_registry_vignettes",
    kind="gauge",
    unit="vignettes",
    labels=("country",),
    meaning="entries of the vignette list in force",
)
PROCESSES = Metric(
    name="anpr_processes",
    kind="gauge",
    unit="processes",
    labels=("role",),
    meaning="processes that have given a sign of life lately: ingest, a stage (detect, read, check, notify) or serve",
)
PROCESS_CPU = Metric(
    name="anpr_process_cpu_seconds_total",
    kind="counter",
    unit="s",
    labels=("role",),
    meaning="processor time of the processes of a role, those that have ended included",
)
PROCESS_MEMORY = Metric(
    name="anpr_process_memory_bytes",
    kind="gauge",
    unit="bytes",
    labels=("role",),
    meaning="memory (resident) of the processes of a role",
)
PROCESS_BUSY = Metric(
    name="anpr_process_busy_ratio",
    kind="gauge",
    unit="0..1",
    labels=("role",),
    meaning="share of their time that the workers of a stage spend in jobs: near 1, add workers",
)
BUILD = Metric(
    name="anpr_build_info",
    kind="gauge",
    unit="",
    labels=("role", "version"),
    meaning="how many processes of a role run this version of anpr",
)
MODEL = Metric(
    name="anpr_model_info",
    kind="gauge",
    unit="",
    labels=("role", "model", "sha256"),
    meaning="how many processes of a role use this network; the first twelve digits of its file's SHA-256",
)
POSTGRES_UP = Metric(name="anpr_postgres_up", kind="gauge", unit="", meaning="1 where Postgres answers, else 0")
POSTGRES_POOL = Metric(
    name="anpr_postgres_pool_connections",
    kind="gauge",
    unit="connections",
    labels=("role", "state"),
    meaning="connections to Postgres in the pools of a role's processes, used or idle",
)
POSTGRES_WAITING = Metric(
    name="anpr_postgres_pool_waiting",
    kind="gauge",
    unit="requests",
    labels=("role",),
    meaning="threads of a role's processes that wait for a connection to Postgres",
)
REDIS_UP = Metric(name="anpr_redis_up", kind="gauge", unit="", meaning="1 where Redis answers, else 0")
REDIS_POOL = Metric(
    name="anpr_redis_pool_connections",
    kind="gauge",
    unit="connections",
    labels=("role", "state"),
    meaning="connections to Redis in the pools of a role's processes, used or idle",
)
REDIS_MEMORY = Metric(name="anpr_redis_memory_bytes", kind="gauge", unit="bytes", meaning="memory that Redis uses")
REDIS_LIMIT = Metric(
    name="anpr_redis_memory_limit_bytes",
    kind="gauge",
    unit="bytes",
    meaning="memory that Redis may use; 0 where it has no limit",
)

# In the order of the page and of the exposition.
ALL: tuple[Metric, ...] = (
    FRAMES_OFFERED,
    FRAMES,
    FRAMES_WAITING,
    FRAMES_CORRUPT,
    RECONNECTS,
    CAMERA_UP,
    CAMERA_OFFERED_FPS,
    CAMERA_PROCESSED_FPS,
    CAMERA_HEALTH,
    CAMERA_LAG,
    QUEUE_JOBS,
    QUEUE_OLDEST,
    JOBS,
    JOB_DURATION,
    VERDICTS,
    VERDICT_LATENCY,
    HTTP_REQUESTS,
    HTTP_DURATION,
    LIVE_WATCHERS,
    PICTURES,
    REGISTRY_AGE,
    REGISTRY_VIGNETTES,
    PROCESSES,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_BUSY,
    BUILD,
    MODEL,
    POSTGRES_UP,
    POSTGRES_POOL,
    POSTGRES_WAITING,
    REDIS_UP,
    REDIS_POOL,
    REDIS_MEMORY,
    REDIS_LIMIT,
)


def table() -> str:
    """The list as the Markdown table of docs/metrics.md."""
    lines = ["| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    for one in ALL:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
        lines.append(f"| `{one.name}` | {one.kind} | {one.unit or '–'} | {labels} | {one.meaning} |")
    return "\n".join(lines) + "\n"
