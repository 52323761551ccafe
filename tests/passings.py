"""Passings put straight into the database, and grouped and judged by the real jobs: no picture is looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis import Redis

from anpr import config
from anpr.types import Box, Candidate, PlateOutcome, Reading, Region
from anpr.vignette_lists import VignetteRow
from storage import event_search, evidence, plate_events, plate_reads, sessions, vignettes
from storage.db import Database
from storage.event_search import EventSearch
from storage.plate_events import EventRow
from storage.plate_reads import DetectedPlate
from workers import process
from workers.check import check, group
from workers.process import Process

T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)
PLATE, OTHER, PAID = "1A23457", "7S91234", "8C81928"
OF_CZ = (Region(country="CZ", probability=0.9), Region(country="SK", probability=0.05))


def a_check_worker(database: Database, redis: Redis, directory: Path) -> Process:
    """This process as a check worker that forgets nothing by itself."""
    one = Process(
        settings=config.build({"evidence_dir": str(directory)}, where="test", environ={}),
        redis=redis,
        database=database,
        purges_at_s=float("inf"),
        tidies_at_s=float("inf"),
    )
    process.hold(one)
    return one


def a_session(held: Process) -> int:
    """A camera's session, with a fresh list in which one plate has paid."""
    with held.database.transaction() as conn:
        camera = sessions.camera_id(conn, "gate", toll_country="CZ")
        row = VignetteRow(
            toll_country="CZ",
            plate=PAID,
            plate_country="",
            kind="year",
            valid_from=T0 - timedelta(days=9),
            valid_to=T0 + timedelta(days=9),
        )
        vignettes.import_snapshot(
            conn, "CZ", [row], vignettes.Origin(source="test", sha256="", as_of=datetime.now(UTC))
        )
        return sessions.start(conn, camera=camera, source="x", key="x", is_live=True, expected_frames=None)


def reads(held: Process, session_id: int, numbers: Sequence[int], *, plate: str = PLATE, wide: int = 90) -> None:
    """A plate read in these frames, 5 a second, with a picture each, and put into events."""
    with held.database.transaction() as conn:
        for number in numbers:
            box = Box(x1=4 * number, y1=0, x2=4 * number + wide, y2=20)
            at = T0 + timedelta(seconds=number / 5)
            seen = DetectedPlate(frame_no=number, plate_no=0, captured_at=at, box=box, score=0.9, outcome=None)
            plate_reads.add_detected(conn, session_id, [seen])
            reading = Reading(candidates=(Candidate(text=plate, confidence=0.95),), regions=OF_CZ)
            plate_reads.save(conn, session_id, (number, 0), PlateOutcome.READ, reading)
            picture = evidence.write(held.evidence_dir, session_id, (number, 0), plate.encode())
            evidence.add(conn, session_id, picture)
    group(session_id)


def closed_and_judged(held: Process, session_id: int) -> None:
    with held.database.transaction() as conn:
        plate_events.close(conn, session_id, before=None)
        ids = plate_events.unjudged(conn)
    for event_id in ids:
        check(event_id)


def rows(database: Database) -> list[EventRow]:
    with database.transaction() as conn:
        return event_search.search(conn, EventSearch(), limit=100)


def history(database: Database) -> list[tuple[int, int, str]]:
    """Event, revision and status of all verdicts, oldest first."""
    with database.transaction() as conn:
        return conn.execute("select event_id, revision, status from verdicts order by id").fetchall()
