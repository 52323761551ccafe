"""One European plate as a picture."""

from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi, sin

import numpy as np

from cli.demo.canvas import Canvas, Colour, Image
from cli.demo.letters import HEIGHT_MM, draw_text, width_mm

PLATE_MM = (520, 110)
PX_PER_MM = 2
_BAND_MM = 42.0
_BORDER_MM = 4.0
_WHITE, _BLACK, _BLUE, _YELLOW = (236, 240, 240), (26, 24, 24), (150, 62, 12), (60, 205, 250)
_GREEN, _SILVER, _RED, _CORAL = (88, 130, 58), (172, 178, 180), (52, 44, 178), (84, 92, 196)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a country's plate has between its groups of letters."""

    code: str  # on the blue band
    gap_mm: float
    seals: tuple[Colour, ...] = ()  # colours, top to bottom, in the first gap
    stripes: Colour | None = None  # thin lines along the top and bottom edges


STYLES: dict[str, Style] = {
    "CZ": Style(code="CZ", gap_mm=44, seals=(_GREEN, _SILVER)),
    "SK": Style(code="SK", gap_mm=44, seals=(_CORAL,)),
    "DE": Style(code="D", gap_mm=48, seals=(_SILVER, _SILVER)),
    "PL": Style(code="PL", gap_mm=40, seals=(_SILVER,)),
    "AT": Style(code="A", gap_mm=44, seals=(_RED,), stripes=_RED),
    "HU": Style(code="H", gap_mm=30),
}


def _px(mm: float) -> int:
    return round(mm * PX_PER_MM)


def _blank(style: Style) -> Image:
    width, height = PLATE_MM
    image = np.full((_px(height), _px(width), 3), _BLACK, np.uint8)
    image[_px(_BORDER_MM) : -_px(_BORDER_MM), _px(_BORDER_MM) : -_px(_BORDER_MM)] = _WHITE
    if style.stripes:
        for y in (7.0, height - 9.0):
            image[_px(y) : _px(y + 2), _px(_BORDER_MM) : -_px(_BORDER_MM)] = style.stripes
    image[_px(_BORDER_MM) : -_px(_BORDER_MM), _px(_BORDER_MM) : _px(_BAND_MM)] = _BLUE
    middle = (_BORDER_MM + _BAND_MM) / 2
    canvas = Canvas(image)
    for star in range(12):
        angle = star * pi / 6
        x, y = middle + 12 * cos(angle), 36 + 12 * sin(angle)
        canvas.disc(x * PX_PER_MM, y * PX_PER_MM, 1.8 * PX_PER_MM, _YELLOW)
    code_width = sum(width_mm(char, height_mm=22) for char in style.code) + 3 * (len(style.code) - 1)
    return draw_text(
        canvas.image,
        style.code,
        left_px=_px(middle - code_width / 2),
        top_px=_px(72),
        height_px=_px(22),
        gap_px=_px(3),
        colour=_WHITE,
    )


def draw_plate(text: str, country: str) -> Image:
    """The plate `text` (groups of A-Z0-9 parted by spaces) of an ISO 3166-1 country of STYLES.

    220x1040x3 uint8 BGR: 520 mm × 110 mm, 2 pixels a millimetre, edge to edge.
    """
    style = STYLES[country]
    image = _blank(style)
    groups = text.split()
    gap, right = 8.0, PLATE_MM[0] - _BORDER_MM - 8
    left = _BAND_MM + 8
    gaps = sum(gap * (len(group) - 1) for group in groups) + style.gap_mm * (len(groups) - 1)
    ink = sum(width_mm(char) for group in groups for char in group)
    squeeze = min(1.0, (right - left - gaps) / ink)  # Germany and Austria go over to a narrow letter here
    x = (left + right - gaps - ink * squeeze) / 2
    ends: list[tuple[float, float]] = []
    for group in groups:
        width = sum(width_mm(char) for char in group) * squeeze + gap * (len(group) - 1)
        image = draw_text(
            image,
            group,
            left_px=x * PX_PER_MM,
            top_px=_px((PLATE_MM[1] - HEIGHT_MM) / 2),
            height_px=_px(HEIGHT_MM),
            gap_px=gap * PX_PER_MM,
            colour=_BLACK,
            squeeze=squeeze,
        )
        ends.append((x, x + width))
        x += width + style.gap_mm
    canvas = Canvas(image)
    for (_, seal_left), (seal_right, _) in list(pairwise(ends))[:1]:
        x = (seal_left + seal_right) / 2 * PX_PER_MM
        for i, colour in enumerate(style.seals):
            y = (PLATE_MM[1] / 2 + (i - (len(style.seals) - 1) / 2) * 36) * PX_PER_MM
            blue, green, red = (min(255.0, c + 36) for c in colour)
            canvas.disc(x, y, 13 * PX_PER_MM, colour)
            canvas.disc(x, y, 7 * PX_PER_MM, (blue, green, red))
    return canvas.image
