"""People correct plates: the event is judged again by their word, and what was read, voted and judged before stays."""

from datetime import UTC, datetime, timedelta

import pytest
from commands import Ran, run
from passings import OTHER, PAID, PLATE, a_check_worker, a_session, closed_and_judged, history, reads, rows

from anpr.errors import BadInput
from cli.correct import correct
from cli.events import events as events_command
from cli.explain import explain
from storage import corrections, event_search, plate_events, sessions
from storage.event_search import EventSearch
from workers import purge
from workers.process import Process
from workers.sweep import sweep


@pytest.fixture
def held(database, redis, tmp_path) -> Process:
    return a_check_worker(database, redis, tmp_path / "evidence")


def corrected(database_url: str, *words: object) -> Ran:
    return run(correct, *words, "--as", "officer 7", "--reason", "seen in the picture", DATABASE_URL=database_url)


def a_settled_suspect(held: Process) -> int:
    session_id = a_session(held)
    reads(held, session_id, [0, 1, 2])
    closed_and_judged(held, session_id)
    with held.database.transaction() as conn:
        conn.execute("update sessions set ended_at = now(), complete = true")
    sweep(held)
    [row] = rows(held.database)
    assert row.status == "SUSPECT"
    return row.event.id


def test_a_corrected_event_is_judged_again_and_its_vote_and_history_stay(held: Process, database_url: str) -> None:
    event_id = a_settled_suspect(held)
    ran = corrected(database_url, event_id, "8c8-1928")
    assert (ran.status, ran.error) == (0, None)
    assert ran.out == f"Event {event_id} is judged again by the corrected plate as soon as a check worker runs.\n"
    sweep(held)
    closed_and_judged(held, 1)
    [row] = rows(held.database)
    assert (row.status, row.event.plate, row.event.corrected_plate) == ("VALID", PLATE, PAID)
    assert row.event.candidates[0].text == PLATE
    assert history(held.database) == [(event_id, 2, "SUSPECT"), (event_id, 3, "VALID")]
    sweep(held)
    with held.database.transaction() as conn:
        assert sessions.get(conn, [row.event.session_id])[0].settled_at is not None
        assert conn.execute("select distinct text from plate_reads").fetchall() == [(PLATE,)]

    told = run(explain, event_id, DATABASE_URL=database_url).out
    assert f"saw the plate {PLATE} (3 of 3 looks agree" in told
    assert f"Somebody who looked at it says that the plate is {PAID}: that is what was judged." in told
    listed = run(events_command, "--plate", PAID, DATABASE_URL=database_url).out
    assert f"{PLATE}→{PAID}" in listed


def test_a_correction_is_withdrawn_and_both_are_remembered(held: Process, database_url: str) -> None:
    event_id = a_settled_suspect(held)
    corrected(database_url, event_id, PAID)
    closed_and_judged(held, 1)
    assert corrected(database_url, event_id, "--withdraw").status == 0
    closed_and_judged(held, 1)
    [row] = rows(held.database)
    assert (row.status, row.event.corrected_plate) == ("SUSPECT", None)
    assert [status for _, _, status in history(held.database)] == ["SUSPECT", "VALID", "SUSPECT"]
    with held.database.transaction() as conn:
        said = corrections.of_event(conn, event_id)
    assert [(one.plate, one.who, one.reason) for one in said] == [
        (PAID, "officer 7", "seen in the picture"),
        (None, "officer 7", "seen in the picture"),
    ]


def test_reads_that_come_later_change_the_vote_but_not_the_correction(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1])
    [row] = rows(held.database)
    with held.database.transaction() as conn:
        corrections.add(conn, row.event.id, OTHER, who="a", reason="b")
    reads(held, session_id, [2])
    closed_and_judged(held, session_id)
    [row] = rows(held.database)
    assert (row.event.corrected_plate, row.event.reads, row.event.plate) == (OTHER, 3, PLATE)
    with held.database.transaction() as conn:
        assert conn.execute("select readings_tried from verdicts").fetchall() == [([OTHER],)]


def test_events_that_turn_out_to_be_one_keep_the_correction(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0])
    reads(held, session_id, [50])
    [newer, older] = rows(held.database)
    with held.database.transaction() as conn:
        corrections.add(conn, newer.event.id, OTHER, who="a", reason="b")
        corrections.add(conn, older.event.id, PAID, who="a", reason="b")
        corrections.add(conn, older.event.id, None, who="a", reason="b")
    reads(held, session_id, [25])
    [row] = rows(held.database)
    assert (row.event.corrected_plate, row.event.reads) == (OTHER, 3)
    with held.database.transaction() as conn:
        assert len(corrections.of_event(conn, row.event.id)) == 3


def test_an_event_that_is_only_readable_by_its_correction_is_joined_to_no_other_car(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1], plate="XY")
    [row] = rows(held.database)
    with held.database.transaction() as conn:
        corrections.add(conn, row.event.id, OTHER, who="a", reason="b")
        assert plate_events.votes_of(conn, [row.event.id])[row.event.id].text == OTHER
    reads(held, session_id, [2, 3, 4])
    closed_and_judged(held, session_id)
    assert {(one.event.corrected_plate, one.status) for one in rows(held.database)} == {
        (OTHER, "SUSPECT"),
        (None, "SUSPECT"),
    }


def test_what_was_corrected_is_erased_with_its_event(held: Process, database_url: str) -> None:
    event_id = a_settled_suspect(held)
    corrected(database_url, event_id, PAID)
    closed_and_judged(held, 1)
    sweep(held)
    purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(hours=25))
    with held.database.transaction() as conn:
        said = corrections.of_event(conn, event_id)
        [row] = event_search.search(conn, EventSearch(), limit=9)
    assert [(one.plate, one.who, one.reason) for one in said] == [("", "officer 7", "erased")]
    assert (row.event.plate, row.event.corrected_plate, row.event.regions) == ("", "", ())
    again = corrected(database_url, event_id, PAID)
    assert isinstance(again.error, BadInput)
    assert "is erased" in str(again.error)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("9", PLATE), "there is no event 9"),
        (("9", "!!"), "'!!' is no plate: it must have 4 to 12 letters and digits"),
        (("9",), "give either the PLATE that it is, or --withdraw"),
        (("9", PLATE, "--withdraw"), "give either the PLATE that it is, or --withdraw"),
    ],
)
def test_a_wrong_correction_is_refused_in_one_line(database_url: str, words: tuple[str, ...], why: str) -> None:
    ran = corrected(database_url, *words)
    assert isinstance(ran.error, BadInput)
    assert str(ran.error) == why


def test_what_nobody_corrected_cannot_be_withdrawn(held: Process, database_url: str) -> None:
    event_id = a_settled_suspect(held)
    ran = corrected(database_url, event_id, "--withdraw")
    assert str(ran.error) == f"nobody has corrected event {event_id}"
    nameless = run(correct, event_id, PAID, "--as", " ", "--reason", "x", DATABASE_URL=database_url)
    assert str(nameless.error) == "a correction must say who corrects the plate, and why"
