"""CTC decoding keeps its laws."""

from collections import defaultdict
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.reader import ctc

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = len(ALPHABET)


def steps(text: str, *, sure: float = 0.99, alphabet: str = ALPHABET) -> NDArray[np.float64]:
    """One step a character of `text`, "-" for the blank, each with probability `sure`."""
    classes = len(alphabet) + 1
    probabilities = np.full((len(text), classes), (1 - sure) / (classes - 1))
    for number, character in enumerate(text):
        probabilities[number, alphabet.index(character) if character != "-" else classes - 1] = sure
    return probabilities


def every_text(probabilities: NDArray[np.float64], alphabet: str) -> dict[str, float]:
    """The exact probability of each text, from all alignments one by one."""
    texts: dict[str, float] = defaultdict(float)
    for path in product(range(probabilities.shape[1]), repeat=len(probabilities)):
        text = "".join(alphabet[number] for number, _ in groupby(path) if number < len(alphabet))
        texts[text] += float(np.prod([step[number] for step, number in zip(probabilities, path, strict=True)]))
    return texts


@pytest.mark.parametrize(
    ("path", "text"),
    [("--AA-B-", "AB"), ("A-A", "AA"), ("AAA", "A"), ("11-1-2", "112"), ("----", ""), ("B", "B"), ("AABBAA", "ABA")],
)
def test_repeats_collapse_unless_a_blank_lies_between(path: str, text: str) -> None:
    assert ctc.greedy(steps(path), ALPHABET) == text
    assert ctc.n_best(steps(path), ALPHABET)[0][0] == text


@given(st.text(alphabet=ALPHABET + "-", min_size=1, max_size=24))
def test_greedy_finds_the_most_probable_text_of_peaked_steps(path: str) -> None:
    assert ctc.n_best(steps(path), ALPHABET)[0][0] == ctc.greedy(steps(path), ALPHABET)


@settings(max_examples=30)
@given(st.lists(st.lists(st.floats(-2, 2), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_wide_beam_gives_the_exact_probability_of_every_text(logits: list[list[float]]) -> None:
    probabilities = ctc.softmax(np.array(logits, np.float32))
    exact = every_text(probabilities, "AB")
    assert dict(ctc.n_best(probabilities, "AB", count=1000, beam=1000)) == pytest.approx(
        {text: p for text, p in exact.items() if p > 0}
    )


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 8))
def test_candidates_are_sorted_distinct_and_at_most_certain_together(seed: int, sharpness: float) -> None:
    logits = np.random.default_rng(seed).normal(0, sharpness, (24, BLANK + 1)).astype(np.float32)
    ranked = ctc.n_best(ctc.softmax(logits), ALPHABET)
    probabilities = [p for _, p in ranked]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len({text for text, _ in ranked}) == len(ranked) <= 5
    assert min(probabilities) >= 0
    assert sum(probabilities) <= 1 + 1e-9


def test_the_beam_adds_up_alignments_that_greedy_sees_one_by_one() -> None:
    # Blank is likeliest in each step (0.6 × 0.6 = 0.36), but A in any of them makes 0.4 + 0.4 − 0.16 = 0.64.
    probabilities = np.array([[0.4, 0.6], [0.4, 0.6]])
    assert ctc.greedy(probabilities, "A") == ""
    assert ctc.n_best(probabilities, "A") == [("A", pytest.approx(0.64)), ("", pytest.approx(0.36))]


def test_a_character_that_ends_one_line_and_starts_the_next_is_read_twice() -> None:
    assert ctc.greedy(steps("-A1" + "1B-"), ALPHABET) == "A1B"
    assert ctc.greedy(ctc.with_row_breaks(steps("-A1" + "1B-"), 2), ALPHABET) == "A11B"
    assert ctc.n_best(ctc.with_row_breaks(steps("-A1" + "1B-"), 2), ALPHABET)[0][0] == "A11B"


def test_one_row_has_no_break() -> None:
    assert np.array_equal(ctc.with_row_breaks(steps("-A1"), 1), steps("-A1"))


def test_softmax_survives_large_logits() -> None:
    assert ctc.softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]], np.float32)).tolist() == [[0.5, 0.5], [0.0, 1.0]]
