"""Passings in Postgres that were judged, and a worker that judges them again: for tests of cases and reviews."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from redis import Redis

from anpr import config
from anpr.registry import Registry
from anpr.types import Box, Candidate, PlateOutcome, Reading, Vote
from anpr.vignette_lists import VignetteRow
from storage import evidence, plate_events, plate_reads, rejudging, sessions, vignettes
from storage.db import Conn, Database
from storage.evidence import Picture
from storage.plate_reads import DetectedPlate
from workers import cases, process
from workers.check import check
from workers.process import Process

PLATE = "1A23456"
OTHER = "2B34567"
# A morning that is over everywhere, and lists of it are fresh enough.
MORNING = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=3)
DUE = MORNING + timedelta(days=2)  # a day after the liability period at the latest
HOUR = timedelta(hours=1)
BOX = Box(x1=0, y1=0, x2=90, y2=20)


def a_passing(
    conn: Conn, plate: str = PLATE, *, camera: str = "gate", at: datetime = MORNING, country: str = "CZ"
) -> int:
    """A closed event of two looks, each with a picture; its id."""
    camera_id = sessions.camera_id(conn, camera, toll_country=country)
    session_id = sessions.start(conn, camera=camera_id, source="x", key="x", is_live=False, expected_frames=None)
    event_id = plate_events.create(conn, session_id, at=at)
    for frame_no in (0, 1):
        captured_at = at + timedelta(seconds=frame_no)
        seen = DetectedPlate(frame_no=frame_no, plate_no=0, captured_at=captured_at, box=BOX, score=0.9, outcome=None)
        plate_reads.add_detected(conn, session_id, [seen])
        path = f"{session_id}/000000/{frame_no}-0.jpg"
        evidence.add(conn, session_id, Picture(key=(frame_no, 0), path=path, sha256=""))
    vote(conn, event_id, session_id, plate)
    return event_id


def vote(conn: Conn, event_id: int, session_id: int, plate: str) -> None:
    """Have all reads of the event say this plate, and close it."""
    candidates = (Candidate(text=plate, confidence=0.99),)
    for frame_no in (0, 1):
        plate_reads.save(conn, session_id, (frame_no, 0), PlateOutcome.READ, Reading(candidates=candidates))
    plate_reads.assign(conn, session_id, [(0, 0), (1, 0)], event_id)
    said = Vote(plate=plate, confidence=0.99, candidates=candidates, agreeing=2)
    plate_events.revote(conn, event_id, said, plate_reads.of_event(conn, event_id, most=2)[1])
    plate_events.close(conn, session_id, before=None)


def a_vignette_row(plate: str = PLATE, *, days: int = 30) -> VignetteRow:
    return VignetteRow(
        toll_country="CZ",
        plate=plate,
        plate_country="",
        kind="30-day",
        valid_from=MORNING - 2 * HOUR,
        valid_to=MORNING + timedelta(days=days),
    )


def a_list(conn: Conn, *rows: VignetteRow, as_of: datetime = MORNING + 9 * HOUR, country: str = "CZ") -> int:
    """A list in force that holds these rows, and somebody else's vignette; its snapshot."""
    told = rows or (a_vignette_row("9Z99999"),)
    return vignettes.import_snapshot(conn, country, told, vignettes.Origin(source="list.csv", sha256="", as_of=as_of))


@contextmanager
def a_worker(database: Database, redis: Redis, *, registry: Registry | None = None) -> Iterator[Process]:
    """This process as a check worker, of a registry that is asked where one is given."""
    url = "" if registry is None else "http://registry.invalid/{country}/{plate}"
    settings = config.build({"registry": {"url": url}}, where="test", environ={})
    one = Process(settings=settings, redis=redis, database=database, registry=registry)
    process.hold(one)
    yield one


def judge_all(worker: Process) -> None:
    """Judge what is to be judged, until nothing is."""
    for _ in range(9):
        with worker.database.transaction() as conn:
            while rejudging.mark(conn, most=100):
                pass
            todo = plate_events.unjudged(conn)
        if not todo:
            return
        for event_id in todo:
            check(event_id)
    raise AssertionError("events are to be judged for ever")


def settle(worker: Process, *, now: datetime = DUE) -> None:
    """Judge, and do with the suspicions what `now` asks for, until nothing changes."""
    judge_all(worker)
    cases.settle(worker.database, worker.settings, now=now)
    judge_all(worker)
    while cases.settle(worker.database, worker.settings, now=now):
        pass
