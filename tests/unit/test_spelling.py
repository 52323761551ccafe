"""Characters that a country's plates draw alike."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr.ranking import VALID, plausibility
from anpr.spelling import OTHERS, respelled
from anpr.types import Candidate, Region

BRITISH = (Region(country="GB", probability=0.6), Region(country="RO", probability=0.2))
TEXTS = st.text(alphabet="O0I1ABCKLMY235", min_size=1, max_size=8)


def of(**shares: float) -> list[Candidate]:
    return [Candidate(text=text, confidence=share) for text, share in shares.items()]


@st.composite
def n_best(draw: st.DrawFn) -> list[Candidate]:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=5, unique=True))
    shares = sorted(draw(st.lists(st.floats(0, 1 / 5), min_size=len(texts), max_size=len(texts))), reverse=True)
    return [Candidate(text=text, confidence=share) for text, share in zip(texts, shares, strict=True)]


def test_a_british_plate_with_i_for_1_is_spelled_as_its_series_is() -> None:
    british = 0.6 / (0.6 + OTHERS * 0.4)
    assert respelled(of(YKI2RVV=0.9, YK12RVV=0.05), BRITISH) == (
        Candidate(text="YK12RVV", confidence=pytest.approx(0.05 + british * 0.9)),
        Candidate(text="YKI2RVV", confidence=pytest.approx((1 - british) * 0.9)),
    )


def test_the_surer_it_is_a_british_plate_the_more_of_the_text_moves() -> None:
    def moved(probability: float) -> float:
        found = respelled(of(YKI2RVV=0.9), [Region(country="GB", probability=probability)])
        return sum(one.confidence for one in found if one.text == "YK12RVV")

    assert moved(0.0) == 0
    assert 0 < moved(0.2) < 0.45 < moved(0.5) < moved(0.9) < moved(1.0) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("BTIIAHV", "BT11AHV"),
        ("CF08EO0", "CF08EOO"),
        ("XI1UME", "X11UME"),
        ("0V63UYN", "OV63UYN"),
        ("4Z6I617", "4Z6I617"),
    ],
)
def test_what_stands_where_only_a_letter_or_a_digit_can_is_one(text: str, wanted: str) -> None:
    assert respelled(of(**{text: 0.8}), BRITISH)[0].text == wanted


def test_a_plate_that_is_no_british_one_by_its_look_stays_as_it_was_read() -> None:
    elsewhere = (Region(country="CN", probability=0.9), Region(country="GB", probability=0.1))
    assert respelled(of(AOT999=0.8), elsewhere) == (Candidate(text="AOT999", confidence=0.8),)
    assert respelled(of(AOT999=0.8), ()) == (Candidate(text="AOT999", confidence=0.8),)


@given(n_best())
def test_the_sum_stays_and_what_is_plausible_as_read_is_not_respelled(read: list[Candidate]) -> None:
    found = respelled(read, BRITISH)
    assert math.fsum(one.confidence for one in found) == pytest.approx(math.fsum(one.confidence for one in read))
    after = {one.text: one.confidence for one in found}
    for one in read:
        if plausibility(one.text) >= VALID:
            assert after[one.text] >= one.confidence


@given(n_best())
def test_each_text_is_one_that_was_read_but_for_o_and_0_and_i_and_1(read: list[Candidate]) -> None:
    folded = {one.text.replace("O", "0").replace("I", "1") for one in read}
    assert {one.text.replace("O", "0").replace("I", "1") for one in respelled(read, BRITISH)} == folded
