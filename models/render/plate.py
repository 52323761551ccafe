"""One clean plate, seen from the front."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.render import clutter, words
from models.render.chance import happens, pick, uniform, weighted
from models.render.fonts import SPARE, Face, Fonts, Mask
from models.render.formats import PlateText
from models.render.looks import LOOKS, Colour, Look

Image = NDArray[np.uint8]  # HxWx3 BGR

ANY_FONT = 0.3  # share of plates in a font other than those that look like the country's
_STEPS = np.linspace(0.0, 1.0, 256)[:, np.newaxis]
_ROW_FILL = 0.78  # most of a row's height that capitals take: leaves SPARE above and below
_HYPHEN, _DOT = 0.3, 0.16  # widths in capital heights
_LEAST_SQUEEZE = 0.5  # narrower letters do not exist; the row gets lower instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A plate with what surrounds it; corners 4x2 float32 of the plate itself: top left, then clockwise."""

    image: Image
    corners: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where the text may go, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def draw_plate(rng: np.random.Generator, text: PlateText, fonts: Fonts, *, cap_px: float) -> Image:
    """A plate edge to edge, its letters about cap_px high."""
    look = LOOKS[text.look]
    face = fonts.pick(rng, () if happens(rng, ANY_FONT) else look.fonts)
    width_mm, height_mm = look.size_mm
    px = cap_px / look.letter_mm
    short = uniform(rng, 0.75, 1.0) if happens(rng, 0.25) else 1.0  # cars have plates of several lengths
    height, width = max(8, round(height_mm * px)), max(16, round(width_mm * px * short))
    paper, ink = _paint(rng, look)
    band = look.band if happens(rng, look.band_chance) else "none"
    area = _area(look, band, width, height)
    mask = np.zeros((height, width), np.uint8)
    seals = _write(rng, mask, text.shown, face, look=look, area=area, cap_px=cap_px)
    mask = _worn(rng, mask, cap_px)
    image = _painted(mask, paper, ink)
    if cap_px >= 20 and happens(rng, 0.35):
        image = _embossed(rng, image, mask)
    clutter.decorate(
        rng, image, face, look=look, band=band, ink=ink, area=(area.left, area.top, area.right, area.bottom)
    )
    for x, y, room in seals:
        clutter.seal(rng, image, x=x, y=y, room=room, colours=look.seals)
    return image


def _paint(rng: np.random.Generator, look: Look) -> tuple[Colour, Colour]:
    _, paper, ink = weighted(rng, [(paint[0], paint) for paint in look.paints])
    shade = rng.random(6)
    return (
        tuple(int(c * (0.8 + 0.2 * s)) for c, s in zip(paper, shade[:3] * 0.3 + shade[3] * 0.7, strict=True)),
        tuple(min(255, int(c + 45 * shade[4] * shade[5])) for c in ink),
    )  # pyright: ignore[reportReturnType] (three values each)


def _area(look: Look, band: str, width: int, height: int) -> Area:
    side = height * (0.4 if look.size_mm[1] < 130 else 0.22)
    edge = max(1.0, height * (0.12 if look.size_mm[1] < 130 else 0.08))
    top, bottom = edge * 0.4, height - edge * 0.4
    match look.clutter:
        case "us":
            top, bottom = 0.2 * height, 0.88 * height
        case "br":
            top = 0.2 * height
        case "mercosul":
            top = 0.26 * height
        case "stripes":
            top, bottom = 0.08 * height, 0.92 * height
        case _:
            pass
    return Area(
        left=side + edge * 0.5 if band in ("left", "both") else edge,
        top=top,
        right=width - (side + edge * 0.5 if band == "both" else edge),
        bottom=bottom,
    )


def _write(
    rng: np.random.Generator, mask: Mask, shown: str, face: Face, *, look: Look, area: Area, cap_px: float
) -> list[tuple[float, float, float]]:
    """Put the text into the mask; the places of its seals: x, y of the centre and the width, in pixels."""
    rows = shown.split("/")
    row_height = (area.bottom - area.top) / len(rows)
    squeeze = uniform(rng, *look.squeeze)
    seals: list[tuple[float, float, float]] = []
    gap, space = uniform(rng, 0.07, 0.24), uniform(rng, 0.3, 0.7)
    for number, row in enumerate(rows):
        room = uniform(rng, 0.5, 0.8)
        widths = [_width(char, face, squeeze, space=space, room=room) for char in row]
        total = sum(widths) + gap * (len(row) - 1)
        cap = min(cap_px, _ROW_FILL * row_height)
        fit = min(1.0, (area.right - area.left) / (total * cap))
        if fit * squeeze < _LEAST_SQUEEZE:
            lower = max(0.6, fit * squeeze / _LEAST_SQUEEZE)
            cap, fit = cap * lower, fit / lower
        slack = max(0.0, area.right - area.left - total * fit * cap)
        x = area.left + slack * uniform(rng, 0.35, 0.65)
        y = area.top + (number + 0.5) * row_height
        for char, width in zip(row, widths, strict=True):
            advance = width * fit * cap
            if char == "*":
                seals.append((x + advance / 2, y, advance))
            elif char in "-.":
                _put_dash(mask, x, y, advance, cap * (_DOT if char == "." else uniform(rng, 0.1, 0.16)))
            elif char != " ":
                _put(mask, face.glyph(char, cap, squeeze * fit), x, y - cap * (0.5 + SPARE))
            x += advance + gap * fit * cap
    return seals


def _width(char: str, face: Face, squeeze: float, *, space: float, room: float) -> float:
    """Of one character, in capital heights."""
    match char:
        case " ":
            return space
        case "-":
            return _HYPHEN
        case ".":
            return _DOT
        case "*":
            return room
        case _:
            return face.width(char) * squeeze


def _put(mask: Mask, glyph: Mask, x: float, y: float) -> None:
    """Add a glyph, moved inside where it would stick out."""
    height, width = min(glyph.shape[0], mask.shape[0]), min(glyph.shape[1], mask.shape[1])
    left = min(max(0, round(x)), mask.shape[1] - width)
    top = min(max(0, round(y)), mask.shape[0] - height)
    place = mask[top : top + height, left : left + width]
    np.maximum(place, glyph[:height, :width], out=place)


def _put_dash(mask: Mask, x: float, y: float, width: float, height: float) -> None:
    top = round(y - height / 2)
    mask[top : top + max(1, round(height)), round(x) : round(x + width)] = 255


def _worn(rng: np.random.Generator, mask: Mask, cap_px: float) -> Mask:
    """Strokes a little bolder or thinner than the font's."""
    if cap_px < 24 or not happens(rng, 0.3):
        return mask
    kernel = np.ones(pick(rng, ((2, 2), (1, 2), (2, 1), (3, 3) if cap_px > 48 else (2, 2))), np.uint8)
    change = cv2.dilate if happens(rng, 0.6) else cv2.erode
    return np.asarray(change(mask, kernel), np.uint8)


def _painted(mask: Mask, paper: Colour, ink: Colour) -> Image:
    table = (np.array(paper) + (np.array(ink) - np.array(paper)) * _STEPS).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge((mask, mask, mask)), table[:, np.newaxis, :]), np.uint8)


def _embossed(rng: np.random.Generator, image: Image, mask: Mask) -> Image:
    """Light on one flank of the pressed letters, shadow on the other."""
    dx, dy = (1 if happens(rng, 0.5) else -1), 1
    moved = np.roll(mask, (dy, dx), axis=(0, 1))
    strength = uniform(rng, 0.1, 0.5)
    dark = cv2.convertScaleAbs(cv2.subtract(moved, mask), alpha=strength)
    light = cv2.convertScaleAbs(cv2.subtract(mask, moved), alpha=strength)
    lit = cv2.add(cv2.subtract(image, cv2.merge((dark, dark, dark))), cv2.merge((light, light, light)))
    return np.asarray(lit, np.uint8)


def framed(rng: np.random.Generator, plate: Image, fonts: Fonts, *, is_american: bool, chance: float = 0.6) -> Plate:
    """The plate in its holder (dark rim, often with a dealer's name below) or bare."""
    height, width = plate.shape[:2]
    if not happens(rng, chance):
        return Plate(image=plate, corners=_corners(0, 0, width, height))
    rim = max(1, round(height * uniform(rng, 0.02, 0.07)))
    above, below = rim, rim
    if happens(rng, 0.55):
        below = max(2, round(height * uniform(rng, 0.08, 0.2)))
        above = max(2, round(height * uniform(rng, 0.08, 0.16))) if is_american and happens(rng, 0.6) else rim
    shade = 200 if happens(rng, 0.15) else 25
    colour = np.clip(shade + rng.random(3) * 40 - 15, 0, 255)
    image = np.asarray(
        cv2.copyMakeBorder(plate, above, below, rim, rim, cv2.BORDER_CONSTANT, value=colour.tolist()), np.uint8
    )
    ink: Colour = (30, 30, 30) if shade > 100 else (225, 225, 225)
    face = fonts.pick(rng)
    for top, room in ((above + height, below), (0, above)):
        if room > max(4, rim):
            clutter.caption(
                rng,
                image,
                face,
                pick(rng, words.DEALERS),
                ink=ink,
                centre=(image.shape[1] / 2, top + room / 2),
                height=room * 0.65,
                most_width=width * 0.9,
            )
    return Plate(image=image, corners=_corners(rim, above, width, height))


def _corners(x: float, y: float, width: float, height: float) -> NDArray[np.float32]:
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], np.float32)
