"""The real Postgres and Redis that the tests use: those of DATABASE_URL and REDIS_URL, else embedded ones."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from cli.embedded import EmbeddedServers

MEMORY = Path("/dev/shm")  # noqa: S108 - each takes a directory of its own in it
ROOM_BYTES = 4e9  # several servers with their logs; in a container there may be 64 MB


def in_memory() -> Path | None:
    """Where files are kept in memory, if there is room: a new database is some 600 files, thrown away soon."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES else None


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that the embedded servers of a root can reach; pytest's own are closed to them."""
    directory = Path(tempfile.mkdtemp(prefix="anpr-test-", dir=in_memory()))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestServers:
    """One Postgres and one Redis for the whole run; each test takes a database of its own."""

    __test__ = False
    database_url: str
    redis_url: str
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def fresh_database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of `template` (to which nobody may be connected); dropped afterwards."""
        name = f"anpr_test_{os.getpid()}_{next(self._numbers)}"
        self._run(
            sql.SQL("create database {} template {} strategy wal_log").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            yield self.url_of(name)
        finally:
            self._run(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    @contextmanager
    def template(self, fill: Callable[[str], object]) -> Iterator[str]:
        """The name of a database that `fill(url)` has made once, for `fresh_database` to copy."""
        with self.fresh_database() as url:
            fill(url)
            yield urlsplit(url).path.removeprefix("/")

    @contextmanager
    def closed(self, url: str) -> Iterator[None]:
        """Everybody is thrown out of the database of this URL, and nobody gets in."""
        name = sql.Identifier(urlsplit(url).path.removeprefix("/"))
        self._run(sql.SQL("alter database {} allow_connections false").format(name))
        self._run(
            sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}").format(
                sql.Literal(urlsplit(url).path.removeprefix("/"))
            )
        )
        yield
        self._run(sql.SQL("alter database {} allow_connections true").format(name))

    def url_of(self, database: str) -> str:
        """The URL of another database of the same server."""
        return urlsplit(self.database_url)._replace(path=f"/{database}").geturl()

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            conn.execute(statement)


@contextmanager
def test_servers() -> Iterator[TestServers]:
    """The servers of one test run."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    with (
        open_directory() as directory,
        EmbeddedServers(directory / "data", postgres=not database_url, redis=not redis_url) as embedded,
    ):
        if not database_url:
            with psycopg.connect(embedded.database_url, autocommit=True) as conn:
                conn.execute("alter system set fsync = off")  # thrown away anyway; halves the time of a new database
                conn.execute("select pg_reload_conf()")
        yield TestServers(database_url=database_url or embedded.database_url, redis_url=redis_url or embedded.redis_url)
