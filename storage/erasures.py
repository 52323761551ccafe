"""Erasing what passings left in Postgres, and the ledger of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from anpr.types import VerdictStatus
from storage.db import Conn, Database
from storage.plate_reads import PlateKey

ERASED = "erased"  # stands for the reason of a verdict or a correction
MOST = 1000  # events of one transaction, which keeps the grouping of their camera waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What of a toll country with this outcome is due, and what the ledger calls the rule."""

    country: str
    status: VerdictStatus
    decision: str = ""  # of its case, where people have decided that: then `before` is about when they did
    before: datetime  # first judged then or earlier
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An event whose traces are no longer needed."""

    id: int
    session_id: int
    camera: str
    plate: str  # as it was judged
    status: VerdictStatus
    rule: str


# An event is left alone while neighbours in time are still being read, grouped or judged: they may turn out to be it;
# and for a minute, while somebody is still to be told of it for the first time.
# "offset 0" has the planner find neighbours by time, and not among all that are kept.
_DUE = """
with ripe as materialized (
    select e.id, e.session_id, e.camera_id, c.name as camera, coalesce(e.corrected_plate, e.plate) as plate, v.status,
        due.rule, e.first_seen - interval '1 minute' as near_from,
        e.last_seen + %(gap_s)s * interval '1 second' as near_to
    from plate_events e
    join cameras c on c.id = e.camera_id
    join lateral (
        select status from verdicts where event_id = e.id and revision = e.revision order by id desc limit 1
    ) v on true
    left join (
        select s.event_id, c.state, c.decided_at from suspicions s join cases c on c.id = s.case_id
        where s.state = 'in_case' and c.state in ('confirmed', 'overturned', 'unclear')
    ) k on k.event_id = e.id and v.status = 'SUSPECT'
    join unnest(%(countries)s::text[], %(statuses)s::text[], %(decisions)s::text[], %(befores)s::timestamptz[],
            %(names)s::text[]) as due (country, status, decision, before, rule)
        on due.country = e.toll_country and due.status = v.status and due.decision = coalesce(k.state, '')
    where e.erased_at is null and e.state = 'closed' and (%(session)s::bigint is null or e.session_id = %(session)s)
      and coalesce(k.decided_at, (select min(judged_at) from verdicts where event_id = e.id)) <= due.before
)
select e.id, e.session_id, e.camera, e.plate, e.status, e.rule
from ripe e
where not exists (select from verdicts where event_id = e.id and judge_again_at is not null)
  and not exists (
      select from verdicts
      where event_id = e.id and announced is null and judged_at > now() - interval '1 minute')
  and not exists (
      select from notifications
      where event_id = e.id and attempts = 0 and created_at > now() - interval '1 minute')
  and not exists (
      select from (
          select id, session_id, revision, state, erased_at from plate_events
          where camera_id = e.camera_id and first_seen between e.near_from and e.near_to offset 0
      ) as n
      where n.session_id = e.session_id and n.erased_at is null
        and (n.state = 'open'
            or not exists (select from verdicts where event_id = n.id and revision = n.revision)))
  and not exists (
      select from plate_reads p
      where p.session_id = e.session_id and p.outcome is null and p.captured_at between e.near_from and e.near_to)
  and not exists (
      select from plate_reads p
      where p.session_id = e.session_id and p.outcome = 'read' and p.event_id is null
        and p.captured_at between e.near_from and e.near_to)
order by e.id limit %(most)s
"""


def due(
    conn: Conn, rules: Sequence[Rule], *, gap_s: float, session_id: int | None = None, most: int | None = None
) -> list[Due]:
    """The events that fall under a rule, oldest first: of one session or all; `gap_s` is that of the grouping."""
    found = conn.execute(
        _DUE,
        {
            "countries": [rule.country for rule in rules],
            "statuses": [rule.status.value for rule in rules],
            "decisions": [rule.decision for rule in rules],
            "befores": [rule.before for rule in rules],
            "names": [rule.name for rule in rules],
            "session": session_id,
            "gap_s": gap_s,
            "most": most,
        },
    )
    return [
        Due(id=row[0], session_id=row[1], camera=row[2], plate=row[3], status=VerdictStatus(row[4]), rule=row[5])
        for row in found
    ]


_KEYS = "select event_id, frame_no, plate_no from plate_reads where event_id = any(%(ids)s)"
_PICTURES = """
delete from evidence using plate_reads r
where r.event_id = any(%(ids)s) and evidence.session_id = r.session_id and evidence.frame_no = r.frame_no
  and evidence.plate_no = r.plate_no
returning r.event_id, evidence.path
"""
_READS = "update plate_reads set text = '', candidates = '[]', regions = '[]' where event_id = any(%(ids)s)"
_VERDICTS = """
update verdicts set reason = %(erased)s, readings_tried = '{}', vignette_id = null where event_id = any(%(ids)s)
"""
_CORRECTIONS = """
update corrections set plate = case when plate is not null then '' end, reason = %(erased)s
where event_id = any(%(ids)s)
"""
_EVENTS = """
update plate_events set plate = '', candidates = '[]', regions = '[]', erased_at = %(now)s, pseudonym = new.pseudonym,
    corrected_plate = case when corrected_plate is not null then '' end
from unnest(%(ids)s::bigint[], %(pseudonyms)s::text[]) as new (id, pseudonym) where plate_events.id = new.id
"""
_LEDGER = """
insert into erasures (event_id, camera, outcome, rule, act, reads, pictures, erased_at)
values (%(event)s, %(camera)s, %(outcome)s, %(rule)s, %(act)s, %(reads)s, %(pictures)s, %(now)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, and what lies outside Postgres and must go too before the transaction is committed."""

    keys: tuple[PlateKey, ...]
    paths: tuple[str, ...]  # of pictures, relative to the evidence directory


def erase(conn: Conn, events: Sequence[Due], *, pseudonyms: Mapping[int, str], now: datetime) -> Erased:
    """Erase all that tells the plates of these events, enter it in the ledger; `pseudonyms` by event stay."""
    ids = {"ids": [one.id for one in events]}
    keys: list[tuple[Any, ...]] = conn.execute(_KEYS, ids).fetchall()
    pictures: list[tuple[Any, ...]] = conn.execute(_PICTURES, ids).fetchall()
    conn.execute(_READS, ids)
    conn.execute(_VERDICTS, ids | {"erased": ERASED})
    conn.execute(_CORRECTIONS, ids | {"erased": ERASED})
    conn.execute(_EVENTS, ids | {"pseudonyms": [pseudonyms.get(one.id) for one in events], "now": now})
    with conn.cursor() as cursor:
        cursor.executemany(
            _LEDGER,
            [
                {
                    "event": one.id,
                    "camera": one.camera,
                    "outcome": one.status.value,
                    "rule": one.rule,
                    "act": "pseudonymised" if one.id in pseudonyms else "erased",
                    "reads": sum(key[0] == one.id for key in keys),
                    "pictures": sum(picture[0] == one.id for picture in pictures),
                    "now": now,
                }
                for one in events
            ],
        )
    return Erased(keys=tuple((key[1], key[2]) for key in keys), paths=tuple(picture[1] for picture in pictures))


_STRAYS = """
with gone as (
    update plate_reads p set text = '', candidates = '[]', regions = '[]'
    from sessions s, cameras c, unnest(%(countries)s::text[], %(befores)s::timestamptz[]) as due (country, before)
    where s.id = p.session_id and c.id = s.camera_id and due.country = c.toll_country
      and p.event_id is null and p.text <> '' and p.outcome <> 'read' and p.read_at <= due.before
    returning c.name as camera
)
insert into erasures (camera, outcome, rule, act, reads, erased_at)
select camera, 'UNREADABLE', 'looks of no event', 'erased', count(*), %(now)s from gone group by camera
returning reads
"""


def erase_strays(conn: Conn, befores: Mapping[str, datetime], *, now: datetime) -> int:
    """Erase the texts of looks that became part of no event, read before a moment by toll country; how many."""
    values = {"countries": list(befores), "befores": list(befores.values()), "now": now}
    with conn.cursor(row_factory=scalar_row) as cursor:
        return sum(cursor.execute(_STRAYS, values).fetchall())


_LATE = (
    """
    update plate_reads set text = '', candidates = '[]', regions = '[]'
    where session_id = %(session)s and (frame_no, plate_no) in (
        select * from unnest(%(frames)s::bigint[], %(plates)s::integer[]))
    """,
    """
    insert into erasures (event_id, camera, outcome, rule, act, reads)
    select x.event_id, x.camera, x.outcome, 'late looks', 'erased', %(reads)s
    from erasures x where x.event_id = %(event)s order by x.id limit 1
    """,
)


def erase_late(conn: Conn, session_id: int, keys: Sequence[PlateKey], event_id: int) -> None:
    """Erase reads that came after their event was erased."""
    values = {
        "session": session_id,
        "event": event_id,
        "reads": len(keys),
        "frames": [key[0] for key in keys],
        "plates": [key[1] for key in keys],
    }
    for statement in _LATE:
        conn.execute(statement, values)


_PSEUDONYMS = """
with gone as (
    update plate_events e set pseudonym = null
    from cameras c, unnest(%(countries)s::text[], %(befores)s::timestamptz[]) as due (country, before)
    where c.id = e.camera_id and due.country = e.toll_country and e.pseudonym is not null and e.erased_at <= due.before
    returning e.id, c.name as camera
)
insert into erasures (event_id, camera, outcome, rule, act, erased_at)
select gone.id, gone.camera, coalesce(
    (select outcome from erasures x where x.event_id = gone.id order by x.id limit 1), ''), 'pseudonyms',
    'pseudonym erased', %(now)s
from gone
"""


def erase_pseudonyms(conn: Conn, befores: Mapping[str, datetime], *, now: datetime) -> int:
    """Erase the pseudonyms made before a moment by toll country; how many."""
    values = {"countries": list(befores), "befores": list(befores.values()), "now": now}
    return conn.execute(_PSEUDONYMS, values).rowcount


def erased_at(conn: Conn, event_id: int) -> datetime | None:
    """When what an event left was erased; None where it was not."""
    row = conn.execute("select erased_at from plate_events where id = %(id)s", {"id": event_id}).fetchone()
    return None if row is None else row[0]


_REWRITE = (
    "vacuum full plate_events",
    "vacuum full plate_reads",
    "vacuum full verdicts",
    "vacuum full cases",
    "vacuum full reviews",
    "vacuum full evidence",
    "vacuum full plate_searches",
    "vacuum full watch_hits",
    "vacuum full watch_entries",
    "vacuum full corrections",
    "vacuum (full, analyze) vignettes",  # statistics too hold plates
)
_LET_GO = ("checkpoint", "select pg_switch_wal()", "checkpoint")  # the second lets go of the segment left behind


def rewrite(database: Database) -> bool:
    """Write the tables anew, so that no file of theirs holds the bytes of erased rows; each is locked meanwhile.

    Then have the server let go of its write-ahead log; False where this account may not.
    """
    with database.autocommit() as conn:
        for statement in _REWRITE:
            conn.execute(statement)
        try:
            for statement in _LET_GO:
                conn.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return False
    return True
