"""The newest picture that each camera took."""

from storage.db import Conn

LOOKED_AT = 50  # newest events of a camera; pictures of older ones are no preview

_NEWEST = """
select c.name, newest.id
from cameras c
cross join lateral (
    select recent.id from (
        select id, session_id, best_frame_no, best_plate_no, first_seen from plate_events
        where camera_id = c.id order by first_seen desc, id desc limit %(most)s) as recent
    where exists (
        select from evidence x where x.session_id = recent.session_id and x.frame_no = recent.best_frame_no
          and x.plate_no = recent.best_plate_no)
    order by recent.first_seen desc, recent.id desc limit 1) as newest
"""


def newest(conn: Conn) -> dict[str, int]:
    """The id of the newest event with a picture of its best read, by camera; without those that have none."""
    return {row[0]: row[1] for row in conn.execute(_NEWEST, {"most": LOOKED_AT})}
