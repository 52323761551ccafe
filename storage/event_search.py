"""Searching events: the one place that knows how plates, times, cameras and verdicts are looked for.

No statistics are kept of plates, so the planner knows nothing of them: each form of search is a statement of its own,
whose shape leaves the one index that serves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString

from anpr.errors import BadInput
from anpr.nearby import nearby
from anpr.plates import normalise
from anpr.types import VerdictStatus
from storage import plate_events
from storage.db import Conn
from storage.plate_events import EventRow

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
LAST_ID = 2**63 - 1
LEAST_CHARACTERS = 2  # of a prefix or pattern: one alone fits millions of events
LONGEST_PLATE = 16  # characters, wildcards included
PIECE = 3  # characters of the pieces in an index (`anpr_pieces`)


class Match(StrEnum):
    """How a plate is looked for."""

    EXACT = "exact"
    PREFIX = "prefix"
    WILDCARD = "wildcard"  # * any characters, ? one
    FUZZY = "fuzzy"  # at most one edit or two look-alikes away


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateQuery:
    """A plate as it is looked for: A-Z and 0-9, with * and ? where it is a pattern."""

    text: str
    match: Match


def plate_query(written: str, match: Match | None = None) -> PlateQuery:
    """What somebody wrote as a query; without `match`, * or ? make it a pattern. Raises BadInput where it is none."""
    text = "".join(one if one in "*?" else normalise(one) for one in written)
    is_pattern = "*" in text or "?" in text
    chosen = match or (Match.WILDCARD if is_pattern else Match.EXACT)
    if is_pattern and chosen is not Match.WILDCARD:
        raise BadInput(f"plate: * and ? belong to a wildcard search, and this one is {chosen.value}")
    known = len(text) - text.count("*") - text.count("?")
    least = 1 if chosen is Match.EXACT else LEAST_CHARACTERS
    if known < least:
        raise BadInput(f"plate: too few letters and digits: a search ({chosen.value}) takes at least {least}")
    if len(text) > LONGEST_PLATE:
        raise BadInput(f"plate: is longer than {LONGEST_PLATE} characters")
    return PlateQuery(text=text, match=chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page ended: the next one begins with what was first seen before, at equal times with smaller ids."""

    first_seen: datetime
    id: int


START = Position(first_seen=LATEST, id=LAST_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """What is looked for; None leaves a field open. `since` counts, `until` no longer does; both by `first_seen`."""

    plate: PlateQuery | None = None
    cameras: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    verdicts: Sequence[VerdictStatus] | None = None
    least_confidence: float | None = None
    after: Position = START


# What an index on (…, first_seen desc, id desc) answers by itself.
_IN_TIME: LiteralString = """
    e.first_seen >= %(since)s and e.first_seen < %(until)s and (e.first_seen, e.id) < (%(after_at)s, %(after_id)s)
"""
# What takes a look at the event: folded away by the planner where null.
_FITS: LiteralString = """
    (%(cameras)s::bigint[] is null or e.camera_id = any(%(cameras)s::bigint[]))
    and (%(confidence)s::real is null or e.confidence >= %(confidence)s::real)
    and (%(verdicts)s::text[] is null or (
        select v.status from verdicts v where v.event_id = e.id order by v.id desc limit 1
    ) = any(%(verdicts)s::text[]))
"""
# What people corrected: few, so each is looked at; the limit keeps it that way.
_CORRECTED: LiteralString = """
select hit.id, hit.first_seen from corrections k
cross join lateral (
    select e.id, e.first_seen from plate_events e
    where e.id = k.event_id and e.corrected_plate = k.plate and <in_time> and <fits> limit 1
) as hit
"""
# Newest first, those that fit until the page is full.
_PAGE: LiteralString = """
select hit.id from (select id, first_seen from hits order by first_seen desc, id desc) as hit
cross join lateral (select from plate_events e where e.id = hit.id and <fits> limit 1) as fits
order by hit.first_seen desc, hit.id desc limit %(limit)s
"""


def _filled(template: LiteralString) -> LiteralString:
    """The statement with the parts that it names."""
    whole = template.replace("<corrected>", _CORRECTED).replace("<page>", _PAGE)
    return whole.replace("<in_time>", _IN_TIME).replace("<fits>", _FITS)


_ANY = _filled("""
select e.id from plate_events e where <in_time> and <fits>
order by e.first_seen desc, e.id desc limit %(limit)s
""")
_THESE = _filled("""
with hits as materialized (
    select hit.id, hit.first_seen from unnest(%(plates)s::text[]) as wanted (plate)
    cross join lateral (
        select e.id, e.first_seen from plate_events e
        where e.plate = wanted.plate and e.plate <> '' and <in_time> and <fits>
        order by e.first_seen desc, e.id desc limit %(limit)s
    ) as hit
    union
    <corrected> where k.plate = any(%(plates)s::text[])
)
select id from hits order by first_seen desc, id desc limit %(limit)s
""")
# All that begin (end) so, from the index alone.
_BEGINNING = _filled("""
with hits as materialized (
    select e.id, e.first_seen from plate_events e
    where e.plate <> '' and e.plate ~>=~ %(low)s and e.plate ~<~ %(high)s and e.plate like %(like)s and <in_time>
    union
    <corrected> where k.plate ~>=~ %(low)s and k.plate ~<~ %(high)s and k.plate like %(like)s
)
<page>
""")
_ENDING = _filled("""
with hits as materialized (
    select e.id, e.first_seen from plate_events e
    where e.plate <> '' and reverse(e.plate) ~>=~ %(low)s and reverse(e.plate) ~<~ %(high)s
      and e.plate like %(like)s and <in_time>
    union
    <corrected> where k.plate like %(like)s
)
<page>
""")
_CONTAINING = _filled("""
with hits as materialized (
    select e.id, e.first_seen from plate_events e
    where e.plate <> '' and anpr_pieces(e.plate) @> %(pieces)s::text[] and e.plate like %(like)s and <in_time>
    union
    <corrected> where k.plate like %(like)s
)
<page>
""")
_CAMERAS = "select id from cameras where name = any(%(names)s)"


def search(conn: Conn, wanted: EventSearch, *, limit: int) -> list[EventRow]:
    """The events that match, newest first (by `first_seen`, then id), at most `limit`."""
    query, by_plate = statement(wanted.plate)
    # Not prepared: a plan for any values whatever would serve none of them.
    found = conn.execute(query, _values(conn, wanted, limit=limit) | by_plate, prepare=False)
    return plate_events.get_all(conn, [row[0] for row in found])


def plan(conn: Conn, wanted: EventSearch, *, limit: int) -> list[str]:
    """How Postgres finds the events, run and timed, as its EXPLAIN tells it."""
    query, by_plate = statement(wanted.plate)
    told = conn.execute(f"explain (analyze, buffers, costs off) {query}", _values(conn, wanted, limit=limit) | by_plate)
    return [row[0] for row in told]


def _values(conn: Conn, wanted: EventSearch, *, limit: int) -> dict[str, Any]:
    # Of two upper bounds Postgres begins at one only, and may take the further: a deep page would pass all before it.
    past_page = min(wanted.after.first_seen, LATEST) + timedelta(microseconds=1)
    values: dict[str, Any] = {
        "since": wanted.since or EARLIEST,
        "until": min(wanted.until or LATEST, past_page),
        "after_at": wanted.after.first_seen,
        "after_id": wanted.after.id,
        "cameras": None,
        "confidence": wanted.least_confidence,
        "verdicts": None if wanted.verdicts is None else [one.value for one in wanted.verdicts],
        "limit": limit,
    }
    if wanted.cameras is not None:
        values["cameras"] = [row[0] for row in conn.execute(_CAMERAS, {"names": list(wanted.cameras)})]
    return values


def statement(plate: PlateQuery | None) -> tuple[LiteralString, dict[str, Any]]:
    """The statement that finds ids, and its values that come from the plate."""
    if plate is None:
        return _ANY, {}
    match plate.match:
        case Match.EXACT:
            return _THESE, {"plates": [plate.text]}
        case Match.FUZZY:
            return _THESE, {"plates": nearby(plate.text)}
        case Match.PREFIX:
            return _BEGINNING, _between(plate.text) | {"like": plate.text + "%"}
        case Match.WILDCARD:
            return _of_pattern(plate.text)


def _of_pattern(pattern: str) -> tuple[LiteralString, dict[str, Any]]:
    like = {"like": pattern.replace("*", "%").replace("?", "_")}
    beginning, ending, pieces = _known(pattern), _known(pattern[::-1]), _pieces(pattern)
    if pieces and max(len(beginning), len(ending)) < PIECE:
        return _CONTAINING, like | {"pieces": pieces}
    if len(ending) > len(beginning):
        return _ENDING, like | _between(ending)
    return _BEGINNING, like | _between(beginning)


def _known(pattern: str) -> str:
    """What stands before the first wildcard."""
    return pattern.replace("?", "*").partition("*")[0]


def _pieces(pattern: str) -> list[str]:
    """What the index of pieces knows of a pattern."""
    runs = pattern.replace("?", "*").split("*")
    return [run[place : place + PIECE] for run in runs for place in range(len(run) - PIECE + 1)]


def _between(beginning: str) -> dict[str, str]:
    """The bounds of all texts that begin so, by byte: ~ stands after every letter and digit."""
    return {"low": beginning, "high": beginning + "~"}
