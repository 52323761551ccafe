"""The lock that lets one sweep run at a time."""

from storage.db import Conn, returned

_LOCK = 0x73776570  # "swep"


def lock(conn: Conn) -> bool:
    """Whether this transaction may sweep; it keeps the right until it ends."""
    return returned(conn.execute("select pg_try_advisory_xact_lock(%(lock)s)", {"lock": _LOCK}).fetchone())[0]
