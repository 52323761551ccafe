from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import NOON, a_vignette, an_event
from hypothesis import given
from hypothesis import strategies as st

from anpr.types import Candidate, PlateEvent, Verdict, VerdictStatus, Vignette
from anpr.vignettes import JudgeRules, Snapshot, complete_from, judge, period, readings

RULES = JudgeRules()
FRESH = Snapshot(id=3, toll_country="CZ", as_of=NOON - timedelta(hours=1))


LATER = replace(FRESH, as_of=NOON + timedelta(days=3))  # a list of after every period of grace


def judged(
    event: PlateEvent,
    *vignettes: Vignette,
    snapshot: Snapshot | None = FRESH,
    now: datetime = NOON,
    vehicle: str | None = None,
    registered_in: str | None = None,
) -> Verdict:
    return judge(
        event,
        vignettes,
        snapshot=snapshot,
        rules=RULES,
        now=now,
        vehicle=vehicle,
        registered_in=registered_in,
    )


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def test_a_paid_plate_is_valid() -> None:
    verdict = judged(an_event(), a_vignette())
    assert (verdict.status, verdict.vignette_id, verdict.snapshot_id) == (VerdictStatus.VALID, 1, 3)


def test_an_exempt_plate_is_exempt_even_if_it_paid_too() -> None:
    assert judged(an_event(), a_vignette(), a_vignette(kind="exempt", number=2)).status is VerdictStatus.EXEMPT


def test_a_plate_without_a_vignette_is_suspect() -> None:
    verdict = judged(an_event())
    assert (verdict.status, verdict.reason) == (VerdictStatus.SUSPECT, "no vignette for CZ")


def test_an_expired_vignette_is_named() -> None:
    verdict = judged(an_event(), a_vignette(valid_to=NOON - timedelta(days=2)))
    assert (verdict.status, verdict.reason) == (VerdictStatus.SUSPECT, "expired 2026-04-29 14:00")


def test_a_vignette_of_the_future_does_not_help_yet() -> None:
    verdict = judged(an_event(), a_vignette(valid_from=NOON + timedelta(days=1)))
    assert (verdict.status, verdict.reason) == (VerdictStatus.SUSPECT, "not valid before 2026-05-02 14:00")


def test_the_passing_counts_and_not_the_moment_of_judging() -> None:
    event = an_event(first_seen=NOON - timedelta(days=40))
    assert judged(event, a_vignette()).status is VerdictStatus.SUSPECT


def test_a_vignette_begins_and_ends_sharply() -> None:
    vignette = a_vignette(valid_from=NOON, valid_to=NOON + timedelta(days=1))
    assert judged(an_event(first_seen=NOON), vignette).status is VerdictStatus.VALID
    assert judged(an_event(first_seen=NOON + timedelta(days=1)), vignette).status is VerdictStatus.SUSPECT


def test_a_paid_look_alike_forbids_suspicion() -> None:
    verdict = judged(an_event("1A23456"), a_vignette("IA23456"))
    assert (verdict.status, verdict.vignette_id) == (VerdictStatus.AMBIGUOUS, 1)
    assert verdict.reason == "it may be IA23456, which is paid"


def test_a_paid_plate_with_an_i_more_forbids_suspicion() -> None:
    assert judged(an_event("B305CL"), a_vignette("B305CIL")).status is VerdictStatus.AMBIGUOUS


def test_a_paid_candidate_forbids_suspicion() -> None:
    told = (Candidate(text="1A23456", confidence=0.9), Candidate(text="1A2345", confidence=0.08))
    assert judged(an_event(candidates=told, confidence=0.9), a_vignette("1A2345")).status is VerdictStatus.AMBIGUOUS


def test_one_look_or_doubt_forbids_suspicion() -> None:
    assert judged(an_event(agreeing=1)).status is VerdictStatus.AMBIGUOUS
    assert judged(an_event(confidence=0.8)).status is VerdictStatus.AMBIGUOUS


def test_an_unreadable_plate_is_said_to_be_so() -> None:
    assert judged(an_event(confidence=0.1), a_vignette()).status is VerdictStatus.UNREADABLE
    assert judged(an_event("1A"), a_vignette("1A")).status is VerdictStatus.UNREADABLE


def test_without_a_list_nobody_is_judged() -> None:
    assert judged(an_event(), snapshot=None).status is VerdictStatus.REGISTRY_UNKNOWN


def test_an_old_list_accuses_nobody() -> None:
    assert judged(an_event(), now=NOON + timedelta(days=8)).status is VerdictStatus.REGISTRY_UNKNOWN


def test_the_plate_itself_is_tried_first() -> None:
    tried = readings(an_event("1A23456"), RULES)
    assert tried[0] == "1A23456"
    assert "IA23456" in tried
    assert len(tried) == len(set(tried))


def test_a_day_begins_and_ends_in_the_country_s_zone() -> None:
    assert period("CZ", date(2026, 5, 1), date(2026, 5, 10)) == (
        datetime(2026, 4, 30, 22, tzinfo=UTC),
        datetime(2026, 5, 10, 22, tzinfo=UTC),
    )
    assert period("RO", date(2026, 1, 1), date(2026, 1, 1))[0] == datetime(2025, 12, 31, 22, tzinfo=UTC)


def test_the_rules_of_the_day_are_named() -> None:
    assert judged(an_event()).rules_version == "2026-11 CZ-2024-03"
    assert judged(an_event(first_seen=datetime(2023, 5, 1, tzinfo=UTC))).rules_version == "2026-11 CZ-2021-02"


def test_a_motorcycle_needs_no_vignette_where_the_law_says_so() -> None:
    found = {
        country: judged(an_event(toll_country=country), vehicle="motorcycle", snapshot=LATER, now=LATER.as_of).status
        for country in ("CZ", "SK", "RO", "BG", "HU", "SI")
    }
    spared, liable = VerdictStatus.NOT_LIABLE, VerdictStatus.SUSPECT
    assert found == {"CZ": spared, "SK": spared, "RO": spared, "BG": spared, "HU": liable, "SI": liable}


def test_who_is_not_liable_needs_no_list() -> None:
    verdict = judged(an_event(), vehicle="motorcycle", snapshot=None)
    assert (verdict.status, verdict.snapshot_id) == (VerdictStatus.NOT_LIABLE, None)
    assert verdict.reason == "vehicles with fewer than four wheels need no vignette"


def test_only_foreign_vehicles_pay_in_moldova_and_not_knowing_accuses_nobody() -> None:
    event = an_event("ABC123", toll_country="MD")
    found = [judged(event, registered_in=country).status for country in ("MD", "RO", None)]
    assert found == [VerdictStatus.NOT_LIABLE, VerdictStatus.SUSPECT, VerdictStatus.AMBIGUOUS]


@pytest.mark.parametrize(
    ("year", "registered_in", "status"),
    [
        (2023, "CZ", VerdictStatus.NOT_LIABLE),
        (2023, None, VerdictStatus.AMBIGUOUS),  # an Italian plate may read the same
        (2023, "IT", VerdictStatus.SUSPECT),
        (2026, "CZ", VerdictStatus.AMBIGUOUS),  # hybrids with such plates pay by now
        (2026, "IT", VerdictStatus.SUSPECT),
    ],
)
def test_an_electric_series_counts_by_the_rules_of_its_day(
    year: int, registered_in: str | None, status: VerdictStatus
) -> None:
    event = an_event("EL123AB", first_seen=datetime(year, 5, 1, tzinfo=UTC))
    assert judged(event, registered_in=registered_in).status is status


@pytest.mark.parametrize("country", ["AT", "CH"])
def test_nobody_is_suspected_where_a_sticker_may_be_on_the_windscreen(country: str) -> None:
    verdict = judged(an_event(toll_country=country))
    assert (verdict.status, verdict.reason) == (
        VerdictStatus.AMBIGUOUS,
        "not paid as read, but it may carry a sticker",
    )


def test_austria_has_no_stickers_from_february_2027() -> None:
    at = datetime(2027, 2, 1, 12, tzinfo=UTC)
    assert judged(an_event(toll_country="AT", first_seen=at)).status is VerdictStatus.SUSPECT


def test_rules_that_are_not_known_accuse_nobody_and_acquit_who_paid() -> None:
    event = an_event(first_seen=datetime(2019, 5, 1, tzinfo=UTC))
    assert judged(event).status is VerdictStatus.AMBIGUOUS
    paid = a_vignette(valid_from=event.first_seen)
    assert judged(event, paid).status is VerdictStatus.VALID


def test_while_the_grace_runs_the_verdict_is_provisional() -> None:
    verdict = judged(an_event(toll_country="HU"), now=NOON + minutes(59))
    assert (verdict.status, verdict.judge_again_at) == (VerdictStatus.GRACE, NOON + minutes(60))
    assert verdict.reason == "not paid, but a vignette may be bought until 2026-05-01 15:00"


def test_when_the_grace_is_over_the_list_must_be_from_after_it() -> None:
    event = an_event(toll_country="HU")
    too_early = replace(FRESH, as_of=NOON + minutes(59))
    late_enough = replace(FRESH, as_of=NOON + minutes(60))
    found = [judged(event, snapshot=one, now=NOON + minutes(60)) for one in (too_early, late_enough)]
    assert [one.status for one in found] == [VerdictStatus.REGISTRY_UNKNOWN, VerdictStatus.SUSPECT]
    assert [one.judge_again_at for one in found] == [None, None]
    assert complete_from(event) == late_enough.as_of


def test_a_vignette_bought_within_the_grace_is_grace_for_good() -> None:
    event = an_event(toll_country="HU")
    for late in (a_vignette(valid_from=NOON + minutes(60)), replace(a_vignette(), bought_at=NOON + minutes(60))):
        verdict = judged(event, late, snapshot=LATER, now=LATER.as_of)
        assert (verdict.status, verdict.vignette_id, verdict.judge_again_at) == (VerdictStatus.GRACE, 1, None)


def test_a_vignette_that_came_after_the_grace_came_too_late() -> None:
    late = a_vignette(valid_from=NOON + minutes(61))
    assert judged(an_event(toll_country="HU"), late, snapshot=LATER, now=LATER.as_of).status is VerdictStatus.SUSPECT


def test_a_look_alike_that_paid_within_the_grace_forbids_suspicion() -> None:
    late = a_vignette("IA23456", valid_from=NOON + minutes(30))
    verdict = judged(an_event("1A23456", toll_country="HU"), late, snapshot=LATER, now=LATER.as_of)
    assert (verdict.status, verdict.vignette_id) == (VerdictStatus.AMBIGUOUS, 1)


def test_a_slovak_vignette_bought_the_same_day_is_in_time() -> None:
    bought = replace(a_vignette(), bought_at=NOON + timedelta(hours=8))
    assert judged(an_event(toll_country="SK"), bought, snapshot=LATER, now=LATER.as_of).status is VerdictStatus.GRACE


def test_only_romanian_vehicles_may_pay_the_next_day() -> None:
    event = an_event(toll_country="RO", first_seen=datetime(2026, 8, 1, 12, tzinfo=UTC))
    now = event.first_seen + timedelta(hours=1)
    fresh = replace(FRESH, as_of=event.first_seen)
    found = [judged(event, snapshot=fresh, now=now, registered_in=one).status for one in ("RO", None, "HU")]
    assert found == [VerdictStatus.GRACE, VerdictStatus.GRACE, VerdictStatus.SUSPECT]


def test_a_vignette_bought_after_the_passing_without_grace_is_for_people_to_look_at() -> None:
    verdict = judged(an_event(), replace(a_vignette(), bought_at=NOON + minutes(1)))
    assert (verdict.status, verdict.vignette_id) == (VerdictStatus.AMBIGUOUS, 1)
    assert judged(an_event(), replace(a_vignette(), bought_at=NOON)).status is VerdictStatus.VALID


def test_an_exemption_counts_also_if_it_was_granted_later() -> None:
    granted = replace(a_vignette(kind="exempt"), bought_at=NOON + timedelta(days=9))
    assert judged(an_event(), granted).status is VerdictStatus.EXEMPT


COUNTRIES = st.sampled_from(["AT", "BG", "CH", "CZ", "HU", "MD", "RO", "SI", "SK"])
MOMENTS = st.datetimes(datetime(2018, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HOURS = st.integers(-100, 100).map(lambda hours: timedelta(hours=hours))


@st.composite
def events(draw: st.DrawFn) -> PlateEvent:
    plate = draw(st.sampled_from(["1A23456", "EL123AB", "B305CL", "KE417HT"]))
    told = (Candidate(text=plate, confidence=0.95), Candidate(text=plate[:-1], confidence=0.1))
    return an_event(
        plate,
        confidence=draw(st.sampled_from([0.3, 0.8, 0.95, 1.0])),
        agreeing=draw(st.integers(1, 3)),
        candidates=told,
        toll_country=draw(COUNTRIES),
        first_seen=draw(MOMENTS),
    )


@st.composite
def vignettes_near(draw: st.DrawFn, event: PlateEvent) -> list[Vignette]:
    """Vignettes of plates that the event's may be, and of others, about the time of the passing."""
    found: list[Vignette] = []
    for number in range(draw(st.integers(0, 4))):
        plate = draw(st.sampled_from([*readings(event, RULES), "X"]))
        start = event.first_seen + draw(HOURS)
        length = timedelta(hours=draw(st.integers(1, 200)))
        bought_at = draw(st.none() | HOURS.map(lambda away: event.first_seen + away))
        kind = draw(st.sampled_from(["year", "exempt"]))
        one = a_vignette(plate, kind=kind, valid_from=start, valid_to=start + length, number=number)
        found.append(replace(one, bought_at=bought_at))
    return found


CASES = events().flatmap(lambda event: st.tuples(st.just(event), vignettes_near(event), HOURS, HOURS))


@given(CASES)
def test_nobody_is_suspected_who_may_have_paid(
    case: tuple[PlateEvent, list[Vignette], timedelta, timedelta],
) -> None:
    event, vignettes, age, passed = case
    now = event.first_seen + abs(passed)
    verdict = judged(event, *vignettes, snapshot=replace(FRESH, as_of=now - abs(age)), now=now)
    if verdict.status is VerdictStatus.SUSPECT:
        tried = readings(event, RULES)
        assert [
            one for one in vignettes if one.plate in tried and one.valid_from <= event.first_seen < one.valid_to
        ] == []
        assert now >= complete_from(event)


@given(CASES, st.data())
def test_more_that_is_paid_never_makes_a_suspect(
    case: tuple[PlateEvent, list[Vignette], timedelta, timedelta], data: st.DataObject
) -> None:
    event, vignettes, age, passed = case
    now = event.first_seen + abs(passed)
    snapshot = replace(FRESH, as_of=now - abs(age))
    before = judged(event, *vignettes, snapshot=snapshot, now=now).status
    after = judged(event, *vignettes, *data.draw(vignettes_near(event)), snapshot=snapshot, now=now).status
    assert (after is VerdictStatus.SUSPECT) <= (before is VerdictStatus.SUSPECT)
    if before in (VerdictStatus.VALID, VerdictStatus.EXEMPT):
        assert after in (VerdictStatus.VALID, VerdictStatus.EXEMPT)


@given(CASES)
def test_the_same_case_is_judged_the_same_and_in_any_order(
    case: tuple[PlateEvent, list[Vignette], timedelta, timedelta],
) -> None:
    event, vignettes, age, passed = case
    now = event.first_seen + abs(passed)
    snapshot = replace(FRESH, as_of=now - abs(age))
    first = judged(event, *vignettes, snapshot=snapshot, now=now)
    assert judged(event, *vignettes, snapshot=snapshot, now=now) == first
    assert judged(event, *reversed(vignettes), snapshot=snapshot, now=now).status is first.status
    if first.judge_again_at is not None:
        assert (first.status, now < first.judge_again_at) == (VerdictStatus.GRACE, True)


@given(st.floats(0, 1), st.integers(0, 4), st.booleans(), st.integers(0, 20))
def test_suspicion_needs_sureness_looks_and_a_fresh_list(
    confidence: float, agreeing: int, is_paid: bool, age_days: int
) -> None:
    event = an_event(confidence=confidence, agreeing=agreeing)
    verdict = judged(event, *([a_vignette()] if is_paid else []), now=FRESH.as_of + timedelta(days=age_days))
    if verdict.status is VerdictStatus.SUSPECT:
        assert confidence >= RULES.suspect_confidence
        assert agreeing >= RULES.suspect_agreeing
        assert not is_paid
        assert age_days <= 7
