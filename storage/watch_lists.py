"""Watch lists, and which passings may be of a plate that one of them waits for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import scalar_row

from anpr.watch_lists import LEVELS, Tolerance, WatchEntry, WatchHit, WatchRow, accepted, match
from storage.db import Conn

_ADD = """
insert into watch_entries (list, plate, tolerance, note, added_by, until)
values (%(list)s, %(plate)s, %(tolerance)s, %(note)s, %(by)s, %(until)s)
on conflict (list, plate) do update set tolerance = excluded.tolerance, note = excluded.note,
    added_by = excluded.added_by, added_at = now(), until = excluded.until
"""


def add(conn: Conn, name: str, rows: Iterable[WatchRow], *, by: str) -> None:
    """Put plates on a list; one that is there takes what the row says. What passed before is not looked at again."""
    with conn.cursor() as cursor:
        cursor.executemany(
            _ADD,
            [
                {
                    "list": name,
                    "plate": row.plate,
                    "tolerance": row.tolerance.value,
                    "note": row.note,
                    "by": by,
                    "until": row.until,
                }
                for row in rows
            ],
        )


def remove(conn: Conn, name: str, plates: Sequence[str] | None) -> int:
    """Take plates off a list, all of them where None, and forget what passed of them; how many there were."""
    statement = (
        "delete from watch_entries where list = %(list)s and (%(plates)s::text[] is null or plate = any(%(plates)s))"
    )
    return conn.execute(statement, {"list": name, "plates": None if plates is None else list(plates)}).rowcount


_ENTRIES = """
select id, list, plate, tolerance, note, added_by, added_at, until from watch_entries
where (%(list)s::text is null or list = %(list)s) and (%(texts)s::text[] is null or plate = any(%(texts)s))
  and (until is null or until > now())
order by list, plate
"""


def entries(conn: Conn, name: str | None = None, *, texts: Sequence[str] | None = None) -> list[WatchEntry]:
    """The entries of a list (of all), those with one of these plates alone where they are given."""
    rows = conn.execute(_ENTRIES, {"list": name, "texts": None if texts is None else list(texts)}).fetchall()
    return [
        WatchEntry(
            id=row[0],
            list=row[1],
            plate=row[2],
            tolerance=Tolerance(row[3]),
            note=row[4],
            added_by=row[5],
            added_at=row[6],
            until=row[7],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry that waits for a plate, and how the plate comes near to it."""

    entry: WatchEntry
    match: Tolerance


def widest(conn: Conn) -> Tolerance | None:
    """The widest tolerance that any entry has; None where there is no entry."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        rows = cursor.execute("select distinct tolerance from watch_entries").fetchall()
    return max((Tolerance(row) for row in rows), key=LEVELS.index, default=None)


def find(conn: Conn, texts: Sequence[str], tolerance: Tolerance) -> list[Found]:
    """The entries that wait for one of these readings; `tolerance` is the widest that any entry has."""
    near = sorted({one for text in texts for one in accepted(text, tolerance)})
    found = [(entry, match(entry, texts)) for entry in (entries(conn, texts=near) if near else [])]
    return [Found(entry=entry, match=how) for entry, how in found if how is not None]


_HIT = """
insert into watch_hits (event_id, entry_id, match)
select %(event)s, id, %(match)s from watch_entries where id = %(entry)s for key share
"""


def set_hits(conn: Conn, event_id: int, found: Sequence[Found]) -> None:
    """Make these the hits of an event."""
    conn.execute("delete from watch_hits where event_id = %(event)s", {"event": event_id})
    if found:
        values = [{"event": event_id, "entry": one.entry.id, "match": one.match.value} for one in found]
        with conn.cursor() as cursor:
            cursor.executemany(_HIT, values)


_HITS = """
select w.list, w.plate, h.match, w.note from watch_hits h join watch_entries w on w.id = h.entry_id
where h.event_id = %(event)s order by w.list, w.plate
"""


def hits(conn: Conn, event_id: int) -> list[WatchHit]:
    """Who waits for the plate of an event; nobody, once it is erased."""
    rows = conn.execute(_HITS, {"event": event_id}).fetchall()
    return [WatchHit(list=row[0], plate=row[1], match=Tolerance(row[2]), note=row[3]) for row in rows]


def forget(conn: Conn, event_ids: Sequence[int]) -> None:
    """Erase the hits of events: each tells the plate."""
    conn.execute("delete from watch_hits where event_id = any(%(ids)s)", {"ids": list(event_ids)})


def forget_expired(conn: Conn, *, now: datetime) -> int:
    """Erase the entries whose time is over; how many."""
    return conn.execute("delete from watch_entries where until <= %(now)s", {"now": now}).rowcount
