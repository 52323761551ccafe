from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from builders import NOON, an_event
from hypothesis import given
from hypothesis import strategies as st

from anpr.cases import (
    Answer,
    CaseKey,
    CaseState,
    Judged,
    Look,
    Next,
    Paid,
    Review,
    Step,
    Why,
    key_of,
    liability_period,
    merged,
    next_step,
    person,
    state_of,
    wilson,
)
from anpr.types import PlateEvent, VerdictStatus
from anpr.vignettes import ZONES, Snapshot

DAY_END = datetime(2026, 5, 1, 22, tzinfo=UTC)  # of NOON's day in Prague and Budapest
WAIT = timedelta(hours=24)
DUE = DAY_END + WAIT
PLATE = "1A23456"
ANSWERS = st.sampled_from(list(Answer))


def a_list(*, number: int = 7, as_of: datetime = NOON + timedelta(hours=2)) -> Snapshot:
    return Snapshot(id=number, toll_country="CZ", as_of=as_of)


def a_look(
    status: VerdictStatus = VerdictStatus.SUSPECT,
    *,
    event: PlateEvent | None = None,
    snapshot_id: int | None = 7,
    is_final: bool = True,
) -> Look:
    return Look(
        event=event or an_event(),
        is_erased=False,
        judged=Judged(status=status, snapshot_id=snapshot_id, is_final=is_final),
        case=None,
        case_state=None,
        rechecked_at=None,
        list_in_force=a_list(),
        is_asked_elsewhere=False,
    )


def taken(look: Look, *, now: datetime = DUE) -> Step:
    return next_step(look, now=now, wait=WAIT)


def in_case(look: Look, state: CaseState = CaseState.PENDING) -> Look:
    assert look.event is not None
    return replace(look, case=key_of(look.event), case_state=state)


def a_review(who: str, answer: Answer = Answer.CONFIRM, plate: str = PLATE) -> Review:
    return Review(reviewer=who, answer=answer, plate=plate)


def test_the_period_is_the_day_in_the_toll_country() -> None:
    evening = datetime(2026, 5, 1, 22, 30, tzinfo=UTC)
    assert liability_period("CZ", evening) == (DAY_END, DAY_END + timedelta(hours=24))
    assert liability_period("CZ", evening - timedelta(hours=1))[1] == DAY_END
    assert liability_period("XX", evening)[0] == datetime(2026, 5, 1, tzinfo=UTC)


@given(st.sampled_from(sorted(ZONES)), st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31)))  # noqa: DTZ001
def test_the_periods_of_a_country_hold_the_moment_and_follow_each_other_also_when_clocks_change(
    country: str, local: datetime
) -> None:
    at = local.replace(tzinfo=ZoneInfo(ZONES[country])).astimezone(UTC)
    start, end = liability_period(country, at)
    assert start <= at < end
    assert liability_period(country, start) == (start, end)
    assert liability_period(country, end)[0] == end
    assert liability_period(country, end - timedelta(microseconds=1)) == (start, end)


EVENTS = st.lists(
    st.builds(
        lambda number, plate, hours, country: replace(
            an_event(plate, toll_country=country, first_seen=NOON + timedelta(hours=hours)), id=number
        ),
        st.integers(1, 12),
        st.sampled_from(["1A23456", "1A2345G", "1AZ3456", "IA23456"]),
        st.integers(-30, 30),
        st.sampled_from(["CZ", "HU"]),
    ),
    unique_by=lambda event: event.id,
)


@given(EVENTS, st.data())
def test_neither_order_nor_repetition_of_passings_changes_the_cases(
    events: list[PlateEvent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events))) if events else events))
    assert merged(shuffled) == merged(events)


@given(EVENTS)
def test_a_case_holds_one_plate_of_one_country_in_one_period_and_each_passing_is_in_one(
    events: list[PlateEvent],
) -> None:
    found = merged(events)
    ids = [number for numbers in found.values() for number in numbers]
    assert sorted(ids) == sorted(event.id for event in events)
    by_id = {event.id: event for event in events}
    for key, numbers in found.items():
        for event in (by_id[number] for number in numbers):
            assert (event.plate, event.toll_country) == (key.plate, key.toll_country)
            assert key.period_from <= event.first_seen < key.period_to


def test_a_look_alike_is_another_case() -> None:
    assert len(merged([an_event("1A23458"), replace(an_event("1A2345B"), id=2)])) == 2


@pytest.mark.parametrize(
    ("look", "now", "step"),
    [
        (a_look(), DUE, Step(what=Next.JOIN)),
        (a_look(), DUE - timedelta(seconds=1), Step(what=Next.WAIT, why=Why.TIME, look_at=DUE)),
        (
            a_look(is_final=False),
            DUE,
            Step(what=Next.WAIT, why=Why.JUDGING, look_at=DUE + timedelta(minutes=1)),
        ),
        (a_look(VerdictStatus.VALID), DUE, Step(what=Next.WITHDRAW, why=Why.CLEARED)),
        (a_look(VerdictStatus.AMBIGUOUS), NOON, Step(what=Next.WITHDRAW, why=Why.CLEARED)),
        (replace(a_look(), is_erased=True), DUE, Step(what=Next.WITHDRAW, why=Why.ERASED)),
        (replace(a_look(), event=None, judged=None), DUE, Step(what=Next.WITHDRAW, why=Why.MERGED)),
    ],
)
def test_only_what_is_still_suspected_after_the_wait_becomes_a_case(look: Look, now: datetime, step: Step) -> None:
    assert taken(look, now=now) == step


@pytest.mark.parametrize(
    ("country", "as_of", "what"),
    [
        ("CZ", NOON - timedelta(seconds=1), Next.WAIT),
        ("CZ", NOON, Next.JOIN),
        ("HU", NOON + timedelta(minutes=59), Next.WAIT),
        ("HU", NOON + timedelta(minutes=60), Next.JOIN),
    ],
)
def test_the_list_must_know_all_that_could_be_bought_for_the_passing(country: str, as_of: datetime, what: Next) -> None:
    look = replace(a_look(event=an_event(toll_country=country)), list_in_force=a_list(as_of=as_of))
    got = taken(look)
    assert (got.what, got.why) == (what, Why.LIST if what is Next.WAIT else None)


def test_without_a_list_it_waits() -> None:
    assert taken(replace(a_look(), list_in_force=None)).why is Why.LIST


def test_a_verdict_on_another_list_than_the_one_in_force_is_given_again() -> None:
    for snapshot_id in (6, None):
        assert taken(a_look(snapshot_id=snapshot_id)).what is Next.RECHECK


def test_a_registry_elsewhere_is_asked_again_once_after_the_wait() -> None:
    look = replace(a_look(snapshot_id=None), list_in_force=None, is_asked_elsewhere=True)
    assert taken(look).what is Next.RECHECK
    assert taken(replace(look, rechecked_at=DUE - timedelta(seconds=1))).what is Next.RECHECK
    assert taken(replace(look, rechecked_at=DUE)).what is Next.JOIN


@pytest.mark.parametrize(
    ("event_id", "plate", "from_h", "to_h", "speaks"),
    [
        (1, PLATE, 5, 9, True),  # its own: it was found paid by it
        (2, PLATE, -9, 9, True),  # another passing's that holds for this one too
        (2, PLATE, 0, 9, True),
        (2, PLATE, 1, 9, False),  # bought between the two
        (2, PLATE, -9, 0, False),
        (2, "1A2345G", -9, 9, False),
    ],
)
def test_a_vignette_that_an_earlier_list_had_speaks_for_the_passings_it_covers(
    event_id: int, plate: str, from_h: int, to_h: int, speaks: bool
) -> None:
    hour = timedelta(hours=1)
    paid = Paid(event_id=event_id, plate=plate, valid_from=NOON + from_h * hour, valid_to=NOON + to_h * hour)
    got = taken(replace(a_look(), paid=(paid,)))
    assert got == (Step(what=Next.WAIT, why=Why.PAID, look_at=DUE + hour) if speaks else Step(what=Next.JOIN))


def test_a_passing_stays_in_its_case_until_it_is_not_suspected_or_another_cars() -> None:
    assert taken(in_case(a_look())) == Step(what=Next.STAY)
    assert taken(in_case(a_look(snapshot_id=6)), now=NOON) == Step(what=Next.STAY)
    assert taken(in_case(a_look(VerdictStatus.VALID))).why is Why.CLEARED
    assert taken(replace(in_case(a_look()), event=an_event("1A23457"))).why is Why.CHANGED
    assert taken(replace(in_case(a_look()), event=an_event(first_seen=DAY_END))).why is Why.CHANGED
    assert taken(in_case(a_look(VerdictStatus.VALID), CaseState.CONFIRMED)).why is Why.CLEARED


def test_what_people_overturned_stays_so_whatever_becomes_of_the_verdict() -> None:
    for state in (CaseState.OVERTURNED, CaseState.UNCLEAR):
        assert taken(in_case(a_look(VerdictStatus.VALID), state)) == Step(what=Next.STAY)


def test_erasing_takes_a_passing_from_an_open_case_and_not_from_a_confirmed_one() -> None:
    erased = replace(a_look(), is_erased=True)
    assert taken(in_case(erased)).why is Why.ERASED
    assert taken(in_case(erased, CaseState.CONFIRMED)) == Step(what=Next.STAY)


LOOKS = st.builds(
    lambda status, snapshot, final, hours, erased, paid: replace(
        a_look(status, snapshot_id=snapshot, is_final=final),
        list_in_force=a_list(as_of=NOON + timedelta(hours=hours)),
        is_erased=erased,
        paid=(Paid(event_id=1, plate=PLATE, valid_from=NOON, valid_to=DAY_END),) * paid,
    ),
    st.sampled_from(list(VerdictStatus)),
    st.sampled_from([6, 7, None]),
    st.booleans(),
    st.integers(-3, 3),
    st.booleans(),
    st.integers(0, 1),
)


@given(LOOKS, st.integers(-48, 48))
def test_a_case_is_opened_only_where_nothing_speaks_against_it(look: Look, hours: int) -> None:
    now = DUE + timedelta(hours=hours)
    if taken(look, now=now).what is Next.JOIN:
        assert look.judged is not None
        assert look.list_in_force is not None
        assert look.judged.status is VerdictStatus.SUSPECT
        assert look.judged.snapshot_id == look.list_in_force.id
        assert look.list_in_force.as_of >= NOON
        assert now >= DUE
        assert not look.paid
        assert not look.is_erased


def test_two_people_who_agree_decide_and_a_third_is_asked_where_they_do_not() -> None:
    confirms, overturns = a_review("ann"), a_review("bob", Answer.OVERTURN, "")
    cannot = a_review("cid", Answer.UNREADABLE, "")
    assert state_of(PLATE, []) is CaseState.PENDING
    assert state_of(PLATE, [confirms]) is CaseState.IN_REVIEW
    assert state_of(PLATE, [confirms, a_review("bob")]) is CaseState.CONFIRMED
    assert state_of(PLATE, [confirms, overturns]) is CaseState.DISPUTED
    assert state_of(PLATE, [confirms, overturns, a_review("cid")]) is CaseState.CONFIRMED
    assert state_of(PLATE, [confirms, overturns, a_review("cid", Answer.OVERTURN)]) is CaseState.OVERTURNED
    assert state_of(PLATE, [cannot, a_review("ann", Answer.UNREADABLE, "")]) is CaseState.UNCLEAR
    assert state_of(PLATE, [confirms, overturns, cannot]) is CaseState.UNCLEAR


def test_who_confirms_another_plate_says_that_it_was_misread() -> None:
    assert state_of(PLATE, [a_review("ann", plate="1A23457"), a_review("bob")]) is CaseState.DISPUTED
    both = [a_review("ann", plate="1A23457"), a_review("bob", plate="1A23458")]
    assert state_of(PLATE, both) is CaseState.OVERTURNED
    assert state_of(PLATE, [a_review("ann", plate="1a2 3456"), a_review("bob")]) is CaseState.CONFIRMED


@given(st.lists(st.tuples(ANSWERS, st.sampled_from([PLATE, "1A23457"])), max_size=3))
def test_neither_the_order_of_answers_nor_repetition_decides_and_nobody_confirms_alone(
    said: list[tuple[Answer, str]],
) -> None:
    reviews = [a_review(f"person {place}", answer, plate) for place, (answer, plate) in enumerate(said)]
    state = state_of(PLATE, reviews)
    assert {state_of(PLATE, order + order) for order in permutations(reviews)} == {state}
    right = [one for one in reviews if one.answer is Answer.CONFIRM and one.plate == PLATE]
    assert (state is CaseState.CONFIRMED) == (len(right) >= 2)


def test_spelling_makes_nobody_a_second_person() -> None:
    assert person(" Ann  SMITH ") == person("ann smith") != person("ann smithe")


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.278), (1, 10, 0.018, 0.404), (15, 50, 0.191, 0.438), (10, 10, 0.722, 1.0)],
)
def test_the_interval_of_a_share_is_that_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_the_interval_holds_the_share(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high


def test_a_key_names_the_plate_in_one_spelling() -> None:
    start, end = DAY_END - timedelta(hours=24), DAY_END
    assert key_of(an_event()) == CaseKey(toll_country="CZ", plate=PLATE, period_from=start, period_to=end)
