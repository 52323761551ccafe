"""What one worker process holds, and how a job runs in it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

from redis import Redis

from anpr import log
from anpr.config import Settings
from anpr.errors import Retryable
from anpr.registry import Registry
from models.detector.inference import Detector
from models.reader.protocol import Reader
from storage.db import Database
from workers import queues
from workers.measures import Measures
from workers.reporter import Reporter

_log = log.get(__name__)
P = ParamSpec("P")


@dataclass(slots=True, kw_only=True)
class Process:
    """The connections and networks of one process; networks only where its stage needs them."""

    settings: Settings
    redis: Redis
    database: Database
    loaded_detector: Detector | None = None
    loaded_reader: Reader | None = None
    registry: Registry | None = None  # None: the lists in the database
    is_waiting: bool = False
    counts_at_s: float = 0.0  # on the monotonic clock
    purges_at_s: float = 0.0
    tidies_at_s: float = 0.0
    measures: Measures = field(default_factory=Measures)
    reporter: Reporter | None = None

    @property
    def detector(self) -> Detector:
        if self.loaded_detector is None:
            raise LookupError("this process serves another stage and has no detector")
        return self.loaded_detector

    @property
    def reader(self) -> Reader:
        if self.loaded_reader is None:
            raise LookupError("this process serves another stage and has no reader")
        return self.loaded_reader

    @property
    def evidence_dir(self) -> Path:
        return Path(self.settings.evidence_dir)

    def tell(self) -> None:
        """Tell Redis now and then how this process does."""
        if self.reporter is not None:
            self.reporter.tell(is_waiting=self.is_waiting)


_current: list[Process] = []


def hold(process: Process) -> None:
    """Make `process` the one that jobs of this interpreter run in."""
    _current[:] = [process]


def current() -> Process:
    return _current[0]


def job(function: Callable[P, None]) -> Callable[P, Any]:
    """Make a function a job: where something it needs is away, it is put back and its worker waits a little."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        process = current()
        try:
            with process.measures.job(function.__name__):
                function(*args, **kwargs)
        except Retryable as exc:
            if not process.is_waiting:
                _log.warning("worker.waits", why=str(exc))
            process.is_waiting = True
            return queues.try_again()
        if process.is_waiting:
            _log.info("worker.goes_on")
        process.is_waiting = False
        return None

    return run
