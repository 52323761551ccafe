"""Cameras as they stand: the newest session of each, and when it was last heard of."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import scalar_row

from storage import sessions
from storage.db import Conn
from storage.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """A camera with its newest session; none where it never ran."""

    name: str
    toll_country: str
    session: Session | None
    seen_at: datetime | None  # when its ingest last reported
    last_frame_at: datetime | None  # when the newest frame that was dealt with was captured


_CAMERAS = """
select c.name, c.toll_country, s.id, s.seen_at,
    greatest(s.watermark, (select max(captured_at) from frames where session_id = s.id))
from cameras c
left join lateral (
    select id, seen_at, watermark from sessions where camera_id = c.id order by started_at desc, id desc limit 1
) as s on true
order by c.name
"""


def states(conn: Conn) -> list[CameraState]:
    """All cameras, by name."""
    rows = conn.execute(_CAMERAS).fetchall()
    newest = {one.id: one for one in sessions.get(conn, [row[2] for row in rows if row[2] is not None])}
    return [
        CameraState(
            name=row[0],
            toll_country=row[1],
            session=None if row[2] is None else newest[row[2]],
            seen_at=row[3],
            last_frame_at=row[4],
        )
        for row in rows
    ]


def names(conn: Conn) -> list[str]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select name from cameras order by name").fetchall()
