"""Who watches is told of events that have changed, as soon as that is committed."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from psycopg.rows import scalar_row

from storage.db import Conn, Database, returned

MOST_MISSED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Ids of events: new or changed ones, and those that are no more because they were merged into others."""

    ids: frozenset[int]
    gone: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far somebody has seen: the greatest ids of an event and of a verdict then."""

    event_id: int
    verdict_id: int


def listen(database: Database, *, every_s: float) -> Iterator[Changed]:
    """What has changed in each `every_s` from now on, also where that is nothing.

    Raises Unavailable where Postgres goes away.
    """
    with database.autocommit() as conn:
        conn.execute("listen anpr_events")  # which the triggers of plate_events and verdicts notify
        yield Changed(ids=frozenset())
        while True:
            told: set[int] = set()
            for notice in conn.notifies(timeout=every_s):
                with suppress(ValueError):  # anybody may notify
                    told.add(int(notice.payload))
            gone = frozenset(-one for one in told if one < 0)
            yield Changed(ids=frozenset(one for one in told if one > 0) - gone, gone=gone)


_MARK = "select coalesce((select max(id) from plate_events), 0), coalesce((select max(id) from verdicts), 0)"


def mark(conn: Conn) -> Mark:
    row = returned(conn.execute(_MARK).fetchone())
    return Mark(event_id=row[0], verdict_id=row[1])


_SINCE = """
select id from (
    (select id from plate_events where id > %(event)s order by id desc limit %(most)s)
    union
    (select event_id from verdicts where id > %(verdict)s order by id desc limit %(most)s)
) as missed order by id desc limit %(most)s
"""


def since(conn: Conn, seen: Mark) -> list[int]:
    """The events that came or were judged after a mark, newest first, at most MOST_MISSED."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        values = {"event": seen.event_id, "verdict": seen.verdict_id, "most": MOST_MISSED}
        return cursor.execute(_SINCE, values).fetchall()
