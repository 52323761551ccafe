from dataclasses import replace

import pytest
from builders import a_read
from hypothesis import given
from hypothesis import strategies as st

from anpr.ranking import VALID, plausibility
from anpr.types import Candidate, PlateRead
from anpr.votes import UNSEEN, calibrated, picture_rank, vote

TEXTS = st.sampled_from(["1A23456", "1A2345G", "IA23456", "1A2345", "MKT4173"])
SURE_ENOUGH = st.floats(0.15, 1)


@st.composite
def reads(draw: st.DrawFn) -> list[PlateRead]:
    found: list[PlateRead] = []
    for number in range(draw(st.integers(1, 8))):
        texts = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
        shares = draw(st.lists(st.floats(0.01, 1), min_size=len(texts), max_size=len(texts)))
        total = sum(shares) * draw(st.floats(1, 2))
        candidates = sorted(
            (Candidate(text=text, confidence=share / total) for text, share in zip(texts, shares, strict=True)),
            key=lambda one: -one.confidence,
        )
        found.append(a_read(frame_no=number, candidates=tuple(candidates)))
    return found


@given(reads(), st.randoms())
def test_the_order_of_reads_does_not_change_the_vote(found: list[PlateRead], rng: object) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert vote(shuffled).plate == vote(found).plate
    assert vote(shuffled).confidence == pytest.approx(vote(found).confidence)


@given(reads())
def test_the_winner_is_a_candidate_of_some_read(found: list[PlateRead]) -> None:
    got = vote(found)
    assert got.plate in {one.text for read in found for one in read.candidates}
    assert got.candidates[0].text == got.plate


@given(reads())
def test_probabilities_fall_and_leave_room_for_what_nobody_read(found: list[PlateRead]) -> None:
    shares = [one.confidence for one in vote(found).candidates]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) < 1


@given(reads(), st.lists(st.integers(0, 7), max_size=5))
def test_reads_that_are_delivered_twice_change_nothing(found: list[PlateRead], again: list[int]) -> None:
    assert vote([*found, *(found[number % len(found)] for number in again)]) == vote(found)


@given(reads(), st.floats(0.02, 1), reads())
def test_a_read_that_agrees_never_lowers_the_confidence(
    found: list[PlateRead], confidence: float, others: list[PlateRead]
) -> None:
    before = vote(found)
    rest = [one for one in others[0].candidates if one.text != before.plate]
    room = min(confidence, 1 - confidence) / max(1, len(rest))
    weaker = [Candidate(text=one.text, confidence=room * one.confidence) for one in rest]
    agreeing = Candidate(text=before.plate, confidence=confidence)
    after = vote([*found, a_read(frame_no=99, candidates=(agreeing, *weaker))])
    assert after.plate == before.plate
    assert after.confidence >= before.confidence - 1e-12
    assert after.agreeing == before.agreeing + 1


@given(reads())
def test_no_grammar_turns_a_plate_that_is_valid_as_read_into_another(found: list[PlateRead]) -> None:
    one = found[0]
    rivals = [other.confidence for other in one.candidates[1:]]
    # Of equals the first by name wins, also of those that are equal once rounded.
    if plausibility(one.text) >= VALID and one.confidence > 1.000001 * max([UNSEEN, *rivals]):
        assert vote([replace(one, frame_no=number) for number in range(3)]).plate == one.text


def test_a_form_that_no_country_has_loses_to_one_that_it_is_hardly_surer_than() -> None:
    candidates = (Candidate(text="AG0IBKM", confidence=0.5), Candidate(text="AG01BKM", confidence=0.4))
    assert vote([a_read(candidates=candidates)]).plate == "AG01BKM"


@given(TEXTS, TEXTS, st.lists(SURE_ENOUGH, min_size=2, max_size=6), st.floats(0, 1))
def test_a_single_read_never_outvotes_a_consensus(
    agreed: str, other: str, consensus: list[float], confidence: float
) -> None:
    found = [a_read(agreed, confidence=one, frame_no=number) for number, one in enumerate(consensus)]
    got = vote([*found, a_read(other, confidence=confidence, frame_no=99)]).plate
    is_plate = plausibility(agreed) >= VALID
    assert got == agreed or (not is_plate and len(found) < 3)  # two reads of what is hardly a plate are no consensus


@given(st.floats(-5, 500), st.floats(-5, 500))
def test_more_evidence_is_never_less_sure(a: float, b: float) -> None:
    assert 0 <= calibrated(min(a, b)) <= calibrated(max(a, b)) <= 1


def test_agreeing_reads_make_a_plate_surer_than_one() -> None:
    one = vote([a_read(confidence=0.6)])
    three = vote([a_read(confidence=0.6, frame_no=number) for number in range(3)])
    assert three.confidence > one.confidence
    assert (one.agreeing, three.agreeing) == (1, 3)


def test_a_vote_without_a_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="no read names a text"):
        vote([a_read(candidates=(Candidate(text="", confidence=0.1),))])


def test_the_picture_is_of_a_read_that_says_what_won() -> None:
    right, surer = a_read("1A23456", confidence=0.6), a_read("1A2345G", confidence=0.9, frame_no=1)
    assert max([right, surer], key=lambda read: picture_rank(read, "1A23456")) is right
