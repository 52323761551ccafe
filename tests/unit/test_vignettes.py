from datetime import UTC, date, datetime, timedelta

from builders import NOON, a_vignette, an_event
from hypothesis import given
from hypothesis import strategies as st

from anpr.types import Candidate, PlateEvent, Verdict, VerdictStatus, Vignette
from anpr.vignettes import JudgeRules, Snapshot, judge, period, readings

RULES = JudgeRules()
FRESH = Snapshot(id=3, toll_country="CZ", as_of=NOON - timedelta(hours=1))


def judged(event: PlateEvent, *vignettes: Vignette, snapshot: Snapshot | None = FRESH, now: datetime = NOON) -> Verdict:
    return judge(event, vignettes, snapshot=snapshot, rules=RULES, now=now)


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
