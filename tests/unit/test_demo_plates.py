import numpy as np
import pytest

from cli.demo.letters import GLYPHS
from cli.demo.plates import PLATE_MM, PX_PER_MM, STYLES, draw_plate


@pytest.mark.parametrize("country", STYLES)
def test_a_plate_is_520_by_110_mm(country: str) -> None:
    plate = draw_plate("1A2 3456", country)
    assert plate.shape == (110 * PX_PER_MM, 520 * PX_PER_MM, 3)
    assert plate.dtype == np.uint8
    assert PLATE_MM == (520, 110)


@pytest.mark.parametrize("country", STYLES)
def test_a_plate_has_a_dark_border_a_blue_band_and_white_paper(country: str) -> None:
    plate = draw_plate("A", country).astype(int)
    assert plate[[0, -1]].max() < 60
    assert plate[:, [0, -1]].max() < 60
    blue, green, red = plate[110, 20]
    assert blue > green + 60 > red
    assert plate[110, 120].min() > 220


@pytest.mark.parametrize("country", STYLES)
def test_the_widest_text_stays_inside_the_border(country: str) -> None:
    plate = draw_plate("WWW MMM 88", country)
    assert plate[40:180, -16 * PX_PER_MM // 2 - 8 : -10].min() > 200


def test_every_glyph_changes_the_plate() -> None:
    plates = {draw_plate(char * 4, "CZ").tobytes() for char in GLYPHS}
    assert len(plates) == len(GLYPHS)
