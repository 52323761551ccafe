"""What snapshots of the registry there are, and the removal of vignettes that no longer count.

The row of a snapshot stays, for the verdicts that name it; what goes is its vignettes, which are plates of people.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from storage.db import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """An import or update of a list, as people look through them."""

    id: int
    toll_country: str
    source: str
    sha256: str
    vignettes: int  # that it held when it was new
    as_of: datetime
    imported_at: datetime
    base_id: int | None  # of an update: the import at the bottom
    signed_by: str | None  # fingerprint of the key; None: no signature was checked
    pruned_at: datetime | None  # when it stopped being kept whole
    is_in_force: bool


_ALL = """
select s.id, s.toll_country, s.source, s.sha256, s.vignettes, s.as_of, s.imported_at, s.base_id, s.signed_by,
    s.pruned_at, s.id = (
        select id from registry_snapshots where toll_country = s.toll_country order by as_of desc, id desc limit 1
    ) as is_in_force
from registry_snapshots s
where %(country)s::text is null or s.toll_country = %(country)s
order by s.toll_country, s.as_of desc, s.id desc limit %(limit)s
"""


def snapshots(conn: Conn, *, toll_country: str | None = None, limit: int) -> list[SnapshotRow]:
    """The snapshots of one toll country or of all, each country's latest first."""
    with conn.cursor(row_factory=class_row(SnapshotRow)) as cursor:
        return cursor.execute(_ALL, {"country": toll_country, "limit": limit}).fetchall()


_NO_LONGER_KEPT = """
update registry_snapshots s set pruned_at = %(now)s
where s.pruned_at is null and s.imported_at <= %(before)s and exists (
    select from registry_snapshots n
    where n.toll_country = s.toll_country and (n.as_of, n.id) > (s.as_of, s.id) and n.imported_at <= %(before)s)
"""
# An import and the updates on it share rows. No key of the row changes, so verdicts may name it meanwhile.
_NEXT = """
select f.id, (
    select min(k.id) from registry_snapshots k where (k.id = f.id or k.base_id = f.id) and k.pruned_at is null)
from registry_snapshots f
where f.base_id is null and (f.thinned_at is null or f.thinned_at < %(again)s)
  and exists (select from registry_snapshots p where (p.id = f.id or p.base_id = f.id) and p.pruned_at is not null)
  and exists (select from vignettes v where v.snapshot_id = f.id)
order by f.id limit 1
for no key update of f skip locked
"""
_THIN = """
with needed as materialized (
    select distinct r.plate
    from registry_snapshots s
    join verdicts d on d.snapshot_id = s.id and d.readings_tried <> '{}'
    cross join unnest(d.readings_tried) as r (plate)
    where (s.id = %(base)s or s.base_id = %(base)s) and s.pruned_at is not null
)
delete from vignettes where id in (
    select v.id from vignettes v
    where v.snapshot_id = %(base)s and (%(kept_from)s::bigint is null or v.until_id <= %(kept_from)s)
      and not exists (select from needed n where n.plate = v.plate)
      and not exists (select from verdicts d where d.vignette_id = v.id)
    limit %(most)s)
"""
_THINNED = "update registry_snapshots set thinned_at = %(now)s where id = %(id)s"


def prune(conn: Conn, *, before: datetime, again: datetime, now: datetime, most: int) -> int | None:
    """Remove up to `most` vignettes that only snapshots show which another replaced at `before` or earlier.

    Those of plates that a verdict on such a snapshot names stay until the verdict is erased: it can be explained, and
    compared with what a new list says. Looks at one import with its updates a call, not at those looked through at
    `again` or later; None where none was left to look at.
    """
    conn.execute(_NO_LONGER_KEPT, {"before": before, "now": now})
    found = conn.execute(_NEXT, {"again": again}).fetchone()
    if found is None:
        return None
    base, kept_from = found
    values = {"base": base, "kept_from": kept_from, "most": most}
    # A plan made for any value would read the whole list for the few rows that updates replaced.
    removed = conn.execute(_THIN, values, prepare=False).rowcount
    if removed < most:
        conn.execute(_THINNED, {"now": now, "id": base})
    return removed
