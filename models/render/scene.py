"""Plates in whole pictures, for training a detector."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.types import Box
from models.render import degrade, formats
from models.render.chance import happens, uniform
from models.render.countries import COUNTRIES
from models.render.fonts import Fonts
from models.render.looks import LOOKS
from models.render.plate import Image, Plate, draw_plate, framed
from models.render.sample import DEFAULT, Options
from models.render.view import HALF, surroundings, turned_quad

_TRIES = 12  # places tried for a plate before the picture counts as full
_REPLACED = 0.6  # difficulty of a plate that covers another: about as blurred as what cameras give
_SAME_ASPECT = 0.3  # difference of logarithms
_LEAST_WIDTH_PX, _MOST_SHARE = 16, 0.3  # of a plate in a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """A plate in a picture; corners 4x2 float32 in its pixels, top left first, clockwise; the box holds just them."""

    text: str
    lines: int
    country: str
    corners: NDArray[np.float32]
    box: Box


def paste(
    rng: np.random.Generator,
    frame: Image,
    fonts: Fonts,
    *,
    number: int,
    taken: Sequence[Box] = (),
    difficulty: float = 0.5,
    options: Options = DEFAULT,
) -> tuple[Image, list[Pasted]]:
    """A copy of a picture (HxWx3 uint8 BGR) with up to `number` plates that touch neither `taken` nor one another.

    Widths are even over their logarithm, from 16 px to 0.3 of the picture; light and blur follow the place.
    """
    picture, pasted = frame.copy(), list[Pasted]()
    busy = [*taken]
    for _ in range(number):
        drawn = _drawn(rng, fonts, difficulty, options)
        for _ in range(_TRIES):
            width = exp(uniform(rng, log(_LEAST_WIDTH_PX), log(max(_LEAST_WIDTH_PX + 1, frame.shape[1] * _MOST_SHARE))))
            quad = turned_quad(
                rng, _outline(drawn.plate), scale=width / drawn.plate.image.shape[1], difficulty=difficulty
            )
            placed = _somewhere(rng, quad, frame)
            if placed is None or any(_touch(_box(placed), box) for box in busy):
                continue
            busy.append(_box(placed))
            picture, plate = _put(rng, picture, drawn, placed, difficulty)
            pasted.append(plate)
            break
    return picture, pasted


def replace(
    rng: np.random.Generator,
    frame: Image,
    where: Box | NDArray[np.float32],
    fonts: Fonts,
    *,
    options: Options = DEFAULT,
) -> tuple[Image, Pasted]:
    """A copy of a picture in which a rendered plate covers an old one, given its box or its corners (4x2).

    It has about the old one's shape, and its light: paper and ink are as bright as they were.
    """
    corners = _corners_of(where) if isinstance(where, Box) else np.asarray(where, np.float32)
    wide, high = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    drawn = _drawn(rng, fonts, _REPLACED, options, aspect=float(wide / max(high, 1.0)))
    return _put(rng, frame.copy(), drawn, corners, _REPLACED, covers_a_plate=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    plate: Plate
    text: formats.PlateText


def _drawn(
    rng: np.random.Generator, fonts: Fonts, difficulty: float, options: Options, *, aspect: float | None = None
) -> _Drawn:
    """A plate with some of what is round it, or bare and of about the aspect that is asked for."""
    text = _text(rng, options, aspect)
    flat = draw_plate(rng, text, fonts, cap_px=40)
    if happens(rng, 0.3 * difficulty):
        flat = degrade.soiled(rng, flat, 40, difficulty)
    is_american = LOOKS[text.look].clutter == "us"
    plate = framed(rng, flat, fonts, is_american=is_american, chance=0.6 if aspect is None else 0.0)
    if aspect is None and happens(rng, 0.5):
        plate = _on_bodywork(rng, plate)
    return _Drawn(plate=plate, text=text)


def _text(rng: np.random.Generator, options: Options, aspect: float | None) -> formats.PlateText:
    """A text whose plates have the aspect, or the nearest of a few."""
    if aspect is None:
        return formats.draw(rng, COUNTRIES, mixture=options.mixture, two_line=options.two_line)
    two_line = 0.5 if aspect < 2.5 else 0.0
    texts = [formats.draw(rng, COUNTRIES, mixture=options.mixture, two_line=two_line) for _ in range(_TRIES)]
    return min(texts, key=lambda text: max(_SAME_ASPECT, abs(log(_aspect(text) / aspect))))  # the first that fits


def _aspect(text: formats.PlateText) -> float:
    width, height = LOOKS[text.look].size_mm
    return width / height


def _on_bodywork(rng: np.random.Generator, plate: Plate) -> Plate:
    """With a piece of car around it, so that the edge of what was pasted is no sign of a plate."""
    height, width = plate.image.shape[:2]
    dx, dy = round(width * uniform(rng, 0.05, 0.4)), round(height * uniform(rng, 0.1, 0.8))
    image = surroundings(rng, width + 2 * dx, height + 2 * dy)
    image[dy : dy + height, dx : dx + width] = plate.image
    return Plate(image=image, corners=plate.corners + np.array((dx, dy), np.float32))


def _outline(plate: Plate) -> NDArray[np.float32]:
    height, width = plate.image.shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)


def _somewhere(rng: np.random.Generator, quad: NDArray[np.float32], frame: Image) -> NDArray[np.float32] | None:
    low, high = quad.min(axis=0), quad.max(axis=0)
    room = np.array((frame.shape[1], frame.shape[0])) - (high - low) - 2
    if min(room) <= 0:
        return None
    return (quad - low + 1 + rng.random(2) * room).astype(np.float32)


def _put(
    rng: np.random.Generator,
    picture: Image,
    drawn: _Drawn,
    quad: NDArray[np.float32],
    difficulty: float,
    *,
    covers_a_plate: bool = False,
) -> tuple[Image, Pasted]:
    """Warp the plate's picture onto a quad; works on the part of the picture around it, in place."""
    (left, top), (right, bottom) = np.floor(quad.min(axis=0)).astype(int) - 2, np.ceil(quad.max(axis=0)).astype(int) + 2
    left, top = max(0, int(left)), max(0, int(top))
    part = picture[top : int(bottom), left : int(right)]
    local = quad - np.array((left, top), np.float32)
    plate = drawn.plate
    outer = _outline(plate)
    shrunk, outer_small = _shrunk(plate.image, local)
    matrix = cv2.getPerspectiveTransform(outer_small - HALF, local - HALF)
    size = part.shape[1], part.shape[0]
    warped = cv2.warpPerspective(shrunk, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = (_as_bright_as if covers_a_plate else _in_the_light_of)(rng, np.asarray(warped, np.uint8), part)
    letter_px = 0.6 * float(np.linalg.norm(local[3] - local[0]))
    lit = degrade.degraded(rng, lit, letter_px=letter_px, difficulty=difficulty, effects=degrade.LIGHT + degrade.LENS)
    alpha = cv2.warpPerspective(np.full(shrunk.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.blur(alpha, (2, 2)).astype(np.float32)[:, :, np.newaxis] / 255
    part[:] = (part + (lit.astype(np.float32) - part) * alpha).astype(np.uint8)
    corners = cv2.perspectiveTransform(plate.corners[np.newaxis], cv2.getPerspectiveTransform(outer, quad))[0]
    corners = np.asarray(corners, np.float32)
    text = drawn.text
    return picture, Pasted(text=text.text, lines=text.lines, country=text.country, corners=corners, box=_box(corners))


def _shrunk(image: Image, quad: NDArray[np.float32]) -> tuple[Image, NDArray[np.float32]]:
    """The picture no more than twice as large as its place, so that warping does not alias; and its outline."""
    wide = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    high = max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1]))
    size = (
        min(image.shape[1], max(4, round(float(wide) * 1.3))),
        min(image.shape[0], max(4, round(float(high) * 1.3))),
    )
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)


def _in_the_light_of(rng: np.random.Generator, plate: Image, place: Image) -> Image:
    """The plate as bright as white is there, with some of the place's cast."""
    bright = np.percentile(place.reshape(-1, 3), 85, axis=0)
    level = float(np.clip(bright.mean() * uniform(rng, 1.0, 1.7), 45, 250)) / 235
    cast = (bright + 20) / (bright.mean() + 20)
    gain = level * (1 + (cast - 1) * uniform(rng, 0.2, 0.8))
    return np.clip(plate * gain.astype(np.float32), 0, 255).astype(np.uint8)


def _as_bright_as(rng: np.random.Generator, plate: Image, old: Image) -> Image:
    """The plate with the range of the one it covers."""
    dark, bright = np.percentile(old.reshape(-1, 3), (8, 92), axis=0).astype(np.float32)
    bright = np.maximum(bright * uniform(rng, 0.95, 1.1), dark + 30)
    share = (plate.astype(np.float32) - 30) / 205
    return np.clip(dark + share * (bright - dark), 0, 255).astype(np.uint8)


def _corners_of(box: Box) -> NDArray[np.float32]:
    return np.array([(box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)], np.float32)


def _box(corners: NDArray[np.float32]) -> Box:
    (x1, y1), (x2, y2) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)


def _touch(a: Box, b: Box) -> bool:
    return a.x1 < b.x2 and b.x1 < a.x2 and a.y1 < b.y2 and b.y1 < a.y2
