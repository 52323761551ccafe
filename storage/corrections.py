"""What people say a plate is: added, never changed, beside the vote that it stands in for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from anpr.types import Region
from storage import plate_events
from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One person's word on one event; the plate is None where they withdraw what was said before."""

    plate: str | None
    who: str
    reason: str
    corrected_at: datetime


_ADD = """
insert into corrections (event_id, plate, who, reason) values (%(event)s, %(plate)s, %(who)s, %(reason)s)
"""


def add(conn: Conn, event_id: int, plate: str | None, *, regions: Sequence[Region], who: str, reason: str) -> None:
    """Correct the plate (normalised) of an event that is not erased, or with None withdraw that; it is judged again.

    `regions` are the countries that the plate which counts from now on may be of.
    """
    conn.execute(_ADD, {"event": event_id, "plate": plate, "who": who, "reason": reason})
    plate_events.correct(conn, event_id, plate, regions)


_OF_EVENT = """
select plate, who, reason, corrected_at from corrections where event_id = %(event)s order by id
"""


def of_event(conn: Conn, event_id: int) -> list[Correction]:
    """All that was said on an event, oldest first."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        return cursor.execute(_OF_EVENT, {"event": event_id}).fetchall()
