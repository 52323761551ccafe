"""A new snapshot has the events judged again that it may change, and only those."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from anpr.types import Box, Candidate, PlateOutcome, Reading, Verdict, VerdictStatus, Vote
from anpr.vignette_lists import VignetteRow
from storage import plate_events, plate_reads, rejudging, sessions, verdicts, vignettes
from storage.db import Conn, Database
from storage.plate_reads import DetectedPlate

T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)


def a_row(plate: str, *, days: int = 30, is_withdrawn: bool = False) -> VignetteRow:
    return VignetteRow(
        toll_country="HU",
        plate=plate,
        plate_country="",
        kind="month",
        valid_from=T0,
        valid_to=T0 + timedelta(days=days),
        is_withdrawn=is_withdrawn,
    )


def a_snapshot(conn: Conn, *rows: VignetteRow, hours: int = 0) -> int:
    return vignettes.import_snapshot(
        conn, "HU", rows, vignettes.Origin(source="list.csv", sha256="", as_of=T0 + timedelta(hours=hours))
    )


def an_update(conn: Conn, *rows: VignetteRow, hours: int = 1) -> int:
    as_of = T0 + timedelta(hours=hours)
    return vignettes.update_snapshot(
        conn, "HU", rows, vignettes.Origin(source="changes.csv", sha256="", as_of=as_of)
    ).id


def a_closed_event(conn: Conn, plate: str, *, camera: str = "gate", country: str = "HU") -> int:
    camera_id = sessions.camera_id(conn, camera, toll_country=country)
    session_id = sessions.start(conn, camera=camera_id, source="x", key=plate, is_live=False, expected_frames=None)
    box = Box(x1=0, y1=0, x2=90, y2=20)
    seen = DetectedPlate(frame_no=0, plate_no=0, captured_at=T0, box=box, score=0.9, outcome=None)
    candidates = (Candidate(text=plate, confidence=0.9),)
    plate_reads.add_detected(conn, session_id, [seen])
    plate_reads.save(conn, session_id, (0, 0), PlateOutcome.READ, Reading(candidates=candidates))
    event_id = plate_events.create(conn, session_id, at=T0)
    plate_reads.assign(conn, session_id, [(0, 0)], event_id)
    vote = Vote(plate=plate, confidence=0.9, candidates=candidates, agreeing=1)
    plate_events.revote(conn, event_id, vote, plate_reads.of_event(conn, event_id, most=1)[0])
    plate_events.close(conn, session_id, before=None)
    return event_id


def a_verdict(
    status: VerdictStatus, *tried: str, snapshot: int | None, judge_again_at: datetime | None = None
) -> Verdict:
    return Verdict(
        status=status,
        reason="because",
        readings_tried=tried,
        vignette_id=None,
        snapshot_id=snapshot,
        rules_version="test",
        judge_again_at=judge_again_at,
    )


def judged(
    conn: Conn,
    status: VerdictStatus,
    *tried: str,
    snapshot: int | None,
    country: str = "HU",
    judge_again_at: datetime | None = None,
) -> int:
    event_id = a_closed_event(conn, tried[0], country=country, camera=country)
    verdicts.add(conn, event_id, 2, a_verdict(status, *tried, snapshot=snapshot, judge_again_at=judge_again_at))
    return event_id


@contextmanager
def after_first_list(database: Database) -> Iterator[tuple[Conn, int]]:
    """A transaction and the snapshot in force, of which nothing is left to be judged again."""
    with database.transaction() as conn:
        snapshot = a_snapshot(conn, a_row("1A1"), a_row("2B2"), a_row("3C3"))
        while rejudging.mark(conn, most=10):
            pass
    with database.transaction() as conn:
        yield conn, snapshot


def marked(conn: Conn, *, most: int = 10) -> list[int]:
    while rejudging.mark(conn, most=most):
        pass
    return plate_events.unjudged(conn)


def test_an_update_judges_again_what_its_rows_may_change(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with after_first_list(database) as (conn, first):
        corrected = judged(conn, VerdictStatus.VALID, "1A1", snapshot=first)
        looks_like_withdrawn = judged(conn, VerdictStatus.AMBIGUOUS, "ZB2", "2B2", snapshot=first)
        judged(conn, VerdictStatus.VALID, "3C3", snapshot=first)
        bought_late = judged(conn, VerdictStatus.SUSPECT, "4D4", snapshot=first)
        judged(conn, VerdictStatus.SUSPECT, "5E5", snapshot=first)
        judged(conn, VerdictStatus.UNREADABLE, "4D4", snapshot=first)
        parked = judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None)
        provisional = judged(conn, VerdictStatus.GRACE, "7G7", snapshot=first, judge_again_at=later)
        judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None, country="CZ")
        assert marked(conn) == []
        an_update(conn, a_row("1A1", days=31), a_row("2B2", is_withdrawn=True), a_row("3C3"), a_row("4D4"))
        assert marked(conn, most=3) == [corrected, looks_like_withdrawn, bought_late, parked, provisional]


def test_a_new_list_judges_again_only_where_it_says_something_else(database: Database) -> None:
    with after_first_list(database) as (conn, first):
        judged(conn, VerdictStatus.VALID, "1A1", snapshot=first)
        gone = judged(conn, VerdictStatus.VALID, "2B2", snapshot=first)
        second = a_snapshot(conn, a_row("1A1"), a_row("9Z9"), hours=2)
        assert marked(conn) == [gone]
        verdicts.add(conn, gone, 2, a_verdict(VerdictStatus.SUSPECT, "2B2", snapshot=second))
        assert plate_events.unjudged(conn) == []
        statuses = conn.execute("select status from verdicts where event_id = %s order by id", [gone]).fetchall()
        assert statuses == [("VALID",), ("SUSPECT",)]


def test_a_list_that_is_not_in_force_judges_nothing_again(database: Database) -> None:
    with after_first_list(database) as (conn, _):
        judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None)
        a_snapshot(conn, a_row("9Z9"), hours=-1)
        assert marked(conn) == []


def test_what_is_still_unknown_on_the_new_list_is_not_judged_for_ever(database: Database) -> None:
    with after_first_list(database) as (conn, _):
        parked = judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None)
        second = an_update(conn, a_row("9Z9"))
        assert marked(conn) == [parked]
        verdicts.add(conn, parked, 2, a_verdict(VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=second))
        assert marked(conn) == []


def test_an_erased_event_is_not_judged_again(database: Database) -> None:
    with after_first_list(database) as (conn, _):
        parked = judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None)
        conn.execute("update plate_events set erased_at = now(), plate = '' where id = %s", [parked])
        an_update(conn, a_row("9Z9"))
        assert marked(conn) == []


def test_the_same_judgement_again_stays_provisional(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with database.transaction() as conn:
        event_id = judged(conn, VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None, judge_again_at=T0)
        again = a_verdict(VerdictStatus.REGISTRY_UNKNOWN, "6F6", snapshot=None, judge_again_at=later)
        assert not verdicts.add(conn, event_id, 2, again)
        assert verdicts.in_force(conn, event_id) == again
