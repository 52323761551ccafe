"""A real pipeline of separate processes, for tests that watch it and hurt it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil
import yaml
from servers import TestServers

from cli.embedded import EmbeddedServers
from cli.supervise import PARENT_FD
from storage import migrate, sessions
from storage.db import Database
from storage.sessions import Session
from workers import queues

COMMAND = (sys.executable, "-m", "cli.main")
SETTLED_S = 90.0  # some hundred frames on one slow, shared core
EVERY_FRAME = {"fps": None, "start": "2026-05-01T08:00:00+00:00"}
QUEUE = {"max_frames": 24, "batch": 4}  # little waits in Redis, so that a file is under way all the time
QUICK = {"detect": {"model": "ssd_mobilenet_v2_320"}}  # `anpr run` is tested with the default
T = TypeVar("T")


def until(fact: Callable[[], T], *, within_s: float, what: str) -> T:
    """What `fact` returns, as soon as that is true; fails after `within_s`."""
    limit_s = time.monotonic() + within_s
    while not (found := fact()):
        assert time.monotonic() < limit_s, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return found


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants, as they are now."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run; a zombie nobody has waited for is gone."""
    left = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


def name_of(process: psutil.Process) -> str:
    """Its name; "" where it has just ended, as the processes of a server's connections do all the time."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServers:
    """Servers that tests may kill, freeze and start again."""

    embedded: EmbeddedServers
    database_url: str
    redis_url: str

    def kill(self, server: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End `redis` or `postgres`; `embedded.poll()` starts it again."""
        pid = self.embedded.pids()[server]
        os.kill(pid, how)
        until(lambda: not alive(family(pid)), within_s=10, what=f"{server} is gone")


@contextmanager
def emptied(embedded: EmbeddedServers) -> Iterator[OwnServers]:
    """An empty Redis and a new database of these servers; what a test left dead is started again after it."""
    redis = queues.connect(embedded.redis_url)
    redis.flushall()
    redis.close()
    servers = TestServers(database_url=embedded.database_url, redis_url=embedded.redis_url)
    with servers.fresh_database() as url:
        database = Database(url)
        with database.transaction() as conn:
            migrate.migrate(conn)
        database.close()
        yield OwnServers(embedded=embedded, database_url=url, redis_url=embedded.redis_url)


class Pipeline:
    """Processes of `anpr` around given servers; leaving the `with` block kills all of them.

    Each logs JSON lines at debug into a file of its own.
    """

    def __init__(self, directory: Path, servers: OwnServers, **settings: object) -> None:
        self.directory = directory
        self.evidence_dir = directory / "evidence"
        self.database = Database(servers.database_url)
        self.redis = queues.connect(servers.redis_url)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own = {
            "database_url": servers.database_url,
            "redis_url": servers.redis_url,
            "evidence_dir": str(self.evidence_dir),
        }
        self._settings = QUICK | settings | own

    def __enter__(self) -> Self:
        self._child_end, self._parent_end = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        left = [process for one in self.processes.values() for process in family(one.pid)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for one in self.processes.values():
            one.wait(10)
        psutil.wait_procs(left, timeout=10)
        os.close(self._parent_end)
        os.close(self._child_end)
        self.database.close()
        self.redis.close()

    def start(self, name: str, *words: str, cwd: Path | None = None, **settings: object) -> subprocess.Popen[bytes]:
        """Run `anpr WORDS` under a name, with `settings` on top of those of the pipeline."""
        config = self.directory / f"{name}.yaml"
        config.write_text(yaml.safe_dump(self._settings | settings))
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*COMMAND, *words, "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                start_new_session=True,
                pass_fds=(self._child_end,),
                env=os.environ | {"ANPR_LOG_LEVEL": "debug", PARENT_FD: str(self._child_end)},
            )
        return self.processes[name]

    def ingest(self, camera: str, *, queue: Mapping[str, object] | None = None, **settings: object) -> None:
        """Start the ingest of a camera; the process and its log have its name."""
        self.start(camera, "ingest", cameras={camera: settings}, queue=dict(queue or {}))

    def keep(self, *stages: str) -> None:
        """See to a worker of each stage that runs and has said that it is ready."""
        for stage in stages:
            running = self.processes.get(stage)
            if running is None or running.poll() is not None:
                self.log(stage).unlink(missing_ok=True)
                self.start(stage, "worker", stage)
        for stage in stages:
            until(lambda stage=stage: self.said(stage, "worker.ready"), within_s=60, what=f"{stage} is ready")

    def kill(self, name: str) -> None:
        """SIGKILL, to a process with all it started."""
        for process in family(self.processes[name].pid):
            process.kill()
        self.processes[name].wait(10)

    def stop(self, name: str, *, within_s: float = 10.0) -> int:
        """SIGTERM; the exit status."""
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes[name].wait(within_s)

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def said(self, name: str, *events: str) -> list[dict[str, Any]]:
        """What a process logged, oldest first: all of it, or the events named. A line that is no JSON fails."""
        lines = self.log(name).read_text().splitlines() if self.log(name).exists() else []
        found = [json.loads(line) for line in lines]
        return [line for line in found if not events or line["event"] in events]

    def sessions(self, camera: str) -> list[Session]:
        """The sessions of a camera, oldest first."""
        with self.database.transaction() as conn:
            ids = [row[0] for row in conn.execute(_OF_CAMERA, {"camera": camera})]
            return sessions.get(conn, ids)

    def started(self, camera: str, *, frames: int = 0, within_s: float = 40.0) -> Session:
        """The camera's only session, once `frames` of it have been dealt with."""

        def look() -> list[Session]:
            return [one for one in self.sessions(camera) if one.accounted >= frames]

        return until(look, within_s=within_s, what=f"{frames} frames of {camera} are dealt with")[0]

    def settled(self, camera: str, *, within_s: float = SETTLED_S) -> Session:
        """The camera's only session, once nothing of it is left to be done, every frame of it in its one place."""

        def look() -> list[Session]:
            return [one for one in self.sessions(camera) if one.settled_at is not None]

        try:
            session = until(look, within_s=within_s, what=f"{camera} is settled")[0]
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {self.sessions(camera)}") from None
        assert len(self.sessions(camera)) == 1
        assert [line["why"] for line in self.said("check", "job.given_up")] == []
        check_ledger(self.database, session, self.evidence_dir)
        return session


_OF_CAMERA = "select s.id from sessions s join cameras c on c.id = s.camera_id where c.name = %(camera)s order by s.id"

_CHECKS = {
    "an offered frame is in no counter, or in two": """
        select id, offered, sampled_out, shed_early, sampled from sessions
        where id = %(id)s and (offered <> sampled_out + shed_early + sampled
            or sampled <> no_plate + read + shed + expired + failed or counted <> sampled)
    """,
    "a frame is left in the ledger": "select frame_no from frames where session_id = %(id)s",
    "a plate has no outcome": "select frame_no from plate_reads where session_id = %(id)s and outcome is null",
    "a read has no event": """
        select frame_no from plate_reads where session_id = %(id)s and outcome = 'read' and event_id is null
    """,
    "an event has fewer reads than it says": """
        select e.id from plate_events e where e.session_id = %(id)s
          and e.reads > (select count(*) from plate_reads r where r.event_id = e.id)
    """,
    "an event is open or has not exactly one verdict of its revision": """
        select e.id from plate_events e where e.session_id = %(id)s and (e.state <> 'closed'
          or 1 <> (select count(*) from verdicts v where v.event_id = e.id and v.revision = e.revision))
    """,
    "an event has no picture": """
        select e.id from plate_events e where e.session_id = %(id)s and not exists (
            select from evidence p join plate_reads r using (session_id, frame_no, plate_no) where r.event_id = e.id)
    """,
}


def check_ledger(database: Database, session: Session, evidence_dir: Path) -> None:
    """Fails unless every frame and every plate of a settled session ended in exactly one place."""
    assert session.settled_at is not None
    with database.transaction() as conn, conn.cursor() as cursor:
        wrong = {what: cursor.execute(query, {"id": session.id}).fetchall() for what, query in _CHECKS.items()}
        assert not any(wrong.values()), {what: rows for what, rows in wrong.items() if rows}
        kept = cursor.execute("select path from evidence where session_id = %(id)s", {"id": session.id}).fetchall()
    assert [path for (path,) in kept if not (evidence_dir / path).exists()] == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a session came to: (frame_no, plate_no, outcome, text) of each plate, (plate, reads) of each event."""

    plates: set[tuple[int, int, str, str]]
    events: list[tuple[str, int]]


def found(database: Database, session: Session) -> Found:
    of = {"id": session.id}
    with database.transaction() as conn:
        plates = conn.execute("select frame_no, plate_no, outcome, text from plate_reads where session_id = %(id)s", of)
        events = conn.execute(
            "select plate, reads from plate_events where session_id = %(id)s order by first_seen, plate", of
        )
        return Found(plates=set(plates.fetchall()), events=events.fetchall())
