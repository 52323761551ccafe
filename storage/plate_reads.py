"""Detected plates and what the readers made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from anpr.types import Box, Candidate, PlateOutcome, PlateRead, Reading, Region
from storage.db import Conn, returned

PlateKey = tuple[int, int]  # frame_no, plate_no
MOST_UNGROUPED = 100  # a job that groups so many ends well inside its time limit, on a small board too

_DETECTED = """
insert into plate_reads (session_id, frame_no, plate_no, captured_at, x1, y1, x2, y2, detection_score, outcome)
values (%(session)s, %(frame)s, %(plate)s, %(at)s, %(x1)s, %(y1)s, %(x2)s, %(y2)s, %(score)s, %(outcome)s)
on conflict do nothing
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedPlate:
    """A plate that waits for its reader, or has an outcome already where no reader could read it."""

    frame_no: int
    plate_no: int
    captured_at: datetime
    box: Box
    score: float
    outcome: PlateOutcome | None


def add_detected(conn: Conn, session_id: int, plates: Sequence[DetectedPlate]) -> None:
    """Store detected plates; storing one again changes nothing."""
    with conn.cursor() as cursor:
        cursor.executemany(
            _DETECTED,
            [
                {
                    "session": session_id,
                    "frame": plate.frame_no,
                    "plate": plate.plate_no,
                    "at": plate.captured_at,
                    "x1": plate.box.x1,
                    "y1": plate.box.y1,
                    "x2": plate.box.x2,
                    "y2": plate.box.y2,
                    "score": plate.score,
                    "outcome": None if plate.outcome is None else plate.outcome.value,
                }
                for plate in plates
            ],
        )


_UNREAD = """
select frame_no, plate_no from plate_reads
where session_id = %(session)s and outcome is null order by frame_no, plate_no
"""


def unread(conn: Conn, session_id: int) -> list[PlateKey]:
    """The plates of a session that no reader has dealt with."""
    return [(row[0], row[1]) for row in conn.execute(_UNREAD, {"session": session_id})]


_SAVE = """
update plate_reads set outcome = %(outcome)s, text = %(text)s, confidence = %(confidence)s,
    candidates = %(candidates)s, regions = %(regions)s, read_at = now()
where session_id = %(session)s and frame_no = %(frame)s and plate_no = %(plate)s and outcome is null
"""


def save(conn: Conn, session_id: int, key: PlateKey, outcome: PlateOutcome, reading: Reading) -> bool:
    """Store what a reader made of a plate; whether it was the first to do so. Later ones change nothing."""
    done = conn.execute(
        _SAVE,
        {
            "session": session_id,
            "frame": key[0],
            "plate": key[1],
            "outcome": outcome.value,
            "text": reading.text,
            "confidence": reading.confidence,
            "candidates": Jsonb(to_json(reading.candidates)),
            "regions": Jsonb(regions_to_json(reading.regions)),
        },
    )
    return done.rowcount == 1


_COLUMNS = """
select session_id, frame_no, plate_no, captured_at, x1, y1, x2, y2, detection_score, outcome, candidates, event_id,
    regions
from plate_reads
"""
_UNGROUPED = (
    _COLUMNS
    + """
where session_id = %(session)s and outcome = 'read' and event_id is null
order by frame_no, plate_no limit %(most)s
"""
)


def ungrouped(conn: Conn, session_id: int) -> list[PlateRead]:
    """The oldest reads that belong to no event yet, at most MOST_UNGROUPED."""
    return [_read(row) for row in conn.execute(_UNGROUPED, {"session": session_id, "most": MOST_UNGROUPED})]


_NEAR = (
    _COLUMNS
    + """
where session_id = %(session)s and outcome = 'read' and event_id is not null and text <> ''
  and captured_at between %(since)s and %(until)s
order by frame_no, plate_no
"""
)


def grouped_near(
    conn: Conn, session_id: int, *, since: datetime, until: datetime, gap_s: float
) -> list[tuple[PlateRead, int]]:
    """Reads in an event that is not erased within `gap_s` of [since, until], each with its event's id."""
    gap = timedelta(seconds=gap_s)
    rows = conn.execute(_NEAR, {"session": session_id, "since": since - gap, "until": until + gap})
    return [(_read(row), row[11]) for row in rows]


_ERASED_NEAR = (
    _COLUMNS
    + """
where session_id = %(session)s and outcome = 'read' and event_id is not null and text = ''
  and captured_at between %(since)s and %(until)s
order by frame_no, plate_no
"""
)


def erased_near(
    conn: Conn, session_id: int, *, since: datetime, until: datetime, gap_s: float
) -> list[tuple[PlateRead, int]]:
    """As `grouped_near`, of erased events: what is left of these reads is when and where they were."""
    gap = timedelta(seconds=gap_s)
    rows = conn.execute(_ERASED_NEAR, {"session": session_id, "since": since - gap, "until": until + gap})
    return [(_read(row), row[11]) for row in rows]


_OF_EVENT = (
    _COLUMNS
    + """
where event_id = %(event)s and not is_late
order by confidence desc, frame_no, plate_no limit %(most)s
"""
)


def of_event(conn: Conn, event_id: int, *, most: int) -> list[PlateRead]:
    """The reads of an event that vote, most confident first, at most `most`."""
    return [_read(row) for row in conn.execute(_OF_EVENT, {"event": event_id, "most": most})]


_OF_SESSION = (
    _COLUMNS
    + """
where session_id = %(session)s order by frame_no, plate_no
"""
)


def of_session(conn: Conn, session_id: int) -> list[tuple[PlateRead, int | None]]:
    """All dealt-with plates of a session in order of time, each with its event's id where it has one."""
    return [(_read(row), row[11]) for row in conn.execute(_OF_SESSION, {"session": session_id}) if row[9] is not None]


def outcomes(conn: Conn, session_ids: Sequence[int]) -> dict[PlateOutcome | None, int]:
    """How many plates of these sessions ended where; None counts those not dealt with yet."""
    rows = conn.execute(
        "select outcome, count(*) from plate_reads where session_id = any(%(ids)s) group by outcome",
        {"ids": list(session_ids)},
    )
    return {None if row[0] is None else PlateOutcome(row[0]): row[1] for row in rows}


_ASSIGN = """
update plate_reads set event_id = %(event)s, is_late = %(is_late)s
where session_id = %(session)s and (frame_no, plate_no) in (
    select * from unnest(%(frames)s::bigint[], %(plates)s::integer[]))
"""


def assign(conn: Conn, session_id: int, keys: Sequence[PlateKey], event_id: int, *, is_late: bool = False) -> None:
    """Put reads into an event; late ones are kept there and do not vote."""
    conn.execute(
        _ASSIGN,
        {
            "session": session_id,
            "event": event_id,
            "is_late": is_late,
            "frames": [key[0] for key in keys],
            "plates": [key[1] for key in keys],
        },
    )


def sessions_with_ungrouped(conn: Conn) -> list[int]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            "select distinct session_id from plate_reads where outcome = 'read' and event_id is null"
        ).fetchall()


_IS_BUSY = """
select exists (
    select from plate_reads
    where session_id = %(session)s and (outcome is null or (outcome = 'read' and event_id is null)))
"""


def is_busy(conn: Conn, session_id: int) -> bool:
    """Whether plates of a session are still to be read or grouped."""
    return returned(conn.execute(_IS_BUSY, {"session": session_id}).fetchone())[0]


def to_json(candidates: Sequence[Candidate]) -> list[dict[str, str | float]]:
    return [{"text": one.text, "confidence": round(one.confidence, 4)} for one in candidates]


def from_json(candidates: Sequence[dict[str, Any]]) -> tuple[Candidate, ...]:
    return tuple(Candidate(text=one["text"], confidence=one["confidence"]) for one in candidates)


def regions_to_json(regions: Sequence[Region]) -> list[dict[str, str | float]]:
    return [{"country": one.country, "probability": round(one.probability, 4)} for one in regions]


def regions_from_json(regions: Sequence[dict[str, Any]]) -> tuple[Region, ...]:
    return tuple(Region(country=one["country"], probability=one["probability"]) for one in regions)


def _read(row: tuple[Any, ...]) -> PlateRead:
    return PlateRead(
        session_id=row[0],
        frame_no=row[1],
        plate_no=row[2],
        captured_at=row[3],
        box=Box(x1=row[4], y1=row[5], x2=row[6], y2=row[7]),
        detection_score=row[8],
        outcome=PlateOutcome(row[9]) if row[9] is not None else PlateOutcome.EXPIRED,
        candidates=from_json(row[10]),
        regions=regions_from_json(row[12]),
    )
