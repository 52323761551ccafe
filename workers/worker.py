"""One worker process: RQ's simple worker, with the networks loaded before its first job."""

import logging
import signal
import time
from pathlib import Path
from typing import Any, cast

import cv2
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import ExecutionRegistry
from rq.job import Job
from rq.serializers import JSONSerializer

from anpr import log
from anpr.config import DetectSettings, ReadSettings, Settings
from anpr.errors import Unavailable
from models.detector.inference import Detector
from models.reader import Reader, load_reader
from storage.db import Database
from storage.http_registry import HttpRegistry
from workers import frames, process, queues
from workers.endpoint import Endpoint
from workers.model_info import model_of
from workers.mqtt import Broker
from workers.notify import check_secrets
from workers.process import Process
from workers.queues import JOB_TIMEOUT_S, SOCKET_TIMEOUT_S, Stage, StageQueue
from workers.reporter import Reporter
from workers.sweep import sweep

_log = log.get(__name__)
RETRY_S = 1.0  # between looks whether a server is back
SWEEP_S = 0.5
WORKER_TTL_S = 17


class StageWorker(SimpleWorker):
    """Serves one queue: taking from several could lose the job between taking and starting it."""

    queue_class = StageQueue
    max_connection_wait_time = 2.0
    log_job_description = False
    held: Process | None = None
    was_told_to_stop = False
    is_tending = False

    @property
    def dequeue_timeout(self) -> int:
        return 1

    @property
    def connection_timeout(self) -> int:
        return SOCKET_TIMEOUT_S

    def get_heartbeat_ttl(self, job: Job) -> int:
        return int(job.timeout or JOB_TIMEOUT_S) + 1

    def subscribe(self) -> None:
        """No commands by publish/subscribe: saves a thread and a connection a worker."""

    def unsubscribe(self) -> None:
        pass

    def handle_warm_shutdown_request(self) -> None:
        self.was_told_to_stop = True

    def procline(self, message: str) -> None:
        pass

    def _shutdown(self) -> None:
        # RQ raises wherever the process is, which the pool of Postgres connections swallows: the worker would go on
        if self.is_tending:
            self._stop_requested = True
        else:
            super()._shutdown()

    def run_maintenance_tasks(self) -> None:
        self.is_tending = True
        try:
            super().run_maintenance_tasks()
            if self.held is not None:
                self.held.tell()
                self.tend(self.held)
        except Unavailable as exc:
            _log.debug("tending.waits", why=str(exc))
        finally:
            self.is_tending = False
        if self._stop_requested:
            raise StopRequested  # as RQ does it between jobs

    def tend(self, held: Process) -> None:
        """Called between jobs."""

    def leave(self, held: Process) -> None:
        """Called when the worker ends."""

    def execute_job(self, job: Job, queue: Any) -> None:
        # RQ lists an execution longer than it keeps it, and fails a finished job where one of a killed worker is listed
        job.connection.delete(ExecutionRegistry(job.id, job.connection).key)
        super().execute_job(job, queue)
        if self.held is not None:
            self.held.tell()
            if self.held.is_waiting:
                time.sleep(RETRY_S)


class CheckWorker(StageWorker):
    """Sweeps between its jobs."""

    @property
    def dequeue_timeout(self) -> int:
        return cast(int, SWEEP_S)  # Redis takes fractions of a second, and RQ hands them on

    def tend(self, held: Process) -> None:
        sweep(held)


class NotifyWorker(StageWorker):
    """Sees to the MQTT broker between its jobs, where there is one."""

    broker: Broker | None = None

    @property
    def dequeue_timeout(self) -> int:
        return cast(int, SWEEP_S)

    def tend(self, held: Process) -> None:
        if self.broker is not None:
            self.broker.tend(held)

    def leave(self, held: Process) -> None:
        if self.broker is not None:
            self.broker.close(held)


_KINDS: dict[Stage, type[StageWorker]] = {"check": CheckWorker, "notify": NotifyWorker}


def work(stage: Stage, settings: Settings) -> bool:
    """Serve a stage until SIGTERM or SIGINT (the job at hand is finished first).

    Loads the stage's network, waits for Redis and Postgres where they are away, and returns whether it was told to
    stop; False: Redis was lost in mid-job and this process must be started anew.
    Raises BadInput where a model or setting is wrong.
    """
    logging.getLogger("rq").setLevel(logging.CRITICAL)
    if stage == "notify":
        check_secrets(settings)
    frames.keep_memory()
    cv2.setNumThreads(1)  # one core a worker; more cores are for more workers
    held = Process(
        settings=settings,
        redis=queues.connect(settings.redis_url),
        database=Database(settings.database_url),
        loaded_detector=_detector(settings.detect) if stage == "detect" else None,
        loaded_reader=_reader(settings.read) if stage == "read" else None,
        registry=HttpRegistry(settings.registry) if stage == "check" and settings.registry.url else None,
    )
    process.hold(held)
    _wait_for_servers(held)
    kind, interval_s = _KINDS.get(stage, StageWorker), SWEEP_S if stage in _KINDS else 1
    worker = kind(
        [queues.queue(held.redis, stage)],
        connection=held.redis,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=cast(int, interval_s),
    )
    worker.held = held
    held.reporter = _reporter(stage, held)
    if isinstance(worker, NotifyWorker) and settings.mqtt.host:
        worker.broker = Broker(settings.mqtt)
    _log.info("worker.ready", stage=stage)
    try:
        worker.work(logging_level="CRITICAL")
    except (RedisError, OSError) as exc:
        _log.warning("worker.lost_redis", why=str(exc))
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):  # RQ's handlers belong to this worker
            signal.signal(one, signal.SIG_DFL)
        worker.leave(held)
        held.reporter.leave()
        held.database.close()
    return worker.was_told_to_stop


def _detector(settings: DetectSettings) -> Detector:
    path = None if settings.model is None else Path(settings.model)
    return Detector.load(path, threshold=settings.threshold, tiles=settings.tiles)


def _reader(settings: ReadSettings) -> Reader:
    return load_reader(settings.reader, path=None if settings.model is None else Path(settings.model))


def _reporter(stage: Stage, held: Process) -> Reporter:
    models = model_of(stage, held.settings)
    return Reporter(
        stage,
        redis=held.redis,
        measures=held.measures,
        database=held.database,
        endpoint=Endpoint(held.settings),
        has_jobs=True,
        models=lambda: models,
    )


def _wait_for_servers(held: Process) -> None:
    told = False
    while True:
        try:
            queues.ping(held.redis)
            held.database.ping()
        except Unavailable as exc:
            if not told:
                _log.warning("worker.waits", why=str(exc))
            told = True
            time.sleep(RETRY_S)
        else:
            return
