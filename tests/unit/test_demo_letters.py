from itertools import combinations
from string import ascii_uppercase, digits

import numpy as np
import pytest
from numpy.typing import NDArray

from cli.demo.letters import GLYPHS, HEIGHT_MM, PEN_MM, draw_text, glyph_mask, width_mm

HEIGHT_PX = 48


def on_common_sheet(char: str) -> NDArray[np.float64]:
    mask = glyph_mask(char, HEIGHT_PX) / 255
    sheet = np.zeros((HEIGHT_PX, HEIGHT_PX))
    left = (HEIGHT_PX - mask.shape[1]) // 2
    sheet[:, left : left + mask.shape[1]] = mask
    return sheet


def test_there_is_a_glyph_for_every_letter_and_digit_and_no_other() -> None:
    assert set(GLYPHS) == set(ascii_uppercase + digits)


@pytest.mark.parametrize("char", ascii_uppercase + digits)
def test_a_glyph_fills_its_height_and_width_with_ink(char: str) -> None:
    mask = glyph_mask(char, HEIGHT_PX)
    assert mask.shape == (HEIGHT_PX, round(width_mm(char) * HEIGHT_PX / HEIGHT_MM))
    rows, columns = mask.max(axis=1), mask.max(axis=0)
    assert min(rows[0], rows[-1], columns[0], columns[-1]) > 100


def test_any_two_glyphs_share_less_than_nine_tenths_of_their_ink() -> None:
    sheets = {char: on_common_sheet(char) for char in ascii_uppercase + digits}

    def shared(one: str, other: str) -> float:
        either = np.maximum(sheets[one], sheets[other]).sum()
        return float(np.minimum(sheets[one], sheets[other]).sum() / either)

    alike = {one + other: shared(one, other) for one, other in combinations(sheets, 2)}
    assert {pair: share for pair, share in alike.items() if share >= 0.9} == {}


def test_strokes_stay_inside_the_glyph() -> None:
    for char, glyph in GLYPHS.items():
        points = np.array([point for stroke in glyph.strokes for point in stroke])
        assert points.min() >= -1e-9, char
        assert points[:, 0].max() <= glyph.width_mm + 1e-9, char
        assert points[:, 1].max() <= HEIGHT_MM - PEN_MM + 1e-9, char


def test_drawing_text_leaves_the_given_image_as_it_was() -> None:
    paper = np.full((60, 120, 3), 255, np.uint8)
    drawn = draw_text(paper, "A1", left_px=5, top_px=5, height_px=HEIGHT_PX, gap_px=4, colour=(0, 0, 0))
    assert paper.min() == 255
    assert drawn.min() == 0
