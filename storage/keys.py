"""Keys and sessions of those who use the HTTP API; neither is stored, only what tells whether one is right."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from anpr.errors import BadInput
from storage.db import Conn

PREFIX = "anpr_"  # so that scanners of leaked secrets know one
_BYTES = 32  # nobody guesses them, so a plain hash is enough: there is nothing to try


class Role(StrEnum):
    """What a key is good for."""

    VIEWER = "viewer"  # looks
    REVIEWER = "reviewer"  # also corrects plates, decides cases, has pictures read
    ADMIN = "admin"  # also imports lists
    CAMERA = "camera"  # has pictures read, and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks."""

    key_id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key."""

    id: int
    name: str
    role: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


_ADD = "insert into api_keys (name, role, key_hash) values (%(name)s, %(role)s, %(hash)s)"


def add(conn: Conn, name: str, role: Role) -> str:
    """A new key, which nobody can show again. Raises BadInput where the name is taken by one that is not revoked."""
    key = PREFIX + secrets.token_urlsafe(_BYTES)
    try:
        with conn.transaction():
            conn.execute(_ADD, {"name": name, "role": role.value, "hash": _hash(key)})
    except UniqueViolation:
        raise BadInput(f"there is a key of the name {name!r}: revoke it first, or take another name") from None
    return key


_KEYS = "select id, name, role, created_at, last_used_at, revoked_at from api_keys order by revoked_at nulls first, id"


def keys(conn: Conn) -> list[Key]:
    """All keys, revoked ones last."""
    with conn.cursor(row_factory=class_row(Key)) as cursor:
        return cursor.execute(_KEYS).fetchall()


_REVOKE = "update api_keys set revoked_at = now() where name = %(name)s and revoked_at is null returning id"
_END_ALL = "delete from api_sessions where key_id = %(key)s"


def revoke(conn: Conn, name: str) -> None:
    """Let a key and its sessions be good for nothing from now on. Raises BadInput where there is none."""
    row = conn.execute(_REVOKE, {"name": name}).fetchone()
    if row is None:
        raise BadInput(f"there is no key of the name {name!r} that is not revoked: `anpr keys list`")
    conn.execute(_END_ALL, {"key": row[0]})


_OF_KEY = "select id, name, role from api_keys where key_hash = %(hash)s and revoked_at is null"
_USED = """
update api_keys set last_used_at = now()
where id = %(id)s and (last_used_at is null or last_used_at < now() - interval '1 minute')
"""


def who(conn: Conn, key: str) -> Principal | None:
    """Whose key this is; notes its use, once a minute."""
    row = conn.execute(_OF_KEY, {"hash": _hash(key)}).fetchone()
    if row is None:
        return None
    conn.execute(_USED, {"id": row[0]})
    return Principal(key_id=row[0], name=row[1], role=Role(row[2]))


_ENDED = "delete from api_sessions where ends_at <= now()"
_BEGIN = """
insert into api_sessions (token_hash, key_id, ends_at)
values (%(hash)s, %(key)s, now() + make_interval(secs => %(lasts_s)s))
"""


def begin_session(conn: Conn, key_id: int, *, lasts_s: float) -> str:
    """The token of a new session of a key; those that have ended are forgotten."""
    token = secrets.token_urlsafe(_BYTES)
    conn.execute(_ENDED)
    conn.execute(_BEGIN, {"hash": _hash(token), "key": key_id, "lasts_s": lasts_s})
    return token


_OF_SESSION = """
select k.id, k.name, k.role from api_sessions s join api_keys k on k.id = s.key_id
where s.token_hash = %(hash)s and s.ends_at > now() and k.revoked_at is null
"""


def of_session(conn: Conn, token: str) -> Principal | None:
    """Whose session this is, while it lasts."""
    row = conn.execute(_OF_SESSION, {"hash": _hash(token)}).fetchone()
    return None if row is None else Principal(key_id=row[0], name=row[1], role=Role(row[2]))


def end_session(conn: Conn, token: str) -> None:
    conn.execute("delete from api_sessions where token_hash = %(hash)s", {"hash": _hash(token)})


def csrf_token(session_token: str) -> str:
    """What requests that change something must say besides the cookie: another site can send that, but not read it."""
    return hashlib.sha256(f"csrf:{session_token}".encode()).hexdigest()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
