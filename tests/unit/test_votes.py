import pytest
from builders import a_read
from hypothesis import assume, given
from hypothesis import strategies as st

from anpr.types import Candidate, PlateRead
from anpr.votes import picture_rank, vote

TEXTS = st.sampled_from(["1A23456", "1A2345G", "IA23456", "1A2345", "MKT4173"])


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


@given(reads())
def test_reading_everything_twice_changes_no_winner(found: list[PlateRead]) -> None:
    ranked = vote(found).candidates
    assume(len(ranked) == 1 or ranked[0].confidence > 1.01 * ranked[1].confidence)
    assert vote(found + found).plate == ranked[0].text


def test_a_single_sure_read_does_not_outvote_a_consensus() -> None:
    consensus = [a_read("1A23456", confidence=0.5, frame_no=number) for number in range(3)]
    assert vote([*consensus, a_read("1A2345G", confidence=0.999, frame_no=9)]).plate == "1A23456"


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
