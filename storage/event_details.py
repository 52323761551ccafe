"""What belongs to one event: its verdicts, pictures and corrections, as people look at them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """A verdict as it was given."""

    id: int
    status: str
    reason: str
    revision: int
    readings_tried: list[str]
    vignette_id: int | None
    snapshot_id: int | None
    rules_version: str
    judged_at: datetime
    judge_again_at: datetime | None


_VERDICTS = """
select id, status, reason, revision, readings_tried, vignette_id, snapshot_id, rules_version, judged_at, judge_again_at
from verdicts where event_id = %(event)s order by id desc limit %(most)s
"""


def verdicts(conn: Conn, event_id: int, *, most: int) -> list[VerdictRow]:
    """The verdicts on an event, the one in force first."""
    with conn.cursor(row_factory=class_row(VerdictRow)) as cursor:
        return cursor.execute(_VERDICTS, {"event": event_id, "most": most}).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """A kept picture of an event; `path` is relative to the evidence directory."""

    frame_no: int
    plate_no: int
    captured_at: datetime
    path: str
    sha256: str


_PICTURES = """
select x.frame_no, x.plate_no, r.captured_at, x.path, x.sha256
from plate_events e
join plate_reads r on r.event_id = e.id
join evidence x on x.session_id = r.session_id and x.frame_no = r.frame_no and x.plate_no = r.plate_no
where e.id = %(event)s
order by (x.frame_no, x.plate_no) <> (e.best_frame_no, e.best_plate_no), x.frame_no, x.plate_no
"""


def pictures(conn: Conn, event_id: int) -> list[PictureRow]:
    """The pictures of an event, that of its best read first where it is kept."""
    with conn.cursor(row_factory=class_row(PictureRow)) as cursor:
        return cursor.execute(_PICTURES, {"event": event_id}).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """What somebody said the plate is; None withdrew it."""

    plate: str | None
    who: str
    reason: str
    corrected_at: datetime


_CORRECTIONS = """
select plate, who, reason, corrected_at from corrections where event_id = %(event)s order by id desc limit %(most)s
"""


def corrections(conn: Conn, event_id: int, *, most: int) -> list[CorrectionRow]:
    """What people said, the last word first."""
    with conn.cursor(row_factory=class_row(CorrectionRow)) as cursor:
        return cursor.execute(_CORRECTIONS, {"event": event_id, "most": most}).fetchall()
