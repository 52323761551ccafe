"""People review cases: one at a time, blind, two who agree; what they said is counted, and forgotten in time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import Ran, run
from redis import Redis
from suspects import DUE, HOUR, MORNING, OTHER, PLATE, a_list, a_passing, a_vignette_row, a_worker, settle

from anpr.cases import Answer, CaseState, Review
from anpr.errors import BadInput
from anpr.retention import Periods
from anpr.types import VerdictStatus
from cli.cases import CSV_COLUMNS
from cli.cases import cases as cases_command
from cli.review import app as review_command
from storage import cases, reviews
from storage.db import Database
from storage.reviews import Outcomes, Shown
from workers import purge
from workers.process import Process

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def worker(database: Database, redis: Redis) -> Iterator[Process]:
    with a_worker(database, redis) as one:
        yield one


def a_case(worker: Process, plate: str = PLATE, *, cameras: tuple[str, ...] = ("gate",)) -> int:
    """An open case of passings at these cameras; its number."""
    with worker.database.transaction() as conn:
        a_list(conn)
        events = [a_passing(conn, plate, camera=camera) for camera in cameras]
    settle(worker)
    with worker.database.transaction() as conn:
        row = conn.execute("select case_id from suspicions where event_id = %s", events[:1]).fetchone()
    assert row is not None
    return row[0]


def handed(worker: Process, who: str, *, now: datetime = NOW) -> Shown | None:
    with worker.database.transaction() as conn:
        return reviews.claim(conn, who, hold_s=900, now=now)


def say(
    worker: Process, who: str, answer: Answer = Answer.CONFIRM, plate: str = PLATE, *, now: datetime = NOW
) -> CaseState:
    """Have the person handed the next case and answer it; its state then."""
    shown = handed(worker, who, now=now)
    assert shown is not None
    return told(worker, shown.case_id, who, answer, plate, now=now)


def told(
    worker: Process,
    case: int,
    who: str,
    answer: Answer = Answer.CONFIRM,
    plate: str = PLATE,
    *,
    reason: str | None = None,
    now: datetime = NOW,
) -> CaseState:
    with worker.database.transaction() as conn:
        review = Review(reviewer=who, answer=answer, plate=plate)
        why = ("a tractor" if answer is Answer.OVERTURN else "") if reason is None else reason
        return reviews.answer(conn, case, review, reason=why, now=now)


def state(worker: Process, case: int) -> CaseState:
    with worker.database.transaction() as conn:
        row = cases.get(conn, case)
    assert row is not None
    return row.state


def test_two_people_who_saw_neither_plate_nor_answer_confirm_a_case(worker: Process) -> None:
    case = a_case(worker)
    shown = handed(worker, "ann")
    assert shown is not None
    [event] = shown.events
    assert (shown.case_id, event.camera, event.agreeing, event.reads) == (case, "gate", 2, 2)
    assert event.reason == "no vignette for CZ"
    assert [path.rsplit("/", 1)[1] for path in event.pictures] == ["1-0.jpg", "0-0.jpg"]
    assert told(worker, case, "ann") is CaseState.IN_REVIEW
    second = handed(worker, "bob")
    assert PLATE not in f"{shown}{second}"
    assert "ann" not in f"{second}"
    assert told(worker, case, "bob", plate="1a2 34-56") is CaseState.CONFIRMED
    assert handed(worker, "cid") is None


def test_nobody_is_a_second_person_by_spelling_the_name_otherwise(worker: Process) -> None:
    case = a_case(worker)
    say(worker, "Ann Smith")
    assert handed(worker, " ann  SMITH") is None
    with pytest.raises(BadInput, match="is not with ann smith"):
        told(worker, case, "ANN SMITH")
    assert state(worker, case) is CaseState.IN_REVIEW


def test_two_people_do_not_get_the_same_case_at_once(worker: Process) -> None:
    first, second = a_case(worker), a_case(worker, OTHER)
    with worker.database.transaction() as one, worker.database.transaction() as another:
        ann = reviews.claim(one, "ann", hold_s=900, now=NOW)
        bob = reviews.claim(another, "bob", hold_s=900, now=NOW)
        assert (ann and ann.case_id, bob and bob.case_id) == (first, second)
    assert handed(worker, "cid") is None
    again = handed(worker, "ann")
    assert again is not None
    assert again.case_id == first


def test_a_case_that_somebody_kept_too_long_is_handed_to_others(worker: Process) -> None:
    case = a_case(worker)
    handed(worker, "ann")
    late = handed(worker, "bob", now=NOW + timedelta(seconds=901))
    assert late is not None
    with pytest.raises(BadInput, match=f"case {case} is not with ann"):
        told(worker, case, "ann")
    assert told(worker, case, "bob") is CaseState.IN_REVIEW


def test_a_third_person_decides_where_two_disagree(worker: Process) -> None:
    case = a_case(worker)
    assert say(worker, "ann") is CaseState.IN_REVIEW
    assert say(worker, "bob", Answer.OVERTURN, "") is CaseState.DISPUTED
    assert handed(worker, "ann") is None
    assert say(worker, "cid", Answer.OVERTURN, "") is CaseState.OVERTURNED
    assert state(worker, case) is CaseState.OVERTURNED


@pytest.mark.parametrize(
    ("answer", "plate", "reason", "message"),
    [
        (Answer.CONFIRM, " - ", "", "which one is to be seen"),
        (Answer.OVERTURN, "", " ", "say why the suspicion is wrong"),
        (Answer.OVERTURN, "", "it is 1A2-3456 after all", "the reason names the plate"),
        (Answer.OVERTURN, "7T77777", "rather 7t7 7777", "the reason names the plate"),
    ],
)
def test_an_answer_that_is_not_whole_or_names_the_plate_is_refused(
    worker: Process, answer: Answer, plate: str, reason: str, message: str
) -> None:
    case = a_case(worker)
    handed(worker, "ann")
    with pytest.raises(BadInput, match=message):
        told(worker, case, "ann", answer, plate, reason=reason)
    assert state(worker, case) is CaseState.PENDING


def test_nobody_answers_what_was_not_handed_out_or_is_decided(worker: Process) -> None:
    case = a_case(worker)
    with pytest.raises(BadInput, match="there is no case 99"):
        told(worker, 99, "ann")
    with pytest.raises(BadInput, match="is not with ann"):
        told(worker, case, "ann")
    say(worker, "ann", Answer.UNREADABLE, "")
    assert say(worker, "bob", Answer.UNREADABLE, "") is CaseState.UNCLEAR
    with pytest.raises(BadInput, match=f"case {case} is unclear: nobody is asked any more"):
        told(worker, case, "cid")


def test_answers_to_other_pictures_do_not_count(worker: Process) -> None:
    case = a_case(worker)
    say(worker, "ann")
    with worker.database.transaction() as conn:
        a_passing(conn, camera="bridge", at=MORNING + HOUR)
    settle(worker)
    assert state(worker, case) is CaseState.PENDING
    assert say(worker, "bob") is CaseState.IN_REVIEW
    assert say(worker, "ann") is CaseState.CONFIRMED
    with worker.database.transaction() as conn:
        assert [one.round for one in reviews.answers(conn, case)] == [1, 2, 2]


def test_a_case_that_is_withdrawn_is_not_handed_out(worker: Process) -> None:
    case = a_case(worker)
    handed(worker, "ann")
    with worker.database.transaction() as conn:
        a_list(conn, a_vignette_row(), as_of=MORNING + 10 * HOUR)
    settle(worker)
    assert handed(worker, "ann") is None
    with pytest.raises(BadInput, match="is withdrawn"):
        told(worker, case, "ann")


def test_overturned_suspicions_are_counted_by_country_and_camera(worker: Process) -> None:
    a_case(worker, cameras=("bridge", "gate"))
    for who in ("ann", "bob"):
        say(worker, who, Answer.OVERTURN, "")
    a_case(worker, OTHER)
    for who in ("ann", "bob"):
        say(worker, who, plate=OTHER)
    a_case(worker, "3C45678", cameras=("bridge",))

    def counts(camera: str | None, *, confirmed: int, overturned: int, is_open: int) -> Outcomes:
        return Outcomes(
            toll_country="CZ",
            camera=camera,
            confirmed=confirmed,
            overturned=overturned,
            unclear=0,
            open=is_open,
        )

    want = [
        counts(None, confirmed=1, overturned=1, is_open=1),
        counts("bridge", confirmed=0, overturned=1, is_open=1),
        counts("gate", confirmed=1, overturned=1, is_open=0),
    ]
    with worker.database.transaction() as conn:
        assert reviews.outcomes(conn, since=None) == want
        assert reviews.outcomes(conn, since=MORNING + 2 * DAY) == []
    forget(worker, days=1.1)
    with worker.database.transaction() as conn:
        assert reviews.outcomes(conn, since=None) == want


def forget(worker: Process, *, days: float) -> purge.Purged:
    """What is erased when so many days have passed since now."""
    with worker.database.transaction() as conn:  # a verdict is kept for a moment, whatever its time
        conn.execute("update verdicts set judged_at = judged_at - interval '2 minutes'")
    return purge.purge(worker.database, worker.redis, worker.settings, now=datetime.now(UTC) + days * DAY)


def plates(worker: Process) -> list[tuple[str, str, list[str]]]:
    """State, plate and the plates that people typed, of every case."""
    with worker.database.transaction() as conn:
        return conn.execute(
            "select state, plate, array(select r.plate || r.reason from reviews r where r.case_id = c.id order by r.id)"
            " from cases c order by id"
        ).fetchall()


@pytest.mark.parametrize(
    ("answer", "outcome", "before_d", "after_d", "rule"),
    [
        (Answer.CONFIRM, CaseState.CONFIRMED, 364, 365.1, "CZ confirmed 8760 h"),
        (Answer.OVERTURN, CaseState.OVERTURNED, 0.9, 1.1, "CZ overturned 24 h"),
        (Answer.UNREADABLE, CaseState.UNCLEAR, 6, 7.1, "CZ unclear 168 h"),
    ],
)
def test_a_decided_case_and_its_passings_are_kept_as_long_as_the_decision_asks(  # noqa: PLR0917
    worker: Process, answer: Answer, outcome: CaseState, before_d: float, after_d: float, rule: str
) -> None:
    a_case(worker)
    typed = "" if answer is Answer.UNREADABLE else PLATE
    for who in ("ann", "bob"):
        say(worker, who, answer, typed, now=datetime.now(UTC))
    assert not forget(worker, days=before_d).events
    kept = typed + ("a tractor" if answer is Answer.OVERTURN else "")
    assert plates(worker) == [(outcome.value, PLATE, [kept, kept])]
    done = forget(worker, days=after_d)
    assert (done.events, done.cases) == ({(VerdictStatus.SUSPECT, "erased"): 1}, 1)
    settle(worker, now=DUE + 400 * DAY)
    assert plates(worker) == [(outcome.value, "", ["", ""])]
    with worker.database.transaction() as conn:
        assert conn.execute("select outcome, rule from erasures").fetchall() == [("SUSPECT", rule)]


def test_what_nobody_decided_by_the_deadline_is_erased_and_withdrawn(worker: Process) -> None:
    case = a_case(worker)
    say(worker, "ann", plate="7T77777")
    assert not forget(worker, days=89).events
    forget(worker, days=90.1)
    settle(worker, now=DUE + 100 * DAY)
    assert plates(worker) == [("withdrawn", "", [""])]
    assert handed(worker, "bob") is None
    with worker.database.transaction() as conn:
        history = [one.what for one in cases.history(conn, case)]
        assert conn.execute("select state from suspicions").fetchall() == [("withdrawn",)]
    assert history == ["opened", "event added", "shown", "answered", "withdrawn", "erased", "event withdrawn"]


def test_a_case_of_a_car_that_paid_is_kept_no_longer_than_the_car(worker: Process) -> None:
    a_case(worker)
    say(worker, "ann")
    with worker.database.transaction() as conn:
        a_list(conn, a_vignette_row(), as_of=MORNING + 10 * HOUR)
    settle(worker)
    assert plates(worker) == [("withdrawn", PLATE, [PLATE])]
    assert forget(worker, days=0.9).cases == 0
    assert forget(worker, days=1.1).cases == 1
    assert plates(worker) == [("withdrawn", "", [""])]


def test_the_deadline_of_a_confirmed_case_is_a_setting(worker: Process) -> None:
    worker.settings = worker.settings.model_copy(
        update={"retention": worker.settings.retention.model_copy(update={"countries": {"CZ": Periods(confirmed_d=2)}})}
    )
    a_case(worker)
    for who in ("ann", "bob"):
        say(worker, who, now=datetime.now(UTC))
    assert forget(worker, days=1.9).cases == 0
    assert forget(worker, days=2.1).cases == 1


@pytest.fixture
def anpr(worker: Process, database_url: str, tmp_path: Path) -> "Anpr":
    (tmp_path / "anpr.yaml").write_text(f"evidence_dir: {tmp_path}\n")
    return Anpr(database_url=database_url, config=tmp_path / "anpr.yaml")


class Anpr:
    """The commands, on the database of the test."""

    def __init__(self, *, database_url: str, config: Path) -> None:
        self._env = {"DATABASE_URL": database_url, "ANPR_CONFIG": str(config)}

    def review(self, *words: object) -> Ran:
        return run(review_command, *words, **self._env)

    def cases(self, *words: object) -> Ran:
        return run(cases_command, *words, **self._env)


def test_people_review_from_the_command_line(worker: Process, anpr: Anpr, tmp_path: Path) -> None:
    assert anpr.review("next", "--as", "ann") == Ran(status=1, out="No case waits for you.\n", err="", error=None)
    case = a_case(worker)
    shown = anpr.review("next", "--as", "ann").out
    assert shown.startswith(f"Case {case}: CZ, {MORNING:%Y-%m-%d}. Yours until ")
    assert "no vignette for CZ" in shown
    assert f"{tmp_path}/" in shown
    listed = json.loads(anpr.review("list", "--format", "json").out)
    assert (listed["state"], listed["claimed_by"], listed["answers"]) == ("pending", "ann", 0)
    open_case = anpr.review("show", case).out
    said = anpr.review("confirm", case, "--plate", "1A2 3456", "--as", "ann", "--reason", "sunny")
    assert said.out == f"Case {case}: a second person is asked.\n"
    blind = json.loads(anpr.review("next", "--as", "bob", "--format", "json").out)
    assert blind["events"][0]["pictures"] == [one.strip() for one in shown.splitlines() if one.endswith(".jpg")]
    assert anpr.review("overturn", case, "--as", "bob", "--reason", " ").status == 1
    said = anpr.review("overturn", case, "--as", "bob", "--reason", "a tractor")
    assert said.out == f"Case {case}: two people disagree, a third is asked.\n"
    still_open = anpr.review("show", case, "--format", "json").out
    assert json.loads(still_open)["answers"] == []
    anpr.review("next", "--as", "cid")
    assert anpr.review("unreadable", case, "--as", "cid").out == f"Case {case}: unclear.\n"
    assert PLATE not in f"{shown}{listed}{open_case}{blind}{still_open}"
    decided = anpr.review("show", case, "--as", "officer 7").out
    for part in (f"unclear, {PLATE}", f"ann: confirm {PLATE} (sunny)", "bob: overturn (a tractor)", "shown, by cid"):
        assert part in decided
    with worker.database.transaction() as conn:
        rows = conn.execute("select who, command, plate from plate_searches").fetchall()
    assert rows == [("officer 7", "review", PLATE)]


def test_a_wrong_word_of_a_reviewer_is_one_line(worker: Process, anpr: Anpr) -> None:
    case = a_case(worker)
    assert str(anpr.review("show", 99).error) == "there is no case 99"
    ran = anpr.review("confirm", case, "--plate", PLATE, "--as", "ann")
    assert str(ran.error) == f"case {case} is not with ann: ask for the next one"


def test_confirmed_cases_are_exported_and_that_is_recorded(worker: Process, anpr: Anpr) -> None:
    case = a_case(worker, cameras=("bridge", "gate"))
    a_case(worker, OTHER)
    assert anpr.cases("--format", "csv").out == f"{','.join(CSV_COLUMNS)}\n"
    for who in ("ann", "bob"):
        say(worker, who)
    [line] = anpr.cases("--format", "csv", "--reason", "monthly").out.splitlines()[1:]
    assert line.startswith(f"{case},CZ,{PLATE},")
    assert line.endswith(",1 2,bridge gate")
    pending = json.loads(anpr.cases("--state", "pending", "--format", "json").out)
    assert (pending["state"], pending["plate"]) == ("pending", "")
    assert PLATE in anpr.cases("--plate", "1a2-3456").out
    assert PLATE not in anpr.cases("--plate", OTHER).out
    with worker.database.transaction() as conn:
        rows = conn.execute("select command, plate, reason from plate_searches order by id").fetchall()
    assert rows[1:] == [("cases", "*", "monthly"), ("cases", "*", ""), ("cases", PLATE, ""), ("cases", OTHER, "")]


def test_what_waits_and_how_often_suspicions_were_wrong_is_told(worker: Process, anpr: Anpr) -> None:
    a_case(worker)
    for who in ("ann", "bob"):
        say(worker, who, Answer.OVERTURN, "")
    rows = [json.loads(line) for line in anpr.review("stats", "--format", "json").out.splitlines()]
    assert [(row["camera"], row["overturned"], row["share"]) for row in rows] == [(None, 1, 1.0), ("gate", 1, 1.0)]
    assert (rows[0]["low"], rows[0]["high"]) == (pytest.approx(0.2065, abs=1e-3), 1.0)
    assert "100.0%" in anpr.review("stats").out
    assert "0 suspicions wait" in anpr.review("waiting").out
    with worker.database.transaction() as conn:
        a_passing(conn, OTHER, at=MORNING + DAY)
    settle(worker, now=DUE)
    waiting = json.loads(anpr.review("waiting", "--format", "json").out)
    assert (waiting["toll_country"], waiting["count"]) == ("CZ", 1)
    assert waiting["why"] == "the liability period and the wait are not over"
    assert "not over" in anpr.review("waiting").out
