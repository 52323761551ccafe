"""Reads that come after the verdict: soon after, the event is judged anew; later they are kept, and change nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from passings import (
    OF_CZ,
    OTHER,
    PLATE,
    a_check_worker,
    a_session,
    closed_and_judged,
    history,
    reads,
    rows,
)
from structlog.testing import capture_logs

from storage import event_search, plate_events, plate_reads, sessions
from storage.db import Database
from storage.event_search import EventSearch
from workers import purge
from workers.check import group
from workers.process import Process
from workers.sweep import sweep


@pytest.fixture
def held(database, redis, tmp_path) -> Process:
    return a_check_worker(database, redis, tmp_path / "evidence")


def long_ago(database: Database) -> None:
    with database.transaction() as conn:
        conn.execute("update plate_events set closed_at = now() - interval '601 s'")


def late(database: Database) -> list[tuple[int, bool, str]]:
    with database.transaction() as conn:
        return conn.execute("select frame_no, is_late, text from plate_reads order by frame_no").fetchall()


def pictures(held: Process) -> set[Path]:
    return {path for path in held.evidence_dir.rglob("*") if path.is_file()}


def test_a_read_that_comes_soon_after_the_verdict_has_its_event_judged_anew(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    closed_and_judged(held, session_id)
    [first] = rows(held.database)
    assert (first.status, first.event.revision) == ("AMBIGUOUS", 2)

    reads(held, session_id, [1, 2])
    [again] = rows(held.database)
    assert (again.event.id, again.event.state, again.event.reads) == (first.event.id, "open", 3)
    closed_and_judged(held, session_id)
    assert rows(held.database)[0].status == "SUSPECT"
    assert history(held.database) == [(first.event.id, 2, "AMBIGUOUS"), (first.event.id, 3, "SUSPECT")]


def test_a_read_that_comes_long_after_the_verdict_is_kept_and_changes_nothing(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    closed_and_judged(held, session_id)
    long_ago(held.database)
    before, stored, kept = rows(held.database), history(held.database), pictures(held)

    with capture_logs() as logs:
        reads(held, session_id, [1, 2])
        reads(held, session_id, [3])
        group(session_id)
    assert rows(held.database) == before
    closed_and_judged(held, session_id)
    assert history(held.database) == stored
    assert late(held.database) == [(0, False, PLATE), (1, True, PLATE), (2, True, PLATE), (3, True, PLATE)]
    assert pictures(held) == kept
    assert [line["reads"] for line in logs if line["event"] == "reads.late"] == [2, 1]


def test_another_car_at_that_time_is_an_event_of_its_own_however_late_it_is_read(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1])
    closed_and_judged(held, session_id)
    long_ago(held.database)
    reads(held, session_id, [2, 3], plate=OTHER, wide=400)
    assert [row.event.plate for row in rows(held.database)] == [OTHER, PLATE]


def test_a_late_read_does_not_join_what_was_judged_long_ago_with_what_is_open(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    closed_and_judged(held, session_id)
    long_ago(held.database)
    reads(held, session_id, [50])
    [newer, older] = rows(held.database)
    reads(held, session_id, [25])
    assert [row.event.id for row in rows(held.database)] == [newer.event.id, older.event.id]
    [newer, again] = rows(held.database)
    assert again == older
    assert (newer.event.reads, newer.event.state) == (2, "open")


def test_an_event_that_opened_again_stays_closable_from_its_first_closing(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    closed_and_judged(held, session_id)
    with held.database.transaction() as conn:
        conn.execute("update plate_events set closed_at = now() - interval '599 s'")
    reads(held, session_id, [1])
    closed_and_judged(held, session_id)
    with held.database.transaction() as conn:
        [event_id] = [row.event.id for row in event_search.search(conn, EventSearch(), limit=9)]
        assert plate_events.final(conn, [event_id], late_s=600) == []
        assert plate_events.final(conn, [event_id], late_s=598) == [event_id]


def test_a_read_that_comes_after_its_event_was_erased_is_erased_with_it(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1, 2])
    closed_and_judged(held, session_id)
    sweep(held)
    purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(days=400))
    [erased] = rows(held.database)
    assert (erased.event.plate, erased.event.regions) == ("", ())
    stored = history(held.database)

    reads(held, session_id, [3, 4])
    closed_and_judged(held, session_id)
    assert rows(held.database) == [erased]
    assert history(held.database) == stored
    assert late(held.database) == [*((number, False, "") for number in range(3)), (3, True, ""), (4, True, "")]
    assert pictures(held) == set()
    with held.database.transaction() as conn:
        assert conn.execute("select regions from plate_reads where regions <> '[]'").fetchall() == []
        ledger = conn.execute("select event_id, outcome, rule, act, reads from erasures order by id").fetchall()
    assert ledger[1:] == [(erased.event.id, "SUSPECT", "late looks", "erased", 2)]


def test_an_event_tells_the_countries_that_text_and_looks_speak_for(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1], plate="BA123CD")
    [row] = rows(held.database)
    assert row.event.regions[0].country == "SK"
    with held.database.transaction() as conn:
        [read, _] = plate_reads.of_event(conn, row.event.id, most=9)
    assert read.regions == OF_CZ


def test_an_unpaid_plate_of_two_lines_is_no_suspect_where_motorcycles_need_no_vignette(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, range(3), wide=40)
    reads(held, session_id, range(100, 103), plate=OTHER)
    closed_and_judged(held, session_id)
    assert {row.event.plate: row.status for row in rows(held.database)} == {PLATE: "AMBIGUOUS", OTHER: "SUSPECT"}


def test_sweeping_after_a_late_read_settles_the_session_once_more(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    closed_and_judged(held, session_id)
    long_ago(held.database)
    with held.database.transaction() as conn:
        conn.execute("update sessions set ended_at = now(), seen_at = now(), complete = true")
    reads(held, session_id, [1])
    sweep(held)
    with held.database.transaction() as conn:
        assert sessions.get(conn, [session_id])[0].settled_at is not None
