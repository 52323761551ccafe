"""The whole pipeline in one command: servers, ingest and workers as processes of ours, started, watched and stopped."""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import yaml
from rich.console import Console

from anpr import log
from anpr.config import Camera, Settings
from anpr.errors import AnprError, Unavailable
from cli.embedded import locked
from cli.progress import Progress, list_progress
from cli.report.table import events_table
from cli.settings import RUN_SETTINGS
from cli.shared import SharedServers
from cli.supervise import Supervisor, program
from cli.trials import check_networks
from cli.worker import command as worker_command
from storage import migrate, notifications, plate_events, sessions
from storage.db import Database
from storage.list_files import Terms
from storage.sessions import Session
from storage.vignette_files import import_file
from workers import queues

_log = log.get(__name__)
INGEST_GRACE_S = 3.0  # Ctrl-C has everything gone within 10 s: ingest 3, drain 2, workers 2, servers the rest
DRAIN_S = 2.0
WORKERS_GRACE_S = 2.0
TELL_S = 10.0  # a receiver that takes longer is told by the next run on this data
LOOK_S = 0.25
MOST_EVENTS = 1000


class Stopped(AnprError):
    """Somebody pressed Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """How many processes of each stage."""

    detectors: int
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did."""

    sessions: tuple[Session, ...]
    took_s: float
    was_stopped: bool
    has_failed: bool


def execute(
    wanted: Settings,
    *,
    data_dir: Path,
    vignettes: Sequence[Path],
    crew: Crew,
    report: Path | None,
    console: Console,
    fresh: bool = False,
) -> Outcome:
    """Run the whole pipeline on the cameras of `wanted`, print its events, and write the report if one is asked for.

    `fresh` begins files anew that an earlier run left unfinished.
    """
    for camera in wanted.cameras.values():
        check_source(camera)
    check_networks(wanted, ("detect", "read"))
    _on_signals(_interrupt)
    began_s = time.monotonic()
    with servers(wanted, data_dir, console) as (served, shared):
        queues.ping(queues.connect(served.redis_url))
        database = Database(served.database_url)
        with database.transaction() as conn:
            migrate.migrate(conn)
            if fresh:
                sessions.give_up_unfinished(conn, list(wanted.cameras))
        for path in vignettes:
            country, terms = wanted.defaults.toll_country, Terms.of(wanted.registry)
            with list_progress(console) as progress:
                told = import_file(database, path, country, None, terms, progress=progress)
            console.print("\n".join(told), highlight=False)
        stop = threading.Event()
        _on_signals(lambda *_: stop.set())
        outcome = _watch(served, shared, database, data_dir=data_dir, crew=crew, stop=stop, console=console)
        ids = [session.id for session in outcome.sessions]
        with database.transaction() as conn:
            rows = plate_events.of_sessions(conn, ids, limit=MOST_EVENTS)
        console.print(events_table(list(reversed(rows))))
        _summary(outcome, len(rows), console)
        if report is not None and ids and not outcome.was_stopped:
            from cli.report import make_report  # noqa: PLC0415 (only here)

            page = make_report(
                database,
                session_ids=ids,
                evidence_dir=Path(served.evidence_dir),
                directory=report,
                urls=served.cameras,
                took_s=outcome.took_s,
                progress=_reporting(stop, console),
            )
            console.print(f"report: {page}", highlight=False, soft_wrap=True)
        database.close()
    return Outcome(
        sessions=outcome.sessions,
        took_s=time.monotonic() - began_s,
        was_stopped=outcome.was_stopped,
        has_failed=outcome.has_failed,
    )


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, handler)


def _interrupt(*_: object) -> None:
    """Nothing is watched yet: give up what is being started or imported."""
    raise KeyboardInterrupt


@contextmanager
def servers(wanted: Settings, data_dir: Path, console: Console) -> Generator[tuple[Settings, SharedServers | None]]:
    """The settings with the servers to use: those given, for the rest embedded ones, shared with `anpr serve`."""
    if wanted.database_url and wanted.redis_url:
        yield wanted, None
        return
    shared = SharedServers(data_dir, postgres=not wanted.database_url, redis=not wanted.redis_url)
    with shared, _alone(data_dir):
        console.print(f"data: {data_dir}", highlight=False, soft_wrap=True)
        urls = {
            "database_url": wanted.database_url or shared.database_url,
            "redis_url": wanted.redis_url or shared.redis_url,
        }
        yield wanted.model_copy(update=urls), shared


@contextmanager
def _alone(data_dir: Path) -> Generator[None]:
    """Raises InUse where another run works on a data directory: both would write its settings."""
    held = locked(data_dir / "run.lock", f"{data_dir} is in use by another `anpr run`")
    try:
        yield
    finally:
        os.close(held)


def check_source(camera: Camera) -> None:
    """Raise BadSource at once for a file that cannot be decoded, before anything is started."""
    from ingest.source import open_source  # noqa: PLC0415 (loads the decoder, which --help does not need)

    if "://" not in camera.url and not camera.url.startswith("/dev/"):
        open_source(camera.url).close()


def _watch(
    served: Settings,
    shared: SharedServers | None,
    database: Database,
    *,
    data_dir: Path,
    crew: Crew,
    stop: threading.Event,
    console: Console,
) -> Outcome:
    """Start all processes, wait until the sources have ended and all is judged, or until `stop`; then stop them."""
    settings_file = _written(served, data_dir)
    began = datetime.now(UTC)
    began_s = time.monotonic()
    env = dict(os.environ) | {"ANPR_LOG_LEVEL": os.environ.get("ANPR_LOG_LEVEL", "warning")}
    workers = [f"detect-{n}" for n in range(1, crew.detectors + 1)]
    workers += [f"read-{n}" for n in range(1, crew.readers + 1)] + ["check-1"]
    tells = bool(served.webhooks or served.mqtt.host)
    workers += ["notify-1"] if tells else []
    ours: list[Session] = []
    with Supervisor(grace_s=WORKERS_GRACE_S) as supervisor, Progress(console) as progress:
        ingest = program("cli.main", "ingest", "--config", str(settings_file))
        supervisor.start("ingest", ingest, env=env)
        for name in workers:
            supervisor.start(name, worker_command(name.split("-")[0], settings_file), restart=True, env=env)

        is_away = False

        def look() -> bool:
            nonlocal is_away
            if shared is not None:
                shared.check()
            try:
                with database.transaction() as conn:
                    ours[:] = sessions.of_cameras(conn, list(served.cameras), since=began)
                    progress.show(ours, plate_events.counts(conn, [one.id for one in ours]))
            except Unavailable as exc:
                if not is_away:
                    _log.warning("run.waits", why=str(exc))
                is_away = True
                return stop.is_set()
            is_away = False
            is_settled = all(one.settled_at is not None for one in ours)
            return stop.is_set() or (not supervisor.running("ingest") and is_settled)

        supervisor.wait(look, tick_s=LOOK_S)
        was_stopped = stop.is_set()
        supervisor.stop("ingest", grace_s=INGEST_GRACE_S)
        if was_stopped:
            stop.clear()
            supervisor.wait(look, timeout_s=DRAIN_S, tick_s=LOOK_S)
        elif tells:
            supervisor.wait(lambda: stop.is_set() or _all_told(database), timeout_s=TELL_S, tick_s=LOOK_S)
        has_failed = supervisor.exit_status("ingest") not in (0, -signal.SIGTERM)
    return Outcome(
        sessions=tuple(ours), took_s=time.monotonic() - began_s, was_stopped=was_stopped, has_failed=has_failed
    )


def _all_told(database: Database) -> bool:
    """Whether everybody who wants to know has been told of the verdicts; a server that is away leaves it open."""
    try:
        with database.transaction() as conn:
            return notifications.is_quiet(conn)
    except Unavailable:
        return False


def _reporting(stop: threading.Event, console: Console) -> Callable[[str, int, int | None], None]:
    """Says that the videos are being drawn; Ctrl-C ends it."""
    stop.clear()
    told: set[str] = set()

    def progress(camera: str, _done: int, _of: int | None) -> None:
        if stop.is_set():
            raise Stopped("stopped while drawing the report")
        if camera not in told:
            told.add(camera)
            console.print(f"drawing the video of {camera}", highlight=False)

    return progress


def _summary(outcome: Outcome, events: int, console: Console) -> None:
    offered = sum(one.offered for one in outcome.sessions)
    sampled = sum(one.sampled for one in outcome.sessions)
    left = [one for one in outcome.sessions if one.settled_at is None or not (one.complete or one.is_live)]
    rate = f"{sampled / outcome.took_s:.0f} looked at a second" if outcome.took_s > 0 else ""
    console.print(
        f"{events} events from {offered} frames, {sampled} of them looked at, in {outcome.took_s:.1f} s ({rate})",
        highlight=False,
    )
    if left:
        names = ", ".join(one.camera for one in left)
        console.print(f"not finished: {names}; the next run on this data goes on there", highlight=False)


def _written(served: Settings, data_dir: Path) -> Path:
    """The settings as a file that the child processes read; only we may read it, URLs may hold passwords."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / RUN_SETTINGS
    path.touch(mode=0o600)
    path.chmod(0o600)
    plain = served.model_dump(mode="json", exclude_unset=True)
    path.write_text(yaml.safe_dump(plain, sort_keys=False).replace("${", "$${"), encoding="utf-8")
    return path
