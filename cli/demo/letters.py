"""A-Z and 0-9 as strokes, in the manner of DIN 1451: even stroke, straight flanks, round bowls.

A glyph is drawn along centre lines in millimetres of a 75 mm plate letter: x to the right, y down from the top line's
centre, 64 mm to the bottom line's centre, with a pen of 11 mm.
"""

from dataclasses import dataclass
from functools import cache
from math import cos, radians, sin

import cv2
import numpy as np

from cli.demo.canvas import Colour, Image

HEIGHT_MM = 75.0
PEN_MM = 11.0
_SUPERSAMPLE = 4  # smooths the pen's edge more than OpenCV's own antialiasing, which knows whole-pixel pens alone

Point = tuple[float, float]
Stroke = tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """The strokes of one character; width_mm is its centre-line width, to which the pen adds PEN_MM."""

    width_mm: float
    strokes: tuple[Stroke, ...]


def _arc(centre: Point, radii: Point, start: float, end: float) -> Stroke:
    """Points of an ellipse from start to end, in degrees clockwise from three o'clock."""
    steps = max(4, round(abs(end - start) / 6))
    angles = [radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return tuple((centre[0] + radii[0] * cos(a), centre[1] + radii[1] * sin(a)) for a in angles)


def _glyph(width_mm: float, *strokes: Stroke) -> Glyph:
    return Glyph(width_mm=width_mm, strokes=strokes)


def _turned(stroke: Stroke, width_mm: float) -> Stroke:
    return tuple((width_mm - x, 64 - y) for x, y in stroke)


_SIX: Stroke = ((22, 0), (2.5, 36), *_arc((15, 46), (15, 18), 213, 573))
_ROUND: Stroke = (*_arc((19, 20), (19, 20), 180, 360), *_arc((19, 44), (19, 20), 0, 180), (0, 20))
_P: Stroke = ((0, 64), (0, 0), (16, 0), *_arc((16, 17.5), (17, 17.5), 270, 450), (0, 35))
_C_TOP = _arc((17, 18), (17, 18), -22, -180)

GLYPHS: dict[str, Glyph] = {
    "0": _glyph(29, (*_arc((14.5, 15), (14.5, 15), 180, 360), *_arc((14.5, 49), (14.5, 15), 0, 180), (0, 15))),
    "1": _glyph(17, ((0, 17), (17, 0), (17, 64))),
    "2": _glyph(30, (*_arc((15, 16), (15, 16), 185, 385), (0, 64), (30, 64))),
    "3": _glyph(30, (*_arc((15, 15.5), (13.5, 15.5), 195, 450), *_arc((15, 47.5), (15, 16.5), 270, 525))),
    "4": _glyph(32, ((19, 0), (0, 47), (32, 47)), ((23, 27), (23, 64))),
    "5": _glyph(30, ((28, 0), (5, 0), (3, 30), *_arc((14.5, 43.5), (15.5, 20.5), 222, 515))),
    "6": _glyph(30, _SIX),
    "7": _glyph(30, ((0, 0), (30, 0), (10, 64))),
    "8": _glyph(31, _arc((15.5, 15.5), (13.5, 15.5), 90, 450), _arc((15.5, 47.5), (15.5, 16.5), 270, 630)),
    "9": _glyph(30, _turned(_SIX, 30)),
    "A": _glyph(36, ((0, 64), (18, 0), (36, 64)), ((6, 43), (30, 43))),
    "B": _glyph(
        32,
        (
            *((0, 31), (0, 0), (16, 0), *_arc((16, 15.5), (14, 15.5), 270, 450), (0, 31)),
            *((0, 64), (16, 64), *_arc((16, 47.5), (16, 16.5), 90, -90)),
        ),
    ),
    "C": _glyph(33, (*_C_TOP, *_arc((17, 46), (17, 18), 180, 22))),
    "D": _glyph(
        34, ((0, 0), (14, 0), *_arc((14, 20), (20, 20), 270, 360), *_arc((14, 44), (20, 20), 0, 90), (0, 64), (0, 0))
    ),
    "E": _glyph(29, ((29, 0), (0, 0), (0, 64), (29, 64)), ((0, 31), (25, 31))),
    "F": _glyph(29, ((29, 0), (0, 0), (0, 64)), ((0, 33), (25, 33))),
    "G": _glyph(34, (*_C_TOP, *_arc((17, 46), (17, 18), 180, 0), (34, 35), (20, 35))),
    "H": _glyph(33, ((0, 0), (0, 64)), ((33, 0), (33, 64)), ((0, 31), (33, 31))),
    "I": _glyph(0, ((0, 0), (0, 64))),
    "J": _glyph(24, ((24, 0), *_arc((12, 50), (12, 14), 0, 165))),
    "K": _glyph(34, ((0, 0), (0, 64)), ((32, 0), (0, 40)), ((11, 27), (34, 64))),
    "L": _glyph(28, ((0, 0), (0, 64), (28, 64))),
    "M": _glyph(39, ((0, 64), (0, 0), (19.5, 38), (39, 0), (39, 64))),
    "N": _glyph(34, ((0, 64), (0, 0), (34, 64), (34, 0))),
    "O": _glyph(38, _ROUND),
    "P": _glyph(33, _P),
    "Q": _glyph(38, _ROUND, ((22, 45), (38, 64))),
    "R": _glyph(34, _P, ((17, 35), (34, 64))),
    "S": _glyph(33, (*_arc((16.5, 16), (15.5, 16), -22, -270), *_arc((16.5, 48), (16.5, 16), -90, 160))),
    "T": _glyph(34, ((0, 0), (34, 0)), ((17, 0), (17, 64))),
    "U": _glyph(34, ((0, 0), *_arc((17, 47), (17, 17), 180, 0), (34, 0))),
    "V": _glyph(36, ((0, 0), (18, 64), (36, 0))),
    "W": _glyph(48, ((0, 0), (12, 64), (24, 6), (36, 64), (48, 0))),
    "X": _glyph(36, ((0, 0), (36, 64)), ((36, 0), (0, 64))),
    "Y": _glyph(36, ((0, 0), (18, 35), (36, 0)), ((18, 35), (18, 64))),
    "Z": _glyph(32, ((0, 0), (32, 0), (0, 64), (32, 64))),
}


def width_mm(char: str, *, height_mm: float = HEIGHT_MM) -> float:
    """The inked width of one character of A-Z0-9 at this letter height."""
    return (GLYPHS[char].width_mm + PEN_MM) * height_mm / HEIGHT_MM


@cache
def glyph_mask(char: str, height_px: int) -> Image:
    """One character of A-Z0-9 as HxW uint8, 0 paper to 255 ink, cut to its ink; KeyError for another character."""
    glyph = GLYPHS[char]
    scale = height_px * _SUPERSAMPLE / HEIGHT_MM
    width_px = max(1, round(width_mm(char) * height_px / HEIGHT_MM))
    canvas = np.zeros((height_px * _SUPERSAMPLE, width_px * _SUPERSAMPLE), np.uint8)
    for stroke in glyph.strokes:
        # 16 = 2⁴: the fixed-point fraction that shift=4 asks for
        points = np.round((np.array(stroke) + PEN_MM / 2) * scale * 16 - 8).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, max(1, round(PEN_MM * scale)), cv2.LINE_AA, 4)
    return cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA).astype(np.uint8)


def draw_text(
    image: Image,
    text: str,
    *,
    left_px: float,
    top_px: float,
    height_px: int,
    gap_px: float,
    colour: Colour,
    squeeze: float = 1.0,
) -> Image:
    """A copy of an HxWx3 uint8 BGR image with `text` (A-Z0-9) on it, each letter's width times `squeeze`."""
    drawn = image.copy()
    x = left_px
    for char in text:
        mask = glyph_mask(char, height_px)
        width_px = max(1, round(mask.shape[1] * squeeze))
        if width_px != mask.shape[1]:
            mask = cv2.resize(mask, (width_px, height_px), interpolation=cv2.INTER_AREA)
        y0, x0 = round(top_px), round(x)
        alpha = mask[:, :, None] / 255.0
        patch = drawn[y0 : y0 + height_px, x0 : x0 + width_px]
        patch[:] = np.round(patch * (1 - alpha) + np.array(colour) * alpha).astype(np.uint8)
        x += width_px + gap_px
    return drawn
