"""What is known of a car beside its plate works in its driver's favour alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import NOON, a_box, a_vignette, an_event
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr import regions, rule_packs
from anpr.facts import Facts, facts_of
from anpr.types import Box, Candidate, PlateEvent, Region, Verdict, VerdictStatus, Vignette
from anpr.vignettes import ZONES, JudgeRules, Snapshot, judge

LATER = timedelta(days=4)  # after every period of grace
SQUARE, WIDE = a_box(width=90, height=50), a_box(width=90, height=20)


def of(plate: str, *, toll_country: str = "CZ", **shares: float) -> PlateEvent:
    """An event whose country is told by its text, or by `shares`."""
    event = an_event(plate, toll_country=toll_country)
    told = tuple(Region(country=country, probability=share) for country, share in shares.items())
    return replace(event, regions=told or regions.of_plate(event.candidates, (), at=event.first_seen.date()))


def facts(event: PlateEvent, *boxes: Box) -> Facts:
    return facts_of(event, boxes, rule_packs.in_force(event.toll_country, event.first_seen))


def judged(event: PlateEvent, *vignettes: Vignette, known: Facts | None = None) -> Verdict:
    known = known or Facts()
    return judge(
        event,
        vignettes,
        snapshot=Snapshot(id=3, toll_country=event.toll_country, as_of=event.first_seen + LATER),
        rules=JudgeRules(),
        now=event.first_seen + LATER,
        registered_in=known.registered_in,
        may_be=known.may_be,
    )


def status(event: PlateEvent, *boxes: Box) -> VerdictStatus:
    return judged(event, known=facts(event, *boxes)).status


TEXTS = [
    "1A23456",
    "1A2345",
    "IA23456",
    "EL123AB",
    "CB1234A",
    "CB1234AB",
    "LJA123",
    "BA123CD",
    "ABC123",
    "M123ABC",
    "AB1234",
    "1A2",
    "A0O0A",
]
PLATES = st.sampled_from(TEXTS)
TOLL_COUNTRIES = st.sampled_from([*sorted(ZONES), "CZ", "CZ", "MD", "MD"])
REGIONS = st.tuples(st.sampled_from(["CZ", "MD", "RO", "IT", ""]), st.sampled_from([1.0, 0.995, 0.98, 0.5])).map(
    lambda told: (Region(country=told[0], probability=told[1]),)
)
MOMENTS = st.sampled_from([datetime(year, 5, 2, 10, tzinfo=UTC) for year in range(2021, 2028)])


@st.composite
def cases(draw: st.DrawFn) -> tuple[PlateEvent, list[Box], list[Vignette]]:
    plate = draw(PLATES)
    event = an_event(
        plate,
        toll_country=draw(TOLL_COUNTRIES),
        first_seen=draw(MOMENTS),
        confidence=draw(st.sampled_from([0.99, 0.99, 0.99, 0.8, 0.3])),
        agreeing=draw(st.integers(1, 5)),
    )
    event = replace(event, regions=draw(REGIONS), corrected_plate=draw(st.none() | PLATES))
    paid = [
        a_vignette(draw(PLATES), valid_from=event.first_seen + timedelta(days=draw(st.integers(-3, 3))), number=number)
        for number in range(draw(st.integers(0, 2)))
    ]
    paid = [replace(one, valid_to=one.valid_from + timedelta(days=2)) for one in paid]
    boxes = [a_box(width=90, height=draw(st.sampled_from([20, 40, 60]))) for _ in range(draw(st.integers(0, 3)))]
    return event, boxes, paid


@settings(max_examples=150)
@given(cases())
def test_what_is_known_of_a_car_never_speaks_against_its_driver(
    case: tuple[PlateEvent, list[Box], list[Vignette]],
) -> None:
    event, boxes, paid = case
    without, known = judged(event, *paid), facts(event, *boxes)
    verdict = judged(event, *paid, known=known)
    note(f"{without.status} to {verdict.status}")
    if verdict.status is VerdictStatus.NOT_LIABLE:
        return
    if without.status is VerdictStatus.SUSPECT and verdict.status is VerdictStatus.AMBIGUOUS:
        assert known.may_be
        return
    assert verdict == without or (verdict.status, without.status) == (VerdictStatus.AMBIGUOUS, VerdictStatus.AMBIGUOUS)


@settings(max_examples=60)
@given(cases(), st.sets(st.sampled_from(["motorcycle", "electric", "bus"])))
def test_what_a_car_may_be_never_makes_it_a_suspect(
    case: tuple[PlateEvent, list[Box], list[Vignette]], may_be: set[str]
) -> None:
    event, _, paid = case
    if judged(event, *paid, known=Facts(may_be=tuple(may_be))).status is VerdictStatus.SUSPECT:
        assert judged(event, *paid).status is VerdictStatus.SUSPECT


def test_a_car_of_moldova_needs_no_vignette_there_where_that_is_certain() -> None:
    sure = of("ABC123", toll_country="MD", MD=0.995)
    assert facts(sure).registered_in == "MD"
    assert status(sure) is VerdictStatus.NOT_LIABLE
    assert status(of("ABC123", toll_country="MD", MD=0.98)) is VerdictStatus.AMBIGUOUS


def test_a_look_alone_makes_no_country_certain() -> None:
    assert facts(of("1234567890", toll_country="MD", MD=0.999)) == Facts()


def test_a_foreign_car_is_no_suspect_in_moldova_however_certain_that_is() -> None:
    foreign = of("B123ABC", toll_country="MD", RO=0.999)
    assert facts(foreign) == Facts()
    assert status(foreign) is VerdictStatus.AMBIGUOUS


def test_a_country_that_frees_nobody_is_not_told() -> None:
    assert facts(of("B123ABC", toll_country="RO", RO=0.999), WIDE) == Facts()


def test_a_plate_of_motorcycles_alone_is_no_suspect_where_those_need_no_vignette() -> None:
    unpaid = of("1A2345")
    assert {one.country for one in unpaid.regions} == {"CZ", ""}
    assert status(unpaid, WIDE) is VerdictStatus.AMBIGUOUS
    assert judged(unpaid, known=facts(unpaid)).reason == (
        "not paid as read, but vehicles with fewer than four wheels need no vignette, and by its plate this may be a"
        " motorcycle"
    )
    assert status(replace(unpaid, toll_country="HU"), WIDE) is VerdictStatus.SUSPECT


def test_a_text_that_cars_have_too_is_a_suspect_on_a_plate_of_one_line() -> None:
    shared = of("KR12345")  # motorcycles of Italy, cars of Norway
    assert status(shared, WIDE) is VerdictStatus.SUSPECT
    assert status(shared, SQUARE) is VerdictStatus.AMBIGUOUS
    assert status(of("KR12345", IT=0.9, NO=0.04), WIDE) is VerdictStatus.AMBIGUOUS


@pytest.mark.parametrize(("country", "found"), [("CZ", "AMBIGUOUS"), ("SK", "AMBIGUOUS"), ("HU", "SUSPECT")])
def test_a_plate_of_two_lines_may_be_a_motorcycles(country: str, found: str) -> None:
    assert status(of("1A23456", toll_country=country), WIDE, SQUARE, SQUARE).value == found


def test_one_picture_in_which_a_plate_looks_square_does_not_free_a_car() -> None:
    assert status(of("1A23456"), WIDE, SQUARE, WIDE) is VerdictStatus.SUSPECT


def test_a_motorcycle_that_paid_has_paid() -> None:
    assert judged(of("1A2345"), a_vignette("1A2345"), known=Facts(may_be=("motorcycle",))).status is VerdictStatus.VALID


def test_a_corrected_plate_is_judged_alone_and_as_certain() -> None:
    told = (Candidate(text="1A23456", confidence=0.4), Candidate(text="1A23458", confidence=0.3))
    doubtful = an_event("1A23456", confidence=0.4, agreeing=1, candidates=told)
    corrected = replace(doubtful, corrected_plate="1A23459")
    assert judged(doubtful).status is VerdictStatus.UNREADABLE
    assert judged(corrected).status is VerdictStatus.SUSPECT
    assert judged(corrected).readings_tried == ("1A23459",)
    assert judged(corrected, a_vignette("1A23456"), a_vignette("IA23459")).status is VerdictStatus.SUSPECT
    assert judged(corrected, a_vignette("1A23459")).status is VerdictStatus.VALID


def test_facts_are_those_of_the_corrected_plate() -> None:
    event = of("1A23456", CZ=0.9)
    assert facts(event, WIDE).may_be == ()
    assert facts(replace(event, corrected_plate="1A2345"), WIDE).may_be == ("motorcycle",)


def test_rules_that_are_not_known_free_nobody() -> None:
    assert facts_of(of("1A2345"), [SQUARE], None) == Facts()


def test_the_day_of_the_passing_counts_for_an_exempt_series() -> None:
    exempt = replace(of("EL123AB", CZ=0.995), first_seen=NOON - timedelta(days=1000))
    assert status(exempt, WIDE) is VerdictStatus.NOT_LIABLE
    assert status(of("EL123AB", CZ=0.995), WIDE) is VerdictStatus.AMBIGUOUS
