"""Suspicions become cases: late, on a list that knows all, one a car and day; and stop being ones."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis import Redis
from suspects import (
    DUE,
    HOUR,
    MORNING,
    OTHER,
    PLATE,
    a_list,
    a_passing,
    a_vignette_row,
    a_worker,
    judge_all,
    settle,
    vote,
)

from anpr.cases import CaseState, Why
from anpr.errors import Unavailable
from anpr.registry import Answer
from anpr.vignettes import Snapshot
from storage import cases, plate_events, suspicions, vignettes
from storage.cases import CaseFilter, CaseRow
from storage.db import Conn, Database
from workers import cases as working
from workers.process import Process

DAY = timedelta(days=1)


@pytest.fixture
def worker(database: Database, redis: Redis) -> Iterator[Process]:
    with a_worker(database, redis) as one:
        yield one


def found(worker: Process) -> list[CaseRow]:
    """All cases, oldest first."""
    with worker.database.transaction() as conn:
        return sorted(cases.find(conn, CaseFilter(), limit=100), key=lambda row: row.id)


def members(worker: Process) -> list[tuple[CaseState, tuple[int, ...]]]:
    return [(row.state, row.event_ids) for row in found(worker)]


def waits_for(worker: Process) -> list[str]:
    with worker.database.transaction() as conn:
        return [one.why for one in suspicions.waiting(conn)]


def lines(worker: Process, case_id: int) -> list[str]:
    with worker.database.transaction() as conn:
        return [f"{one.what} {one.why}".strip() for one in cases.history(conn, case_id)]


def session_of(conn: Conn, event_id: int) -> int:
    row = plate_events.get(conn, event_id)
    assert row is not None
    return row.event.session_id


def decided(worker: Process, state: CaseState) -> None:
    with worker.database.transaction() as conn:
        conn.execute("update cases set state = %s, decided_at = now()", [state.value])


def test_a_suspicion_becomes_a_case_when_the_wait_is_over(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        event = a_passing(conn)
    settle(worker, now=MORNING + 2 * HOUR)
    assert (members(worker), waits_for(worker)) == ([], [Why.TIME.value])
    settle(worker, now=MORNING + 30 * HOUR)
    assert members(worker) == []
    settle(worker)
    assert (members(worker), waits_for(worker)) == ([(CaseState.PENDING, (event,))], [])
    [case] = found(worker)
    assert case.period_from <= MORNING < case.period_to
    assert case.plate == ""  # people are yet to read it
    assert lines(worker, case.id) == ["opened", "event added"]


def test_a_list_that_cannot_know_what_was_bought_until_the_passing_opens_no_case(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn, as_of=MORNING - HOUR)
        event = a_passing(conn)
    settle(worker)
    assert (members(worker), waits_for(worker)) == ([], [Why.LIST.value])
    with worker.database.transaction() as conn:
        second = a_list(conn, as_of=MORNING + HOUR)
    settle(worker, now=DUE + HOUR)
    assert members(worker) == [(CaseState.PENDING, (event,))]
    with worker.database.transaction() as conn:
        judged = conn.execute("select status, snapshot_id from verdicts order by id").fetchall()
    assert [status for status, _ in judged] == ["SUSPECT", "SUSPECT"]
    assert judged[1][1] == second


def test_a_passing_is_judged_again_on_the_newest_list_before_it_becomes_a_case(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        a_passing(conn)
    judge_all(worker)
    with worker.database.transaction() as conn:
        a_list(conn, a_vignette_row(), as_of=MORNING + 10 * HOUR)
    # The sweep comes before anybody has judged what the new list changes.
    assert working.settle(worker.database, worker.settings, now=DUE) == 1
    assert (members(worker), waits_for(worker)) == ([], [Why.RECHECK.value])
    settle(worker, now=DUE + HOUR)
    assert (members(worker), waits_for(worker)) == ([], [])


def test_passings_of_a_car_in_one_period_are_one_case_whatever_camera_saw_them(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn, as_of=MORNING + 2 * DAY)
        first = a_passing(conn, camera="gate")
        second = a_passing(conn, camera="bridge", at=MORNING + 5 * HOUR)
        other = a_passing(conn, OTHER)
        next_day = a_passing(conn, at=MORNING + DAY)
    for _ in range(2):
        settle(worker, now=DUE + DAY)
        assert {row.event_ids: row.cameras for row in found(worker)} == {
            (first, second): ("bridge", "gate"),
            (other,): ("gate",),
            (next_day,): ("gate",),
        }


PASSINGS = st.lists(
    st.tuples(st.sampled_from([PLATE, "1A2345G", OTHER]), st.integers(0, 2), st.sampled_from(["gate", "bridge"])),
    min_size=1,
    max_size=4,
)


@examples(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PASSINGS, st.booleans())
def test_the_cases_do_not_depend_on_what_came_first(
    worker: Process, passings: Sequence[tuple[str, int, str]], at_once: bool
) -> None:
    with worker.database.transaction() as conn:
        conn.execute("truncate case_changes, suspicions, cases, verdicts, plate_reads, plate_events cascade")
        a_list(conn, as_of=MORNING + 2 * DAY)
    want: dict[tuple[str, int], set[int]] = {}
    for plate, day, camera in passings:
        with worker.database.transaction() as conn:
            event = a_passing(conn, plate, camera=camera, at=MORNING - day * DAY)
        want.setdefault((plate, day), set()).add(event)
        if not at_once:
            settle(worker)
    settle(worker)
    with worker.database.transaction() as conn:
        rows = conn.execute(
            "select c.plate, array_agg(s.event_id) from cases c join suspicions s on s.case_id = c.id"
            " where s.state = 'in_case' group by c.id, c.plate"
        ).fetchall()
    assert sorted((plate, tuple(sorted(ids))) for plate, ids in rows) == sorted(
        (plate, tuple(sorted(ids))) for (plate, _), ids in want.items()
    )


def test_a_case_without_a_suspected_passing_is_withdrawn_and_keeps_its_history(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        event = a_passing(conn)
    settle(worker)
    with worker.database.transaction() as conn:
        a_list(conn, a_vignette_row(), as_of=MORNING + 10 * HOUR)
    settle(worker)
    [case] = found(worker)
    assert (case.state, case.event_ids, case.plate) == (CaseState.WITHDRAWN, (), PLATE)
    assert lines(worker, case.id) == [
        "opened",
        "event added",
        f"event withdrawn {Why.CLEARED}",
        "withdrawn",
    ]
    with worker.database.transaction() as conn:  # an update withdraws the vignette
        gone = a_vignette_row()
        vignettes.update_snapshot(
            conn,
            "CZ",
            [_withdrawn(gone), a_vignette_row("8Y88888")],
            vignettes.Origin(source="changes.csv", sha256="", as_of=MORNING + 11 * HOUR),
        )
    settle(worker)
    assert members(worker) == [(CaseState.PENDING, (event,))]
    assert found(worker)[0].id == case.id


def _withdrawn(row: vignettes.VignetteRow) -> vignettes.VignetteRow:
    return vignettes.VignetteRow(
        toll_country=row.toll_country,
        plate=row.plate,
        plate_country=row.plate_country,
        kind=row.kind,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        is_withdrawn=True,
    )


def test_a_list_that_only_leaves_out_what_an_earlier_one_had_accuses_nobody(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn, a_vignette_row(days=1))
        paid = a_passing(conn)
        later = a_passing(conn, at=MORNING + HOUR)
    judge_all(worker)
    with worker.database.transaction() as conn:
        a_list(conn, as_of=MORNING + 30 * HOUR)
    settle(worker)
    with worker.database.transaction() as conn:
        in_force = conn.execute("select distinct on (event_id) status from verdicts order by event_id, id desc")
        assert {row[0] for row in in_force} == {"SUSPECT"}
    assert (members(worker), waits_for(worker)) == ([], [Why.PAID.value])
    assert paid != later


def test_a_passing_that_is_cleared_has_the_rest_of_a_confirmed_case_reviewed_anew(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        first, second = a_passing(conn), a_passing(conn, camera="bridge", at=MORNING + 5 * HOUR)
    settle(worker)
    decided(worker, CaseState.CONFIRMED)
    with worker.database.transaction() as conn:  # valid in the morning alone
        row = a_vignette_row()
        short = vignettes.VignetteRow(
            toll_country="CZ",
            plate=PLATE,
            plate_country="",
            kind="x",
            valid_from=row.valid_from,
            valid_to=MORNING + HOUR,
        )
        a_list(conn, short, as_of=MORNING + 10 * HOUR)
    settle(worker)
    assert members(worker) == [(CaseState.PENDING, (second,))]
    assert first not in found(worker)[0].event_ids


def test_what_people_decided_takes_no_more_passings(worker: Process) -> None:
    for place, state in enumerate((CaseState.CONFIRMED, CaseState.OVERTURNED, CaseState.UNCLEAR)):
        plate = f"{place}A23456"
        with worker.database.transaction() as conn:
            conn.execute("truncate suspicions, case_changes, cases cascade")
            a_list(conn)
            first = a_passing(conn, plate)
        settle(worker)
        decided(worker, state)
        with worker.database.transaction() as conn:
            a_passing(conn, plate, camera="bridge", at=MORNING + HOUR)
        settle(worker)
        assert members(worker) == [(state, (first,))]
        with worker.database.transaction() as conn:
            states = conn.execute("select state, why from suspicions order by id").fetchall()
        assert states == [("in_case", ""), ("left_out", Why.DECIDED.value)]


def test_an_event_that_became_part_of_another_leaves_its_case(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        event, other = a_passing(conn), a_passing(conn, OTHER)
    settle(worker)
    with worker.database.transaction() as conn:
        plate_events.merge(conn, other, [event])
    settle(worker)
    assert members(worker) == [(CaseState.WITHDRAWN, ()), (CaseState.PENDING, (other,))]
    assert f"event withdrawn {Why.MERGED}" in lines(worker, found(worker)[0].id)


def test_an_event_whose_plate_turns_out_to_be_another_moves_to_that_ones_case(worker: Process) -> None:
    with worker.database.transaction() as conn:
        a_list(conn)
        event, other = a_passing(conn), a_passing(conn, OTHER, camera="bridge")
    settle(worker)
    with worker.database.transaction() as conn:
        vote(conn, event, session_of(conn, event), OTHER)
    settle(worker)
    assert members(worker) == [(CaseState.WITHDRAWN, ()), (CaseState.PENDING, (event, other))]


class Asked:
    """A registry elsewhere that knows no vignette, and can be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.count = 0

    def ask(self, toll_country: str, plates: Sequence[str]) -> Answer:
        if self.is_away:
            raise Unavailable("away")
        self.count += len(plates)
        return Answer(snapshot=Snapshot(id=0, toll_country=toll_country, as_of=datetime.now(UTC)), vignettes=())


def test_a_registry_elsewhere_is_asked_once_more_before_a_case_is_opened(database: Database, redis: Redis) -> None:
    registry = Asked()
    with a_worker(database, redis, registry=registry) as worker:
        with database.transaction() as conn:
            event = a_passing(conn)
        judge_all(worker)
        asked = registry.count
        assert working.settle(database, worker.settings, now=DUE) == 1
        registry.is_away = True
        judge_all(worker)
        working.settle(database, worker.settings, now=DUE + HOUR)
        assert members(worker) == []
        registry.is_away = False
        with database.transaction() as conn:
            conn.execute("update verdicts set judge_again_at = now() where judge_again_at is not null")
        settle(worker, now=DUE + 2 * HOUR)
        assert registry.count > asked
        assert members(worker) == [(CaseState.PENDING, (event,))]
