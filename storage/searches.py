"""The record of who looked up a plate."""

from datetime import datetime

from storage.db import Conn

_ADD = """
insert into plate_searches (who, command, plate, pseudonym, reason)
values (%(who)s, %(command)s, %(plate)s, %(pseudonym)s, %(reason)s)
"""


def add(conn: Conn, *, who: str, command: str, plate: str | None, pseudonym: str | None, reason: str) -> None:
    """Record a search by its plate or the plate's pseudonym, one of which is None."""
    conn.execute(_ADD, {"who": who, "command": command, "plate": plate, "pseudonym": pseudonym, "reason": reason})


_BLANK = "update plate_searches set plate = null where plate is not null and searched_at <= %(before)s"
_DELETE = "delete from plate_searches where searched_at <= %(before)s"


def forget(conn: Conn, *, plates_before: datetime, all_before: datetime) -> int:
    """Erase the plates of searches made before a moment, and whole records made before another; returns how many."""
    gone = conn.execute(_DELETE, {"before": all_before}).rowcount
    return gone + conn.execute(_BLANK, {"before": plates_before}).rowcount
