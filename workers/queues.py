# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# because redis-py and rq are typed in part only
"""All the RQ wiring: the queues of the stages, and the only place that puts jobs into them.

Jobs are named, not imported, so a producer never loads a network. Arguments are JSON: ids and numbers travel, pixels
and objects do not. Every job may run twice.
"""

import os
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry as RedisRetry
from rq import Queue, Retry
from rq.exceptions import NoSuchJobError
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import now

from anpr.errors import BadConfig, Unavailable
from workers.frames import PlateKey

Stage = Literal["detect", "read", "check", "notify"]
STAGES: tuple[Stage, ...] = ("detect", "read", "check", "notify")

# Eight crops with Tesseract on a small board take 4 s; a job whose worker was killed is missed 1 s after this.
JOB_TIMEOUT_S = 10
CRASHES = 5  # so often may a job kill or fail its worker before its frames count as failed
STUCK_S = 5  # a worker killed between taking a job and starting it leaves the job in limbo for this long
MOST_DELIVERIES = 500  # that wait for a worker: where none delivers, the rest stay in Postgres
LEADS_S = 15  # a worker that leads says so twice a second; after this another takes over
SOCKET_TIMEOUT_S = 5  # longer than the longest blocking command, so that a frozen Redis is noticed


def connect(url: str) -> Redis:
    """A client for `url`; connects when first used. Raises BadConfig where it is no Redis address."""
    try:
        return Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=2,
            retry=RedisRetry(NoBackoff(), 1),
            retry_on_error=[RedisConnectionError],
        )
    except ValueError as exc:
        # Its own words would repeat the address, password and all.
        raise BadConfig("the Redis address is not one of Redis: redis://host:6379/0 or unix:///path") from exc


def address(redis: Redis) -> str:
    """Where a client connects to, without credentials."""
    kwargs = redis.connection_pool.connection_kwargs
    return str(kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}")


def ping(redis: Redis) -> str:
    """The server's version. Raises Unavailable where it does not answer."""
    try:
        return str(redis.info("server")["redis_version"])
    except RedisError as exc:
        raise Unavailable(f"Redis at {address(redis)} does not answer: {exc}") from exc


def rewrite_log(redis: Redis) -> None:
    """Have Redis write its append-only file anew, where it keeps one: until then that holds what was deleted."""
    try:
        if redis.config_get("appendonly").get("appendonly") == "yes":
            redis.bgrewriteaof()
    except ResponseError:  # one is under way, or a hosted Redis sees to it itself and refuses the command
        return


class _Intermediate(IntermediateQueue):
    def should_be_cleaned_up(self, job_id: str) -> bool:
        first_seen = self.get_first_seen(job_id)
        return first_seen is not None and (now() - first_seen).total_seconds() > STUCK_S


class StageQueue(Queue):
    """A queue whose jobs come back soon after their worker was killed, at whatever moment that was."""

    @property
    def intermediate_queue(self) -> IntermediateQueue:
        return _Intermediate(self.key, connection=self.connection)


def queue(redis: Redis, stage: Stage) -> StageQueue:
    return StageQueue(stage, connection=redis, serializer=JSONSerializer, default_timeout=JOB_TIMEOUT_S)


_JOBS: dict[str, str] = {
    "detect": "workers.detect.detect",
    "read": "workers.read.read",
    "group": "workers.check.group",
    "check": "workers.check.check",
    "deliver": "workers.notify.deliver",
}


def _enqueue(redis: Redis, stage: Stage, name: str, args: Sequence[Any], pipe: Pipeline | None = None) -> None:
    data = StageQueue.prepare_data(
        _JOBS[name],
        args=list(args),
        timeout=JOB_TIMEOUT_S,
        result_ttl=0,
        failure_ttl=7 * 24 * 3600,
        description=name,
        retry=Retry(max=CRASHES, enqueue_at_front=True),  # its frames are the oldest
    )
    queue(redis, stage).enqueue_many([data], pipeline=pipe)


def detect_later(redis: Redis, session_id: int, frame_nos: Sequence[int], *, pipe: Pipeline | None = None) -> None:
    """Have frames looked at; with `pipe` the job is written together with what else the pipeline holds."""
    _enqueue(redis, "detect", "detect", [session_id, list(frame_nos)], pipe)


def read_later(redis: Redis, session_id: int, keys: Sequence[PlateKey], *, pipe: Pipeline | None = None) -> None:
    """Have plates read."""
    _enqueue(redis, "read", "read", [session_id, [list(key) for key in keys]], pipe)


def group_later(redis: Redis, session_id: int) -> None:
    """Have a session's new reads put into events; asking again before that began adds no second job."""
    if redis.set(_asked(session_id), 1, nx=True, ex=JOB_TIMEOUT_S):
        _enqueue(redis, "check", "group", [session_id])


def group_begins(redis: Redis, session_id: int) -> None:
    """From here on `group_later` adds a job again: reads stored after this moment may be missed by the one running."""
    redis.delete(_asked(session_id))


def _asked(session_id: int) -> str:
    return f"anpr:asked:group:{session_id}"


def check_later(redis: Redis, event_ids: Iterable[int]) -> None:
    """Have closed events judged."""
    for event_id in event_ids:
        if redis.set(f"anpr:asked:check:{event_id}", 1, nx=True, ex=JOB_TIMEOUT_S):
            _enqueue(redis, "check", "check", [event_id])


def deliver_later(redis: Redis, notification_ids: Sequence[int]) -> None:
    """Have what is due told; what is too much at a time has to be asked for again."""
    if notification_ids and redis.llen(queue(redis, "notify").key) < MOST_DELIVERIES:
        for notification_id in notification_ids:
            if redis.set(_asked_to_deliver(notification_id), 1, nx=True, ex=3 * JOB_TIMEOUT_S):
                _enqueue(redis, "notify", "deliver", [notification_id])


def delivery_begins(redis: Redis, notification_id: int) -> None:
    """From here on `deliver_later` adds a job again."""
    redis.delete(_asked_to_deliver(notification_id))


def _asked_to_deliver(notification_id: int) -> str:
    return f"anpr:asked:deliver:{notification_id}"


def leads(redis: Redis, what: str) -> bool:
    """Whether this process is the one to do something that one does at a time; it is to ask again all the while."""
    key, me = f"anpr:leads:{what}", _me()
    return bool(redis.set(key, me, nx=True, ex=LEADS_S)) or (
        redis.get(key) == me.encode() and bool(redis.expire(key, LEADS_S))
    )


def leads_no_more(redis: Redis, what: str) -> None:
    """Let another process do it at once."""
    if redis.get(f"anpr:leads:{what}") == _me().encode():
        redis.delete(f"anpr:leads:{what}")


def _me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def try_again() -> Retry:
    """What a job returns to come back later, however often: something it needs is away."""
    return Retry(max=1_000_000_000)


def is_idle(redis: Redis, stage: Stage) -> bool:
    """Whether no job of a stage waits, is being taken, or runs."""
    waiting = queue(redis, stage)
    pipe = redis.pipeline()
    pipe.llen(waiting.key)
    pipe.llen(waiting.intermediate_queue_key)
    pipe.zcard(StartedJobRegistry(queue=waiting).key)
    return not any(pipe.execute())


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """How much there is to do at a stage."""

    stage: str
    waiting: int
    running: int
    oldest_s: float  # how long the oldest waiting job has waited; 0 where none waits


_AT_FRONT = 5  # jobs that are tried again come back to the front, and are younger than those behind them


def states(redis: Redis, *, at: datetime) -> list[QueueState]:
    """The queues of all stages as of `at`, which is now. Raises RedisError."""
    found: list[QueueState] = []
    for stage in STAGES:
        waiting = queue(redis, stage)
        pipe = redis.pipeline(transaction=False)
        pipe.llen(waiting.key)
        pipe.llen(waiting.intermediate_queue_key)
        pipe.zcard(StartedJobRegistry(queue=waiting).key)
        pipe.lrange(waiting.key, 0, _AT_FRONT - 1)
        length, taken, started, front = pipe.execute()
        for job_id in front:
            pipe.hget(Job.key_for(job_id.decode()), "enqueued_at")
        since = [datetime.fromisoformat(text.decode()) for text in pipe.execute() if text]
        oldest_s = max((at - min(since)).total_seconds(), 0.0) if since else 0.0
        found.append(QueueState(stage=stage, waiting=length, running=taken + started, oldest_s=oldest_s))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that was given up: it failed or killed its worker too often."""

    id: str
    name: str
    args: list[Any]
    why: str


def failed(redis: Redis, stage: Stage) -> list[FailedJob]:
    """The jobs of a stage that were given up; `discard` them once dealt with."""
    waiting = queue(redis, stage)
    found: list[FailedJob] = []
    for job_id in FailedJobRegistry(queue=waiting).get_job_ids(0, 99):
        try:
            job = Job.fetch(job_id, connection=redis, serializer=JSONSerializer)
        except NoSuchJobError:
            discard(redis, stage, job_id)
            continue
        result = job.latest_result()
        told = "" if result is None else result.exc_string or ""
        found.append(FailedJob(id=job_id, name=job.description or "", args=list(job.args), why=why_of(told)))
    return found


def why_of(traceback: str) -> str:
    """The last line of a traceback, without what Postgres adds to it: its details quote rows, and rows hold plates."""
    told = re.split(r"^(?:DETAIL|CONTEXT):", traceback, maxsplit=1, flags=re.MULTILINE)[0].strip()
    return told.splitlines()[-1] if told else "unknown"


def discard(redis: Redis, stage: Stage, job_id: str) -> None:
    FailedJobRegistry(queue=queue(redis, stage)).remove(job_id, delete_job=True)
    redis.delete(Result.get_key(job_id))  # its traceback, which RQ would keep for a week
