"""The vignette registry: imported as snapshots, the newest of a toll country is in force."""

from collections.abc import Iterable
from datetime import datetime

from psycopg.rows import class_row

from anpr.types import Vignette
from anpr.vignette_lists import VignetteRow
from anpr.vignettes import Snapshot
from storage.db import Conn, returned

_SNAPSHOT = """
insert into registry_snapshots (toll_country, source, sha256, vignettes, as_of)
values (%(country)s, %(source)s, %(sha256)s, 0, %(as_of)s) returning id
"""
_COPY = """
copy vignettes (snapshot_id, toll_country, plate, plate_country, kind, valid_from, valid_to,
    vehicle_category, bought_at, source) from stdin
"""
_COUNT = "update registry_snapshots set vignettes = %(count)s where id = %(id)s"


def import_snapshot(
    conn: Conn, toll_country: str, rows: Iterable[VignetteRow], *, source: str, sha256: str, as_of: datetime
) -> int:
    """Make `rows` the registry of a toll country as they come; returns the snapshot's id.

    All or nothing with the transaction, whatever `rows` raises.
    """
    values = {"country": toll_country, "source": source, "sha256": sha256, "as_of": as_of}
    snapshot_id: int = returned(conn.execute(_SNAPSHOT, values).fetchone())[0]
    with conn.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(
                    (
                        snapshot_id,
                        row.toll_country,
                        row.plate,
                        row.plate_country,
                        row.kind,
                        row.valid_from,
                        row.valid_to,
                        row.vehicle_category,
                        row.bought_at,
                        row.source,
                    )
                )
        conn.execute(_COUNT, {"count": cursor.rowcount, "id": snapshot_id})
    return snapshot_id


_IN_FORCE = """
select id, toll_country, as_of from registry_snapshots
where toll_country = %(country)s order by id desc limit 1
"""


def in_force(conn: Conn, toll_country: str) -> Snapshot | None:
    """The snapshot that counts for a toll country, if it ever had one."""
    with conn.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(_IN_FORCE, {"country": toll_country}).fetchone()


_CANDIDATES = """
select id, toll_country, plate, plate_country, kind, valid_from, valid_to, vehicle_category, bought_at, source
from vignettes where snapshot_id = %(snapshot)s and plate = any(%(plates)s)
order by plate, valid_from, id
"""


def candidates(conn: Conn, snapshot_id: int, plates: Iterable[str]) -> list[Vignette]:
    """All vignettes of these plates in a snapshot, whenever valid."""
    with conn.cursor(row_factory=class_row(Vignette)) as cursor:
        return cursor.execute(_CANDIDATES, {"snapshot": snapshot_id, "plates": list(plates)}).fetchall()
