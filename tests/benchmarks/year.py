"""A database filled with a year of passings, by COPY: what the benchmarks of searching look into."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString

from psycopg import sql

from storage import migrate, sessions, stats
from storage.db import Conn, Database

END = datetime.now(UTC)  # pages show the last hours
YEAR_S = 365 * 86_400
BEGIN = END - timedelta(seconds=YEAR_S)
CAMERAS = [f"gate-{number}" for number in range(1, 13)]
CAR_PASSES = 5  # on average
READS = 3  # of an event, each with a picture …
READ_S = 9 * 86_400  # … of the last days alone
HOURS_AT_ONCE = 100
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ"
FORMS = ["#A#####", "#A#####", "#A#####", "AA###AA", "AA####", "AAA##AA", "AAAA####", "AA#####", "A#####A"]
OUTCOMES = ["VALID"] * 90 + ["AMBIGUOUS"] * 5 + ["EXEMPT"] * 3 + ["UNREADABLE"] + ["SUSPECT"]
# How long an event stays as it was: the defaults of retention, and a day that is due.
KEPT_S = {"VALID": 2 * 86_400, "EXEMPT": 2 * 86_400, "SUSPECT": 91 * 86_400}
DOUBTFUL_S = 8 * 86_400
COPY_EVENTS = """
copy plate_events (session_id, camera_id, toll_country, plate, confidence, candidates, reads, agreeing, first_seen,
    last_seen, best_frame_no, best_plate_no, state, revision, erased_at) from stdin
"""
COPY_VERDICTS = (
    "copy verdicts (event_id, revision, status, reason, readings_tried, rules_version, judged_at, announced) from stdin"
)
COPY_READS = """
copy plate_reads (session_id, frame_no, plate_no, captured_at, x1, y1, x2, y2, detection_score, outcome, text,
    confidence, candidates, read_at, event_id) from stdin
"""
COPY_PICTURES = "copy evidence (session_id, frame_no, plate_no, path, sha256) from stdin"
INDEXES = (
    "select indexname, indexdef from pg_indexes where tablename = 'plate_events' and indexname <> 'plate_events_pkey'"
)


def fill(database: Database, events: int, rng: random.Random) -> list[str]:
    """Store so many events with a verdict each; the plates of the cars, those that pass most often first.

    What retention would have erased is marked as erased, but keeps its plate, so that searches have all of them to
    look through.
    """
    plates = list({a_plate(rng) for _ in range(max(10, events // CAR_PASSES))})
    outcomes = bytes(rng.choices(range(len(OUTCOMES)), k=events))
    with database.transaction() as conn:
        migrate.migrate(conn)
        ids: list[tuple[int, int]] = []
        for name in CAMERAS:
            camera = sessions.camera_id(conn, name, toll_country="CZ")
            session = sessions.start(conn, camera=camera, source="", key=name, is_live=True, expected_frames=None)
            ids.append((camera, session))
    with database.transaction() as conn:
        conn.execute("set session_replication_role = replica")  # a million notices to nobody, and foreign keys
        conn.execute("set maintenance_work_mem = '512MB'")
        indexes = conn.execute(INDEXES).fetchall()
        for name, _ in indexes:
            conn.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
        copy(conn, COPY_EVENTS, event_lines(events, plates, ids, outcomes, rng))
        for _, definition in indexes:
            conn.execute(definition)
        conn.execute("alter index plate_events_ending alter column 1 set statistics 0")
        conn.execute("alter index plate_events_pieces alter column 1 set statistics 0")
        copy(conn, COPY_VERDICTS, verdict_lines(events, outcomes))
        first = int(events * (1 - READ_S / YEAR_S))
        copy(conn, COPY_READS, read_lines(first, events, ids))
        copy(conn, COPY_PICTURES, picture_lines(first, events, ids))
        conn.execute(
            "insert into hours_changed (hour) select distinct date_trunc('hour', first_seen) from plate_events"
        )
    with database.autocommit() as conn:
        for table in ("plate_events", "verdicts", "plate_reads", "evidence"):
            conn.execute(f"vacuum analyze {table}")
    return plates


def count_hours(database: Database) -> int:
    """Count all hours, as the sweep does; how many."""
    counted = 0
    while True:
        with database.transaction() as conn:
            done = stats.count_changed(conn, quiet_s=0, most=HOURS_AT_ONCE)
        if not done:
            break
        counted += done
    with database.autocommit() as conn:
        for table in ("hour_verdicts", "hour_confidences", "hour_latencies", "hours_changed"):
            conn.execute(f"vacuum analyze {table}")
    return counted


def copy(conn: Conn, statement: LiteralString, lines: Iterator[str]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as stream:
        batch: list[str] = []
        for line in lines:
            batch.append(line)
            if len(batch) == 2000:
                stream.write("".join(batch))
                batch.clear()
        stream.write("".join(batch))


def a_plate(rng: random.Random) -> str:
    form = rng.choice(FORMS)
    return "".join(
        rng.choice("0123456789") if one == "#" else rng.choice(LETTERS) if one == "A" else one for one in form
    )


def age_s(number: int, events: int) -> float:
    """How long before the end an event was first seen."""
    return YEAR_S * (events - number) / events


def event_lines(
    events: int, plates: list[str], ids: Sequence[tuple[int, int]], outcomes: bytes, rng: random.Random
) -> Iterator[str]:
    cars = len(plates)
    for number in range(events):
        # The square has 10 % of the cars make a third of the passings.
        plate = plates[int(cars * rng.random() ** 2)]
        camera, session = ids[number % len(ids)]
        confidence = 1 - 0.5 * rng.random() ** 3
        old_s = age_s(number, events)
        at = END - timedelta(seconds=old_s)
        first, last = at.isoformat(), (at + timedelta(seconds=2)).isoformat()
        erased = first if old_s > KEPT_S.get(OUTCOMES[outcomes[number]], DOUBTFUL_S) else "\\N"
        candidates = f'[{{"text": "{plate}", "confidence": {confidence:.4f}}}]'
        yield (
            f"{session}\t{camera}\tCZ\t{plate}\t{confidence:.4f}\t{candidates}\t{READS}\t{READS}\t{first}\t{last}"
            f"\t{number * READS}\t0\tclosed\t2\t{erased}\n"
        )


def verdict_lines(events: int, outcomes: bytes) -> Iterator[str]:
    for number in range(events):
        at = (END - timedelta(seconds=age_s(number, events) - 3)).isoformat()
        yield f"{number + 1}\t2\t{OUTCOMES[outcomes[number]]}\tas the list says\t{{}}\t2026-11\t{at}\tf\n"


def read_lines(first: int, events: int, ids: Sequence[tuple[int, int]]) -> Iterator[str]:
    for number in range(first, events):
        session = ids[number % len(ids)][1]
        at = (END - timedelta(seconds=age_s(number, events))).isoformat()
        for look in range(READS):
            yield (
                f"{session}\t{number * READS + look}\t0\t{at}\t10\t20\t110\t45\t0.9\tread\t1A23456\t0.9"
                f'\t[{{"text": "1A23456", "confidence": 0.9}}]\t{at}\t{number + 1}\n'
            )


def picture_lines(first: int, events: int, ids: Sequence[tuple[int, int]]) -> Iterator[str]:
    for number in range(first, events):
        session = ids[number % len(ids)][1]
        for look in range(READS):
            frame = number * READS + look
            yield f"{session}\t{frame}\t0\t{session}/{frame}-0.jpg\t\n"


def sizes(database: Database) -> str:
    with database.transaction() as conn:
        rows = conn.execute(
            "select relname, pg_relation_size(oid) / 1e6 from pg_class where relname ~ '^(plate_events|hour)'"
            " and relkind in ('r', 'i') order by 1"
        ).fetchall()
    return ", ".join(f"{name} {size:.0f} MB" for name, size in rows)
