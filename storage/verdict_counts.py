"""How many passings and verdicts of each status a camera has had; whatever is erased, these numbers stay."""

from collections.abc import Mapping
from dataclasses import dataclass

from storage.db import Conn

_COUNT = """
insert into verdict_counts (camera_id, what, count)
select * from unnest(%(cameras)s::bigint[], %(whats)s::text[], %(counts)s::bigint[]) order by 1, 2
on conflict (camera_id, what) do update set count = verdict_counts.count + excluded.count
"""


def add(conn: Conn, counts: Mapping[tuple[int, str], int]) -> None:
    """Add to what was counted of cameras."""
    if counts:
        cameras, whats = zip(*counts, strict=True)
        values = {"cameras": list(cameras), "whats": list(whats), "counts": list(counts.values())}
        conn.execute(_COUNT, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCounts:
    """What was counted of a camera."""

    id: int
    name: str
    counts: Mapping[str, int]


_CAMERA_COUNTS = """
select c.id, c.name, coalesce(jsonb_object_agg(n.what, n.count) filter (where n.what is not null), '{}')
from cameras c left join verdict_counts n on n.camera_id = c.id
group by c.id, c.name order by c.id
"""


def of_cameras(conn: Conn) -> list[CameraCounts]:
    """What was counted of each camera there is."""
    return [CameraCounts(id=row[0], name=row[1], counts=row[2]) for row in conn.execute(_CAMERA_COUNTS).fetchall()]
