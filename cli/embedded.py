"""Postgres and Redis of one machine: started, found again after a crash, stopped.

Everything lies in one data directory: `postgres/` and `redis/` (the data), `run/` (the sockets), `postgres.log`,
`redis.log` and `lock`, which one anpr at a time holds. Both servers listen on Unix sockets alone, in a directory that
only their account may enter (mode 0700); that is why Postgres asks for no password. Where such a path is
no good for a socket, mostly by its length, they lie in a directory of the same mode under /tmp.

Postgres refuses to run as root. Started by root, both servers run as the owner of `run/` or, the first time, as the
first account there is of anpr, postgres and nobody. That account must be able to reach the data directory. No mode of a
directory that was there is changed.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from anpr import log as logs
from anpr.errors import BadInput, Unavailable
from cli import programs
from cli.accounts import RunAs, account_of, must_reach
from cli.orphans import STOP_WAIT_S, stop_servers_in
from cli.programs import POSTGRES_SOCKET, Server
from cli.supervise import RestartBudget

START_WAIT_S = 60.0  # crash recovery and a long append-only file take seconds, not more
MAX_RESTARTS_PER_MIN = 5
MAX_LOG_BYTES = 10_000_000
MAX_SOCKET_PATH_BYTES = 103  # sun_path holds 104 bytes on macOS, 108 on Linux, with the closing NUL

log = logs.get(__name__)


class InUse(BadInput):
    """Another process serves this data directory."""


class EmbeddedServers:
    """The servers asked for, ready to use inside the `with` block and gone after it; their data stay.

    What a killed instance left running on this directory is stopped first. Raises BadInput where the directory cannot
    be used or another instance uses it (its pid is in the text), Unavailable where a server does not start (the text
    holds what its log says).
    """

    def __init__(self, data_dir: Path, *, postgres: bool = True, redis: bool = True) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._wants_postgres = postgres
        self._wants_redis = redis
        self._lock: int | None = None
        self._run_as: RunAs = {}
        self._sockets = _sockets_of(self.data_dir)
        self._short_directory: Path | None = None  # the one that is ours to remove
        self._running: list[tuple[Server, subprocess.Popen[bytes]]] = []
        self._budget = RestartBudget(MAX_RESTARTS_PER_MIN)

    @property
    def database_url(self) -> str:
        """The libpq URL of the database `anpr`."""
        return programs.postgres_url(self._sockets, "anpr")

    @property
    def redis_url(self) -> str:
        """The URL of Redis, as `redis.Redis.from_url` takes it."""
        return programs.redis_url(self._sockets)

    def __enter__(self) -> Self:
        try:
            self._take_directory()
            if self._wants_postgres:
                self._start(programs.postgres(self.data_dir, self._sockets, self._run_as))
            if self._wants_redis:
                self._start(programs.redis_server(self.data_dir, self._sockets, self._run_as))
            for server, process in self._running:
                self._await(server, process)
            if self._wants_postgres:
                self._create_database()
        except OSError as exc:
            self._stop()
            where = exc.filename or self.data_dir
            raise BadInput(f"{where}: {exc.strerror}: the embedded servers cannot be started") from exc
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def poll(self) -> None:
        """Start a server that has died again, under the same URL; Unavailable where that fails or it keeps dying."""
        for server, process in list(self._running):
            if process.poll() is None:
                continue
            if self._budget.spend(time.monotonic()) is None:
                raise Unavailable(f"embedded {server.name} keeps dying: {_telling_line(server.log)} ({server.log})")
            log.warning("server.died", server=server.name, status=process.returncode, log=str(server.log))
            try:
                started = self._start(server)
            except OSError as exc:
                raise Unavailable(f"embedded {server.name} cannot be started again: {exc}") from exc
            self._running.remove((server, process))
            self._await(*started)

    def answer(self) -> bool:
        """Whether all servers asked for answer, whoever has started them."""
        return (not self._wants_postgres or programs.postgres_answers(self._sockets)) and (
            not self._wants_redis or programs.redis_answers(self._sockets)
        )

    def pids(self) -> dict[str, int]:
        """The pid of each server by its name, `postgres` and `redis`."""
        return {server.name: process.pid for server, process in self._running}

    def _take_directory(self) -> None:
        is_root = os.geteuid() == 0
        if not self.data_dir.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)  # another anpr may start as well
            self.data_dir.chmod(0o711 if is_root else 0o700)
        self._lock = locked(self.data_dir / "lock", f"{self.data_dir} is in use by another anpr")
        run = self.data_dir / "run"
        if is_root:
            self._run_as = account_of(run)
            must_reach(self.data_dir, self._run_as)
        programs.own(run, self._run_as)
        if self._sockets != run:
            self._make_short_directory(self._sockets)

    def _make_short_directory(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        ours = {os.geteuid(), self._run_as.get("user")}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or stat.S_IMODE(found.st_mode) != 0o700:
            raise BadInput(f"{directory}: the sockets belong here, but somebody else made it: remove it")
        self._short_directory = directory
        programs.own(directory, self._run_as)

    def _create_database(self) -> None:
        try:
            with psycopg.connect(programs.postgres_url(self._sockets, "postgres"), autocommit=True) as conn:
                if conn.execute("select 1 from pg_database where datname = 'anpr'").fetchone() is None:
                    conn.execute("create database anpr")
        except psycopg.Error as exc:
            raise Unavailable(f"embedded postgres: cannot create the database anpr: {exc}") from exc

    def _start(self, server: Server) -> tuple[Server, subprocess.Popen[bytes]]:
        stop_servers_in(server.home)
        for path in server.stale:
            path.unlink(missing_ok=True)
        server.log.touch(mode=0o600)
        with server.log.open("wb" if server.log.stat().st_size > MAX_LOG_BYTES else "ab") as output:
            process = subprocess.Popen(
                server.argv,
                cwd=server.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C is for us, who stop the servers last
                **self._run_as,
            )
        self._running.append((server, process))
        return server, process

    def _await(self, server: Server, process: subprocess.Popen[bytes]) -> None:
        end_s = time.monotonic() + START_WAIT_S
        while not server.answers():
            if process.poll() is not None:
                raise Unavailable(f"embedded {server.name} did not start: {_telling_line(server.log)} ({server.log})")
            if time.monotonic() > end_s:
                raise Unavailable(f"embedded {server.name} does not answer after {START_WAIT_S:.0f} s ({server.log})")
            time.sleep(0.01)

    def _stop(self) -> None:
        for server, process in self._running:
            process.send_signal(server.stop_signal)
        end_s = time.monotonic() + STOP_WAIT_S
        for server, process in self._running:
            try:
                process.wait(max(0.0, end_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("server.killed", server=server.name, after_s=STOP_WAIT_S)
                process.kill()
                process.wait()
                stop_servers_in(server.home)
        self._running.clear()
        if self._short_directory is not None:
            shutil.rmtree(self._short_directory, ignore_errors=True)
            self._short_directory = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sockets_of(data_dir: Path) -> Path:
    run = data_dir / "run"
    fits = len(os.fsencode(run / POSTGRES_SOCKET)) <= MAX_SOCKET_PATH_BYTES
    if fits and "," not in str(run):  # libpq reads a host with a comma as two hosts
        return run
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"anpr-{os.geteuid()}-{digest}"  # noqa: S108 (short everywhere, and checked)


def locked(file: Path, why: str) -> int:
    """A descriptor that holds `file` for this process; programs that we run do not inherit it.

    Raises InUse where another process holds it: `why`, and its pid.
    """
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(fd, 20).decode() or "unknown"
        os.close(fd)
        raise InUse(f"{why} (pid {pid})") from None
    os.ftruncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def _telling_line(log_file: Path) -> str:
    with log_file.open("rb") as file:
        file.seek(max(0, log_file.stat().st_size - 4096))
        return programs.telling(file.read().decode(errors="replace"))
