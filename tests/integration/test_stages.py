"""The jobs of the stages in this process, on the real servers: each may run twice, and does so without a trace."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest

from anpr import config
from anpr.types import FrameOutcome
from cli.demo.scene import Scene
from models.detector.inference import Detector
from models.reader import load_reader
from storage import plate_reads, sessions
from storage.db import Database
from storage.sessions import IngestCounters
from workers import frames, process
from workers.check import check, group
from workers.detect import detect
from workers.frames import StoredFrame
from workers.process import Process
from workers.read import read
from workers.sweep import sweep

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
NUMBERS = [0, 1, 2, 3]
TABLES = ("frames", "plate_reads", "plate_events", "evidence", "verdicts", "sessions")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(None)


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    scene = Scene(7)
    return [cv2.imencode(".jpg", scene.frame(40 + 5 * number))[1].tobytes() for number in NUMBERS]


@pytest.fixture
def held(database, redis, tmp_path, detector) -> Process:
    """This process as a worker of all stages."""
    one = Process(
        settings=config.build({"evidence_dir": str(tmp_path / "evidence")}, where="test", environ={}),
        redis=redis,
        database=database,
        loaded_detector=detector,
        loaded_reader=load_reader("tflite"),
    )
    process.hold(one)
    return one


def a_session(held: Process, jpegs: list[bytes]) -> int:
    """A file's session that has handed over these pictures and ended."""
    with held.database.transaction() as conn:
        camera = sessions.camera_id(conn, "gate", toll_country="CZ")
        session_id = sessions.start(
            conn, camera=camera, source="gate.mp4", key="gate", is_live=False, expected_frames=len(jpegs)
        )
        counters = IngestCounters(offered=len(jpegs), sampled=len(jpegs))
        sessions.report(conn, session_id, counters, ended=True, complete=True)
    add_frames(held, session_id, jpegs)
    return session_id


def add_frames(held: Process, session_id: int, jpegs: list[bytes]) -> None:
    pipe = held.redis.pipeline()
    for number, jpeg in enumerate(jpegs):
        at = START + timedelta(seconds=number / 5)
        frames.add(pipe, session_id, StoredFrame(frame_no=number, captured_at=at, left_px=0, top_px=0, jpeg=jpeg))
    pipe.execute()


def stored(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the tables that jobs write to."""
    with database.transaction() as conn:
        return {
            table: sorted(conn.execute(f"select * from {table}").fetchall(), key=repr)  # noqa: S608
            for table in TABLES
        }


def put_back(held: Process, session_id: int, jpegs: list[bytes]) -> None:
    """Frames in Redis as if a worker had been killed before it took them out."""
    frames.forget(held.redis, session_id)
    add_frames(held, session_id, jpegs)


def plates_of(held: Process, session_id: int) -> list[list[int]]:
    with held.database.transaction() as conn:
        return [list(key) for key in plate_reads.unread(conn, session_id)]


def test_a_detect_job_that_runs_again_stores_nothing_twice(held, jpegs):
    session_id = a_session(held, jpegs)
    detect(session_id, NUMBERS)
    once = stored(held.database)
    assert {row[1]: row[3] for row in once["frames"]} == dict.fromkeys(NUMBERS, "read")
    assert len(once["plate_reads"]) >= len(NUMBERS)
    assert frames.claim(held.redis, session_id, NUMBERS) == {}

    detect(session_id, NUMBERS)
    assert stored(held.database) == once
    put_back(held, session_id, jpegs)
    detect(session_id, NUMBERS)
    assert stored(held.database) == once


def test_a_read_job_that_runs_again_stores_nothing_twice(held, jpegs):
    session_id = a_session(held, jpegs)
    detect(session_id, NUMBERS)
    plates = plates_of(held, session_id)
    crops = frames.fetch_crops(held.redis, session_id, [(frame, plate) for frame, plate in plates])
    read(session_id, plates)
    once = stored(held.database)
    assert plates_of(held, session_id) == []
    assert len(once["evidence"]) == sum(row[9] == "read" for row in once["plate_reads"]) > 3

    read(session_id, plates)
    assert stored(held.database) == once
    frames.add_crops(held.redis, session_id, crops)
    read(session_id, plates)
    assert stored(held.database) == once


def test_a_read_job_that_runs_again_brings_back_no_picture_that_was_let_go(held, jpegs):
    session_id = a_session(held, jpegs)
    detect(session_id, NUMBERS)
    plates = plates_of(held, session_id)
    crops = frames.fetch_crops(held.redis, session_id, [(frame, plate) for frame, plate in plates])
    read(session_id, plates)
    group(session_id)
    once, pictures = stored(held.database), pictures_in(held)
    assert len(pictures) == len(once["evidence"]) < len(plates)

    frames.add_crops(held.redis, session_id, crops)
    read(session_id, plates)
    group(session_id)
    assert stored(held.database) == once
    assert pictures_in(held) == pictures


def pictures_in(held: Process) -> set[Path]:
    return {path for path in held.evidence_dir.rglob("*") if path.is_file()}


def test_grouping_judging_and_sweeping_again_change_nothing(held, jpegs):
    session_id = a_session(held, jpegs)
    detect(session_id, NUMBERS)
    read(session_id, plates_of(held, session_id))
    for _ in range(2):
        group(session_id)
        sweep(held)
    event_ids = [row[0] for row in stored(held.database)["plate_events"]]
    for event_id in event_ids:
        check(event_id)
    sweep(held)
    once = stored(held.database)
    assert {row[0] for row in once["plate_events"]} == {row[1] for row in once["verdicts"]}
    with held.database.transaction() as conn:
        [session] = sessions.get(conn, [session_id])
    assert session.settled_at is not None
    assert (session.offered, session.read, session.accounted) == (len(NUMBERS), len(NUMBERS), len(NUMBERS))

    group(session_id)
    for event_id in event_ids:
        check(event_id)
    sweep(held)
    assert stored(held.database) == once


def test_frames_and_plates_whose_pixels_are_gone_or_broken_are_counted(held, jpegs):
    session_id = a_session(held, [b"no picture", *jpegs[1:3]])
    with held.database.transaction() as conn:
        sessions.report(conn, session_id, IngestCounters(offered=4, sampled=4), ended=True, complete=True)
    detect(session_id, NUMBERS)
    plates = plates_of(held, session_id)
    frames.drop_crops(held.redis, session_id, [(frame, plate) for frame, plate in plates[:1]])
    frames.add_crops(held.redis, session_id, {(plates[1][0], plates[1][1]): b"no picture"})
    read(session_id, plates)
    rows = stored(held.database)
    assert {row[1]: row[3] for row in rows["frames"]} == {0: "failed", 1: "read", 2: "read", 3: "expired"}
    outcomes = {(row[1], row[2]): row[9] for row in rows["plate_reads"]}
    assert [outcomes[plate[0], plate[1]] for plate in plates[:2]] == ["expired", "failed"]
    assert None not in outcomes.values()


def test_a_sweep_and_a_detector_that_tell_of_the_same_frame_do_not_wait_for_each_other(held):
    with held.database.transaction() as conn:
        camera = sessions.camera_id(conn, "gate", toll_country="CZ")
        session_id = sessions.start(conn, camera=camera, source="gate", key="gate", is_live=True, expected_frames=None)
        sessions.report(conn, session_id, IngestCounters(offered=2, sampled=2))
    with held.redis.pipeline() as pipe:
        frames.add(pipe, session_id, a_frame(0))
        pipe.execute()
    assert frames.shed(held.redis, session_id, 1) == 1
    sweeper = threading.Thread(target=sweep, args=(held,))
    with held.database.transaction() as conn:  # the detector's: it finds that the frame has left Redis
        sessions.record(conn, session_id, [(1, START, FrameOutcome.NO_PLATE)])
        sweeper.start()
        wait_until_blocked(held.database)
        sessions.record(conn, session_id, [(0, None, FrameOutcome.EXPIRED)])
    sweeper.join(timeout=10)
    with held.database.transaction() as conn:
        (got,) = sessions.get(conn, [session_id])
    assert (got.no_plate, got.shed, got.expired) == (1, 1, 0)


def a_frame(number: int) -> StoredFrame:
    return StoredFrame(frame_no=number, captured_at=START, left_px=0, top_px=0, jpeg=b"x")


def test_a_frame_that_a_detector_looks_at_is_not_shed_meanwhile(redis):
    with redis.pipeline() as pipe:
        for number in range(5):
            frames.add(pipe, 1, a_frame(number))
        pipe.execute()
    assert set(frames.claim(redis, 1, [0, 1])) == {0, 1}
    assert frames.shed(redis, 1, 2) == 2
    assert frames.waiting(redis, 1, most=9) == [0, 1, 4]
    assert frames.remembered_shed(redis, 1) == [2, 3]
    assert frames.shed(redis, 1, 4) == 1
    frames.drop(redis, 1, [0, 1])
    assert frames.waiting(redis, 1, most=9) == []
    with redis.pipeline() as pipe:
        frames.add(pipe, 1, a_frame(5))
        pipe.execute()
    assert frames.shed(redis, 1, 4) == 1


def wait_until_blocked(database: Database) -> None:
    """Until a connection waits for what another has locked."""
    limit_s = time.monotonic() + 10
    with database.autocommit() as conn:
        while conn.execute("select 1 from pg_locks where not granted").fetchone() is None:
            assert time.monotonic() < limit_s
            time.sleep(0.01)
