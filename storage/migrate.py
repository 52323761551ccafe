"""Forward-only migrations: `migrations/NNNN_what.sql`, each applied once, in order, in one transaction."""

from pathlib import Path
from typing import LiteralString, cast

from storage.db import Conn, returned

_DIRECTORY = Path(__file__).parent / "migrations"
_LOCK = 0x616E7072  # "anpr": two processes that start together must not migrate twice


def names() -> list[str]:
    """All migrations that this version knows, oldest first."""
    return sorted(path.stem for path in _DIRECTORY.glob("[0-9]*.sql"))


def pending(conn: Conn) -> list[str]:
    """The migrations that the database still lacks, oldest first."""
    conn.execute(
        "create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())"
    )
    done = {row[0] for row in conn.execute("select name from migrations")}
    return [name for name in names() if name not in done]


def lacking(conn: Conn) -> list[str]:
    """The same, by a transaction that only reads; all of them where the database is empty."""
    if returned(conn.execute("select to_regclass('migrations')").fetchone())[0] is None:
        return names()
    done = {row[0] for row in conn.execute("select name from migrations")}
    return [name for name in names() if name not in done]


def migrate(conn: Conn) -> list[str]:
    """Apply what is pending and return its names. Safe to call from several processes at once."""
    conn.execute("select pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})
    todo = pending(conn)
    for name in todo:
        conn.execute(cast(LiteralString, (_DIRECTORY / f"{name}.sql").read_text(encoding="utf-8")))
        conn.execute("insert into migrations (name) values (%(name)s)", {"name": name})
    return todo
