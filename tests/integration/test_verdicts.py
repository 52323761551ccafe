"""Verdicts in Postgres: the newest is in force and explained, a provisional one is judged again in time."""

from datetime import UTC, datetime, timedelta

from commands import Ran, run

from anpr.errors import BadInput
from anpr.types import Box, Candidate, PlateOutcome, Reading, Verdict, VerdictStatus, Vote
from cli.explain import explain
from storage import plate_events, plate_reads, sessions, verdicts
from storage.db import Conn, Database
from storage.plate_reads import DetectedPlate

T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)
PLATE = (Candidate(text="1A23456", confidence=0.9),)


def a_closed_event(conn: Conn) -> int:
    camera_id = sessions.camera_id(conn, "gate", toll_country="HU")
    session_id = sessions.start(conn, camera=camera_id, source="x", key="x", is_live=False, expected_frames=None)
    box = Box(x1=0, y1=0, x2=90, y2=20)
    seen = DetectedPlate(frame_no=0, plate_no=0, captured_at=T0, box=box, score=0.9, outcome=None)
    plate_reads.add_detected(conn, session_id, [seen])
    plate_reads.save(conn, session_id, (0, 0), PlateOutcome.READ, Reading(candidates=PLATE))
    event_id = plate_events.create(conn, session_id, at=T0)
    plate_reads.assign(conn, session_id, [(0, 0)], event_id)
    vote = Vote(plate="1A23456", confidence=0.9, candidates=PLATE, agreeing=1)
    plate_events.revote(conn, event_id, vote, plate_reads.of_event(conn, event_id, most=1)[0])
    plate_events.close(conn, session_id, before=None)
    return event_id


def a_verdict(status: VerdictStatus, *, judge_again_at: datetime | None = None) -> Verdict:
    return Verdict(
        status=status,
        reason="because",
        readings_tried=("1A23456",),
        vignette_id=None,
        snapshot_id=None,
        rules_version="test",
        judge_again_at=judge_again_at,
    )


def test_the_newest_verdict_is_in_force_whole(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with database.transaction() as conn:
        event_id = a_closed_event(conn)
        assert verdicts.in_force(conn, event_id) is None
        for verdict in (a_verdict(VerdictStatus.GRACE, judge_again_at=later), a_verdict(VerdictStatus.VALID)):
            assert verdicts.add(conn, event_id, 2, verdict)
            assert verdicts.in_force(conn, event_id) == verdict
        assert not verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.VALID))


def test_a_provisional_verdict_is_judged_again_when_its_time_has_come_and_once(database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as conn:
        event_id = a_closed_event(conn)
        assert plate_events.unjudged(conn) == [event_id]
        verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.GRACE, judge_again_at=now + timedelta(hours=1)))
        assert plate_events.unjudged(conn) == []
        conn.execute("update verdicts set judge_again_at = %(past)s", {"past": now - timedelta(hours=1)})
        assert plate_events.unjudged(conn) == [event_id]
        verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.SUSPECT))
        assert plate_events.unjudged(conn) == []


def test_an_event_is_explained_once_it_is_judged(database_url: str, database: Database) -> None:
    def explained(event_id: int) -> Ran:
        return run(explain, event_id, DATABASE_URL=database_url)

    with database.transaction() as conn:
        event_id = a_closed_event(conn)
    assert explained(event_id) == Ran(status=1, out=f"Event {event_id} has not been judged yet.\n", err="", error=None)
    with database.transaction() as conn:
        verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.SUSPECT))
    told = explained(event_id)
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith('On 2026-05-01 at 12:00:00 CEST the camera "gate" saw the plate 1A23456 (1 of 1 looks')
    assert "SUSPECT. No valid vignette was found: because. This is a suspicion, not a decision." in told.out
    assert isinstance(explained(event_id + 1).error, BadInput)
