"""What happens to a crop before and after a reader's network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr.types import Box, Candidate
from models.reader import tesseract
from models.reader.crops import trimmed
from models.reader.inference import averaged, standardised
from models.recognise import crop
from models.spec import ReaderSpec

SPEC = ReaderSpec(output="ctc", alphabet="AB", mean=128, std=58, least_std=4)


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 0.25))
def test_something_is_left_of_every_trimmed_crop(height: int, width: int, share: float) -> None:
    assert trimmed(np.zeros((height, width, 3), np.uint8), share).size > 0


@settings(max_examples=40)
@given(st.floats(0, 99), st.floats(0, 59), st.floats(0.1, 100), st.floats(0.1, 60), st.floats(0, 0.5))
def test_a_crop_is_never_empty_and_never_outside(
    x: float, y: float, width: float, height: float, margin: float
) -> None:
    box = Box(x1=x, y1=y, x2=min(100.0, x + width), y2=min(60.0, y + height))
    rows, columns, _ = crop(np.zeros((60, 100, 3), np.uint8), box, margin=margin).shape
    assert 1 <= rows <= 60
    assert 1 <= columns <= 100


def test_a_crop_holds_its_box_and_the_margin() -> None:
    image = np.arange(60 * 100, dtype=np.uint16).astype(np.uint8).reshape(60, 100, 1).repeat(3, axis=2)
    got = crop(image, Box(x1=20, y1=20, x2=40, y2=30), margin=0.1)
    assert np.array_equal(got, image[19:31, 18:42])


def test_a_standardised_crop_has_the_levels_of_its_spec() -> None:
    noise = np.random.default_rng(1).uniform(90, 130, (30, 120, 3)).clip(0, 255).astype(np.uint8)
    grey = standardised(noise, (192, 48), SPEC)
    assert grey.shape == (48, 192)
    assert grey.mean() == pytest.approx(128, abs=1)
    assert grey.std() == pytest.approx(58, abs=1)


def test_a_flat_crop_stays_flat() -> None:
    assert set(np.unique(standardised(np.full((9, 40, 3), 200, np.uint8), (192, 48), SPEC))) == {128}


def test_looks_at_one_plate_are_averaged() -> None:
    looks = [[("AB", 0.5), ("A8", 0.25)], [("A8", 0.75), ("AB", 0.25), ("B", 0.125)]]
    assert averaged(looks) == [("A8", 0.5), ("AB", 0.375), ("B", 0.0625)]


def test_words_of_tesseract_become_one_text_with_their_mean_confidence() -> None:
    assert tesseract.joined(["", "ab1", " ", "-9"], [-1, 90, 95, 50]) == Candidate(text="AB19", confidence=0.8)
    assert tesseract.joined(["", ""], [-1, -1]) == Candidate(text="", confidence=0.0)


@pytest.mark.parametrize(("lines", "height"), [(1, 96), (2, 192)])
def test_a_crop_for_tesseract_has_a_fixed_height_a_line(lines: int, height: int) -> None:
    assert tesseract.prepared(np.zeros((20, 40, 3), np.uint8), lines=lines).shape[0] == height
