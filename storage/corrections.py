"""What people say a plate is: added, never changed, beside the vote that it stands in for."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from anpr import regions
from anpr.errors import BadInput
from anpr.plates import MIN_LENGTH, normalise
from anpr.types import Candidate
from storage import erasures, plate_events, plate_reads
from storage.db import Conn

LONGEST = 12  # characters: no country's plates have more
MOST_LOOKS = 100  # at a parked car; more tell nothing about its country


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


def add(conn: Conn, event_id: int, plate: str | None, *, who: str, reason: str) -> None:
    """Correct the plate of an event, or with None withdraw what was said before; it is judged again.

    Raises BadInput, which says what is wrong: there is no such event, it is erased, the text is no plate, nobody or
    nothing is named, or there is nothing to withdraw.
    """
    if not who.strip() or not reason.strip():
        raise BadInput("a correction must say who corrects the plate, and why")
    told = None if plate is None else normalise(plate)
    if told is not None and not MIN_LENGTH <= len(told) <= LONGEST:
        raise BadInput(f"{plate!r} is no plate: it must have {MIN_LENGTH} to {LONGEST} letters and digits")
    row = plate_events.get(conn, event_id)
    if row is None:
        raise BadInput(f"there is no event {event_id}")
    plate_events.lock(conn, row.event.session_id)
    if erasures.erased_at(conn, event_id) is not None:
        raise BadInput(f"what event {event_id} was judged on is erased: there is nothing left to correct")
    if told is None and row.event.corrected_plate is None:
        raise BadInput(f"nobody has corrected event {event_id}")
    candidates = row.event.candidates if told is None else (Candidate(text=told, confidence=1.0),)
    looks = plate_reads.of_event(conn, event_id, most=MOST_LOOKS)
    found = regions.of_plate(candidates, looks, at=row.event.first_seen.date())
    conn.execute(_ADD, {"event": event_id, "plate": told, "who": who.strip(), "reason": reason.strip()})
    plate_events.correct(conn, event_id, told, found)


_OF_EVENT = """
select plate, who, reason, corrected_at from corrections where event_id = %(event)s order by id
"""


def of_event(conn: Conn, event_id: int) -> list[Correction]:
    """All that was said on an event, oldest first."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        return cursor.execute(_OF_EVENT, {"event": event_id}).fetchall()
