"""The vignette registry: snapshots, the one true at the latest time of a toll country is in force.

An import is a snapshot with rows of its own. An update is one on top of an import: it closes and adds rows of that, and
each snapshot, old or new, goes on showing what it held.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import class_row

from anpr.errors import BadRegistry
from anpr.registry import Answer
from anpr.types import Vignette
from anpr.vignette_lists import VignetteRow
from anpr.vignettes import Snapshot
from storage.db import Conn, returned


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a list comes from, as its snapshot notes it."""

    source: str
    sha256: str
    as_of: datetime
    signed_by: str | None = None  # fingerprint of the key whose signature was checked


_ONE_AT_A_TIME = "select pg_advisory_xact_lock(%(space)s, hashtext(%(country)s))"
_NOW_OR_NEVER = "select pg_try_advisory_xact_lock(%(space)s, hashtext(%(country)s))"
_SPACE = 0x76676E74  # "vgnt": who changes a country's registry
_GATE_SPACE = 0x67617465  # "gate": who judges by it, against who brings a new snapshot into force

_SNAPSHOT = """
insert into registry_snapshots (toll_country, source, sha256, signed_by, vignettes, as_of, base_id)
values (%(country)s, %(source)s, %(sha256)s, %(signed_by)s, 0, %(as_of)s, %(base)s) returning id
"""
_COPY = """
copy vignettes (snapshot_id, toll_country, plate, plate_country, kind, valid_from, valid_to,
    vehicle_category, bought_at, source) from stdin
"""
_COUNT = "update registry_snapshots set vignettes = %(count)s where id = %(id)s"


def lock(conn: Conn, toll_country: str) -> None:
    """Let nobody else change this country's registry until the transaction ends."""
    conn.execute(_ONE_AT_A_TIME, {"space": _SPACE, "country": toll_country})


def try_lock(conn: Conn, toll_country: str) -> bool:
    """As `lock`, but says False at once where somebody else changes it now."""
    return returned(conn.execute(_NOW_OR_NEVER, {"space": _SPACE, "country": toll_country}).fetchone())[0]


def import_snapshot(conn: Conn, toll_country: str, rows: Iterable[VignetteRow], origin: Origin) -> int:
    """Make `rows` a snapshot of a toll country's registry as they come; returns its id.

    It is in force unless one of a later `as_of` is there. All or nothing with the transaction, whatever `rows` raises;
    call `publish` at the end of it.
    """
    lock(conn, toll_country)
    snapshot_id = _begin(conn, toll_country, origin, base=None)
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


def _begin(conn: Conn, toll_country: str, origin: Origin, *, base: int | None) -> int:
    return returned(conn.execute(_SNAPSHOT, asdict(origin) | {"country": toll_country, "base": base}).fetchone())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update changed."""

    id: int  # of the snapshot
    brought: int  # rows that are new or have changed
    gone: int  # rows that were withdrawn or have changed


_CHANGES = """
create temporary table registry_changes (
    number integer, is_withdrawn boolean, plate text, plate_country text, kind text, valid_from timestamptz,
    valid_to timestamptz, vehicle_category text, bought_at timestamptz, source text
) on commit drop
"""
_COPY_CHANGES = "copy registry_changes from stdin"
_BASE = "select coalesce(base_id, id), vignettes from registry_snapshots where id = %(id)s"
_TWICE = """
select min(number), max(number) from registry_changes group by plate, plate_country, kind, valid_from
having count(*) > 1 order by 1 limit 1
"""
_NOT_THERE = """
select min(c.number) from registry_changes c where c.is_withdrawn and not exists (
    select from vignettes v where v.snapshot_id = %(base)s and v.until_id is null and v.plate = c.plate
      and v.plate_country = c.plate_country and v.kind = c.kind and v.valid_from = c.valid_from)
"""
_CLOSE = """
update vignettes v set until_id = %(id)s from registry_changes c
where v.snapshot_id = %(base)s and v.until_id is null and v.plate = c.plate
  and v.plate_country = c.plate_country and v.kind = c.kind and v.valid_from = c.valid_from
  and (c.is_withdrawn or (v.valid_to, v.vehicle_category, v.bought_at, v.source)
    is distinct from (c.valid_to, c.vehicle_category, c.bought_at, c.source))
"""
_BRING = """
insert into vignettes (snapshot_id, since_id, toll_country, plate, plate_country, kind, valid_from, valid_to,
    vehicle_category, bought_at, source)
select %(base)s, %(id)s, %(country)s, plate, plate_country, kind, valid_from, valid_to, vehicle_category, bought_at,
    source
from registry_changes c where not c.is_withdrawn and not exists (
    select from vignettes v where v.snapshot_id = %(base)s and v.until_id is null and v.plate = c.plate
      and v.plate_country = c.plate_country and v.kind = c.kind and v.valid_from = c.valid_from)
order by c.number
"""


def update_snapshot(conn: Conn, toll_country: str, rows: Iterable[VignetteRow], origin: Origin) -> Update:
    """Make the snapshot in force with these changes a new one.

    Plate, its country, kind and `valid_from` tell which vignette is meant: one that is there takes the row's other
    facts, one that is not is added, one that is withdrawn goes. What is there already changes nothing.

    All or nothing with the transaction; call `publish` at the end of it. Raises BadRegistry where there is no
    snapshot or a later one, where rows contradict each other, or one withdraws what is not there.
    """
    lock(conn, toll_country)
    before = in_force(conn, toll_country)
    if before is None:
        raise BadRegistry(
            f"{origin.source}: there is no list for {toll_country} to update: `anpr vignettes import` one first"
        )
    if origin.as_of < before.as_of:
        raise BadRegistry(
            f"{origin.source}: is as of {origin.as_of:%Y-%m-%d %H:%M} UTC, but the list for {toll_country} in force"
            f" is later, as of {before.as_of:%Y-%m-%d %H:%M} UTC"
        )
    base, count = returned(conn.execute(_BASE, {"id": before.id}).fetchone())
    snapshot_id = _begin(conn, toll_country, origin, base=base)
    _stage(conn, rows)
    twice = conn.execute(_TWICE).fetchone()
    if twice is not None:
        raise BadRegistry(f"{origin.source}: lines (entries) {twice[0]} and {twice[1]} change the same vignette")
    not_there = returned(conn.execute(_NOT_THERE, {"base": base}).fetchone())[0]
    if not_there is not None:
        raise BadRegistry(f"{origin.source}: line (entry) {not_there} withdraws a vignette that is not there")
    ids = {"id": snapshot_id, "base": base, "country": toll_country}
    gone = conn.execute(_CLOSE, ids).rowcount
    brought = conn.execute(_BRING, ids).rowcount
    conn.execute("drop table registry_changes")
    conn.execute(_COUNT, {"count": count - gone + brought, "id": snapshot_id})
    return Update(id=snapshot_id, brought=brought, gone=gone)


def _stage(conn: Conn, rows: Iterable[VignetteRow]) -> None:
    conn.execute(_CHANGES)
    with conn.cursor() as cursor, cursor.copy(_COPY_CHANGES) as copy:
        for row in rows:
            copy.write_row(
                (
                    row.number,
                    row.is_withdrawn,
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
    conn.execute("analyze registry_changes")


_PUBLISH = "select pg_advisory_xact_lock(%(space)s, hashtext(%(country)s))"
_HOLD = "select pg_advisory_xact_lock_shared(%(space)s, hashtext(%(country)s))"


def publish(conn: Conn, toll_country: str) -> None:
    """Wait for those who judge by the snapshot before; the transaction must end soon, for later ones wait for it.

    So a verdict on an older snapshot is there when the newer one is, and is found where it must be judged again.
    """
    conn.execute(_PUBLISH, {"space": _GATE_SPACE, "country": toll_country})


def hold(conn: Conn, toll_country: str) -> None:
    """Judge by one snapshot until the transaction ends: no other comes into force before."""
    conn.execute(_HOLD, {"space": _GATE_SPACE, "country": toll_country})


_IN_FORCE = """
select id, toll_country, as_of from registry_snapshots
where toll_country = %(country)s and (%(known_at)s::timestamptz is null or imported_at <= %(known_at)s)
order by as_of desc, id desc limit 1
"""


def in_force(conn: Conn, toll_country: str, *, known_at: datetime | None = None) -> Snapshot | None:
    """The snapshot that counts for a toll country, or did as known at a moment; None where there is (was) none."""
    with conn.cursor(row_factory=class_row(Snapshot)) as cursor:
        return cursor.execute(_IN_FORCE, {"country": toll_country, "known_at": known_at}).fetchone()


_SIZE = """
select vignettes from registry_snapshots where toll_country = %(country)s order by as_of desc, id desc limit 1
"""


def size_in_force(conn: Conn, toll_country: str) -> int:
    """How many vignettes the snapshot in force holds; 0 where there is none."""
    row = conn.execute(_SIZE, {"country": toll_country}).fetchone()
    return 0 if row is None else row[0]


_CANDIDATES = """
select v.id, v.toll_country, v.plate, v.plate_country, v.kind, v.valid_from, v.valid_to, v.vehicle_category,
    v.bought_at, v.source
from registry_snapshots s
join vignettes v on v.snapshot_id = coalesce(s.base_id, s.id)
where s.id = %(snapshot)s and v.plate = any(%(plates)s)
  and (v.since_id is null or v.since_id <= s.id) and (v.until_id is null or v.until_id > s.id)
order by v.plate, v.valid_from, v.id
"""


def candidates(conn: Conn, snapshot_id: int, plates: Iterable[str]) -> list[Vignette]:
    """All vignettes of these plates in a snapshot, whenever valid.

    Of one that was pruned only those of plates that a kept verdict on it names are sure to be there still.
    """
    with conn.cursor(row_factory=class_row(Vignette)) as cursor:
        return cursor.execute(_CANDIDATES, {"snapshot": snapshot_id, "plates": list(plates)}).fetchall()


class ListRegistry:
    """The imported lists as a registry, for one transaction: what it says stays in force until that ends."""

    def __init__(self, conn: Conn) -> None:
        self._conn = conn

    def ask(self, toll_country: str, plates: Sequence[str]) -> Answer:
        hold(self._conn, toll_country)
        snapshot = in_force(self._conn, toll_country)
        found = [] if snapshot is None else candidates(self._conn, snapshot.id, plates)
        return Answer(snapshot=snapshot, vignettes=tuple(found))
