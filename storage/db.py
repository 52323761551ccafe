"""The way to Postgres: one small pool a process, and one error for every way it can be away."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from anpr.errors import BadConfig, Unavailable

CONNECT_TIMEOUT_S = 3
Conn = Connection[tuple[Any, ...]]


class Database:
    """Transactions on one Postgres database; opens connections when first needed and again after an outage."""

    def __init__(self, url: str, *, max_connections: int = 4) -> None:
        """Raises BadConfig where `url` is no Postgres connection string; does not connect."""
        try:
            self.address = _address(url)
        except psycopg.ProgrammingError as exc:
            # Its own words would repeat the address, password and all.
            raise BadConfig("the database address is not one of Postgres: postgresql://user@host:5432/anpr") from exc
        self._url = url
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # it tells each attempt; our callers tell it once
        self._pool = ConnectionPool(
            url,
            kwargs={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "anpr"},
            min_size=0,
            max_size=max_connections,
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=1,
            check=ConnectionPool.check_connection,
            open=False,
        )

    @contextmanager
    def transaction(self) -> Generator[Conn]:
        """A connection whose work is committed at the end of the block, or rolled back if it raises.

        Raises Unavailable where Postgres cannot be reached, goes away, has no space left, or ends a deadlock by it.
        """
        self._pool.open()
        try:
            with self._pool.connection() as conn:
                yield conn
        except psycopg.errors.DeadlockDetected as exc:
            raise Unavailable(f"Postgres at {self.address} undid this, to end a deadlock: try again") from exc
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as exc:
            raise Unavailable(f"Postgres at {self.address} does not answer: {first_line(exc)}") from exc

    @contextmanager
    def autocommit(self) -> Generator[Conn]:
        """A connection on which each statement stands for itself, for those that no transaction may hold.

        Raises Unavailable where Postgres cannot be reached or goes away.
        """
        try:
            with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as conn:
                yield conn
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            raise Unavailable(f"Postgres at {self.address} does not answer: {first_line(exc)}") from exc

    def ping(self) -> str:
        """The server's version, for example "18.1". Raises Unavailable at once rather than waiting for a free slot."""
        try:
            with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT_S) as conn:
                return str(returned(conn.execute("show server_version").fetchone())[0])
        except psycopg.OperationalError as exc:
            raise Unavailable(f"Postgres at {self.address} does not answer: {first_line(exc)}") from exc

    def pool_stats(self) -> dict[str, int]:
        """What psycopg_pool says of the pool: pool_size, pool_available, requests_waiting and more."""
        return self._pool.get_stats()

    def close(self) -> None:
        self._pool.close()


def first_line(exc: Exception) -> str:
    """What a failure of Postgres is, without its details: they quote rows, and rows hold plates."""
    return str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__


def returned(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """The row of a statement that always returns one."""
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row


def _address(url: str) -> str:
    parts = conninfo.conninfo_to_dict(url)
    where = f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}"
    return f"{where}/{parts.get('dbname') or ''}"
