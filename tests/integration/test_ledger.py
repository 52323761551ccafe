"""Every frame ends in exactly one counter, whatever is told how often and in whatever order."""

from datetime import timedelta

import pytest
from builders import NOON, a_box
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anpr.types import Candidate, FrameOutcome, PlateOutcome, Reading
from storage import plate_reads, sessions
from storage.db import Conn, Database
from storage.plate_reads import DetectedPlate
from storage.sessions import IngestCounters, Session

READ, NO_PLATE, SHED, EXPIRED = FrameOutcome.READ, FrameOutcome.NO_PLATE, FrameOutcome.SHED, FrameOutcome.EXPIRED


def begin(conn: Conn, *, is_live: bool = False, key: str = "k", camera: str = "gate") -> int:
    camera_id = sessions.camera_id(conn, camera, toll_country="CZ")
    return sessions.start(conn, camera=camera_id, source="clip.mp4", key=key, is_live=is_live, expected_frames=None)


def told(conn: Conn, session_id: int, *outcomes: tuple[int, FrameOutcome]) -> None:
    sessions.record(
        conn, session_id, [(number, NOON + timedelta(seconds=number), outcome) for number, outcome in outcomes]
    )


def session(conn: Conn, session_id: int) -> Session:
    return sessions.get(conn, [session_id])[0]


def a_plate(frame_no: int, *, outcome: PlateOutcome | None = None) -> DetectedPlate:
    return DetectedPlate(frame_no=frame_no, plate_no=0, captured_at=NOON, box=a_box(), score=0.9, outcome=outcome)


def test_the_first_outcome_of_a_frame_stays(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, READ), (1, NO_PLATE))
        told(conn, number, (0, EXPIRED), (1, READ))
        got = session(conn, number)
    assert (got.read, got.no_plate, got.expired) == (1, 1, 0)


def test_a_frame_that_was_shed_is_not_called_expired(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, EXPIRED), (1, SHED))
        told(conn, number, (0, SHED), (1, EXPIRED))
        got = session(conn, number)
    assert (got.shed, got.expired) == (2, 0)


def test_folding_changes_no_count_and_empties_the_ledger(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, READ), (1, NO_PLATE), (2, NO_PLATE), (4, READ))
        before = session(conn, number)
        sessions.fold(conn, number)
        after = session(conn, number)
        left = conn.execute("select frame_no from frames").fetchall()
    assert left == [(4,)]
    assert (before.read, before.no_plate) == (after.read, after.no_plate) == (2, 2)
    assert after.watermark == NOON + timedelta(seconds=2)


def test_a_frame_folded_long_ago_is_not_counted_again(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, READ), (1, READ))
        sessions.fold(conn, number)
        told(conn, number, (0, EXPIRED), (1, READ))
        sessions.fold(conn, number)
        assert session(conn, number).accounted == 2


def test_a_frame_is_not_folded_before_its_plates_are_read(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, NO_PLATE), (1, READ), (2, NO_PLATE))
        plate_reads.add_detected(conn, number, [a_plate(1)])
        sessions.fold(conn, number)
        assert conn.execute("select counted from sessions").fetchone() == (1,)
        plate_reads.save(conn, number, (1, 0), PlateOutcome.UNREADABLE, Reading(candidates=()))
        sessions.fold(conn, number)
        assert conn.execute("select counted from sessions").fetchone() == (3,)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(list(FrameOutcome))), max_size=40), st.integers(1, 5))
def test_any_telling_in_any_order_counts_each_frame_once(
    database: Database, telling: list[tuple[int, FrameOutcome]], fold_every: int
) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        for place, one in enumerate(telling):
            told(conn, number, one)
            if place % fold_every == 0:
                sessions.fold(conn, number)
        assert session(conn, number).accounted == len({frame for frame, _ in telling})


def test_missing_frames_are_those_handed_over_without_an_outcome(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        sessions.report(conn, number, IngestCounters(offered=10, sampled_out=5, sampled=5))
        told(conn, number, (0, READ), (2, READ))
        sessions.fold(conn, number)
        assert sessions.missing(conn, number) == [1, 3, 4]


def test_a_session_settles_only_when_nothing_is_left_to_do(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        sessions.report(conn, number, IngestCounters(offered=2, sampled=2), ended=True, complete=True)
        told(conn, number, (0, READ))
        sessions.fold(conn, number)
        assert not sessions.settle(conn, number)
        told(conn, number, (1, NO_PLATE))
        sessions.fold(conn, number)
        assert sessions.settle(conn, number)
        assert not sessions.settle(conn, number)
        assert sessions.unsettled(conn) == []


def test_an_ingest_that_went_silent_is_ended_with_what_is_known(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        sessions.report(conn, number, IngestCounters(offered=4, sampled_out=2, sampled=2))
        told(conn, number, (0, READ), (1, READ), (2, NO_PLATE))
        conn.execute("update sessions set seen_at = now() - interval '1 minute'")
        assert sessions.end_orphans(conn, silent_s=30) == [number]
        sessions.fold(conn, number)
        assert sessions.settle(conn, number)
        got = session(conn, number)
    assert (got.sampled, got.offered, got.accounted) == (3, 5, 3)


def test_an_interrupted_file_is_taken_up_where_it_was(database: Database) -> None:
    with database.transaction() as conn:
        number = begin(conn)
        told(conn, number, (0, READ), (1, NO_PLATE), (2, NO_PLATE))
        sessions.fold(conn, number)
        told(conn, number, (3, READ))
        sessions.report(conn, number, IngestCounters(offered=4, sampled=4), ended=True)
        camera = session(conn, number).camera_id
        assert sessions.resume(conn, camera=camera, key="another") is None
        assert sessions.resume(conn, camera=camera, key="k") == (number, 4)
        assert session(conn, number).ended_at is None


def test_a_finished_or_given_up_file_is_not_taken_up(database: Database) -> None:
    with database.transaction() as conn:
        done, left = begin(conn, camera="done"), begin(conn, camera="left")
        sessions.report(conn, done, IngestCounters(), ended=True, complete=True)
        sessions.report(conn, left, IngestCounters(), ended=True)
        sessions.give_up_unfinished(conn, ["left"])
        for number in (done, left):
            assert sessions.resume(conn, camera=session(conn, number).camera_id, key="k") is None


def test_a_retried_job_does_not_store_a_plate_or_its_read_twice(database: Database) -> None:
    reading = Reading(candidates=(Candidate(text="1A23456", confidence=0.9),))
    other = Reading(candidates=(Candidate(text="XXXXXXX", confidence=0.9),))
    with database.transaction() as conn:
        number = begin(conn)
        for _ in range(2):
            plate_reads.add_detected(conn, number, [a_plate(0), a_plate(1, outcome=PlateOutcome.TOO_SMALL)])
        assert plate_reads.save(conn, number, (0, 0), PlateOutcome.READ, reading)
        assert not plate_reads.save(conn, number, (0, 0), PlateOutcome.READ, other)
        assert not plate_reads.save(conn, number, (1, 0), PlateOutcome.READ, other)
        assert plate_reads.outcomes(conn, [number]) == {PlateOutcome.READ: 1, PlateOutcome.TOO_SMALL: 1}
        (stored,) = plate_reads.ungrouped(conn, number)
    assert stored.text == "1A23456"
    assert stored.confidence == pytest.approx(0.9)
