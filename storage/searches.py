"""The record of who looked up a plate."""

from datetime import datetime

from anpr.config import RetentionSettings
from anpr.errors import BadInput
from anpr.plates import normalise
from anpr.retention import pseudonym
from storage.db import Conn

_ADD = """
insert into plate_searches (who, command, plate, pseudonym, reason)
values (%(who)s, %(command)s, %(plate)s, %(pseudonym)s, %(reason)s)
"""


def add(conn: Conn, *, who: str, command: str, plate: str | None, pseudonym: str | None, reason: str) -> None:
    """Record a search by its plate or the plate's pseudonym, one of which is None."""
    conn.execute(_ADD, {"who": who, "command": command, "plate": plate, "pseudonym": pseudonym, "reason": reason})


def record(conn: Conn, keeping: RetentionSettings, *, who: str, command: str, plate: str, reason: str) -> None:
    """Record the search of a plate (normalised; `*` for any characters, `?` for one) before it is done.

    Raises BadInput where the reason names the plate: the record is kept longer than plates are.
    """
    known = [part for part in plate.replace("?", "*").split("*") if part]
    if reason and known and all(part in normalise(reason) for part in known):
        raise BadInput("--reason names the plate, and the record outlives plates: name a case number or the like")
    add(
        conn,
        who=who,
        command=command,
        plate=None if keeping.key else plate,
        pseudonym=pseudonym(keeping.key, plate) if keeping.key else None,
        reason=reason,
    )


_BLANK = "update plate_searches set plate = null where plate is not null and searched_at <= %(before)s"
_DELETE = "delete from plate_searches where searched_at <= %(before)s"


def forget(conn: Conn, *, plates_before: datetime, all_before: datetime) -> int:
    """Erase the plates of searches made before a moment, and whole records made before another; returns how many."""
    gone = conn.execute(_DELETE, {"before": all_before}).rowcount
    return gone + conn.execute(_BLANK, {"before": plates_before}).rowcount
