"""A plate is cut into its characters: rows from top to bottom, each from left to right, and nothing else."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.reader.segment.characters import characters
from models.reader.segment.inference import n_best

Image = NDArray[np.uint8]


def a_crop(*lines: str, width: int = 340, band: bool = False) -> Image:
    """A white plate with dark text, 64 px a line, in dark bodywork; `band`: with a blue band on the left."""
    plate = np.full((64 * len(lines), width, 3), 235, np.uint8)
    left = 34 if band else 0
    if band:
        plate[:, :left] = (150, 50, 10)
        cv2.putText(plate, "RO", (5, 56), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
    for number, line in enumerate(lines):
        (text_width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, 1.6, 4)
        corner = left + (width - left - text_width) // 2, 64 * number + 50
        cv2.putText(plate, line, corner, cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 4, cv2.LINE_AA)
    return np.asarray(cv2.copyMakeBorder(plate, 8, 8, 20, 20, cv2.BORDER_CONSTANT, value=(60, 50, 45)), np.uint8)


def counts(crop: Image) -> list[int]:
    return [len(row) for row in characters(crop)]


def likeness(one: Image, other: Image) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_line_is_cut_into_its_characters_from_left_to_right() -> None:
    (row,) = characters(a_crop("AB 1234"))
    assert [(one.shape, one.dtype) for one in row] == [((80, 80), np.uint8)] * 6
    (backwards,) = characters(a_crop("43 21BA"))
    assert [min(6, sum(likeness(a, b) > 0.9 for b in backwards)) for a in row] == [1] * 6
    assert all(likeness(a, b) > 0.9 for a, b in zip(row, backwards[::-1], strict=True))


def test_a_character_is_bright_and_stands_in_the_middle() -> None:
    ((first, *_),) = characters(a_crop("HH 1234"))
    rows, columns = np.nonzero(first > 127)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(39.5, abs=2)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(39.5, abs=2)
    assert rows.max() - rows.min() == pytest.approx(59, abs=4)
    assert first[0, 0] == 0


def test_two_lines_are_read_one_after_the_other() -> None:
    assert counts(a_crop("AB 12", "345", width=220)) == [4, 3]
    assert counts(a_crop("345", "AB 12", width=220)) == [3, 4]


def test_light_letters_on_dark_ground_are_the_same_characters() -> None:
    crop = a_crop("B 73 KLM")
    (dark,), (light,) = characters(crop), characters(np.asarray(255 - crop, np.uint8))
    assert all(likeness(a, b) > 0.98 for a, b in zip(dark, light, strict=True))


@pytest.mark.parametrize(("text", "number"), [("AB-1234", 6), ("12-34-56", 6), ("K 5.678", 5)])
def test_hyphens_and_dots_are_no_characters(text: str, number: int) -> None:
    assert counts(a_crop(text)) == [number]


def test_a_blue_band_and_its_country_code_are_no_characters() -> None:
    assert counts(a_crop("B 73 KLM", band=True)) == [6]


def test_a_tilted_row_is_straightened() -> None:
    crop = a_crop("AB 1234")
    height, width = crop.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 7, 1)
    tilted = np.asarray(cv2.warpAffine(crop, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    assert counts(tilted) == [6]


def test_characters_that_touch_are_cut_apart() -> None:
    crop = a_crop("HN 7386")
    right = crop[8:-8, 20 + 170 : -20]  # holds the digits
    dark = np.flatnonzero((right < 100).all(axis=2).any(axis=0))
    gaps = dark[np.flatnonzero(np.diff(dark) > 1)]
    right[30:34, gaps[-1] : gaps[-1] + 12] = 20  # ink from the 8 to the 6
    assert counts(crop) == [6]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (24, 80), (600, 900)])
def test_a_crop_without_text_has_no_characters(shape: tuple[int, int]) -> None:
    assert characters(np.full((*shape, 3), 120, np.uint8)) == []


def test_the_crop_is_left_alone() -> None:
    crop = a_crop("AB 1234")
    before = crop.copy()
    characters(crop)
    assert np.array_equal(crop, before)


def test_the_most_probable_texts_are_the_products_of_their_characters() -> None:
    named = [[("A", 0.75), ("4", 0.25)], [("8", 0.5), ("B", 0.375), ("3", 0.125)]]
    assert n_best(named, count=3) == [("A8", 0.375), ("AB", 0.28125), ("48", 0.125)]
