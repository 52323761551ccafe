"""The front of a car as one picture, drawn from outlines in metres."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cli.demo.canvas import Colour, Image

PX_PER_M = 360
WIDTH_M, HEIGHT_M = 2.3, 2.1  # of the picture: room for mirrors and a van's roof
PLATE_M = (0.52, 0.11)
_PLATE_Y = 0.43  # height of the plate's centre over the road

Outline = list[tuple[float, float]]

_GLASS, _DARK, _RUBBER, _CHROME = (74.0, 62.0, 52.0), (30.0, 28.0, 27.0), (34.0, 33.0, 33.0), (150.0, 150.0, 148.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The proportions of a car, in metres; `rise` scales every height under the windscreen."""

    width: float
    roof: float
    rise: float = 1.0
    grille: float = 0.48  # half the grille's width in half widths of the car


HATCHBACK = Body(width=1.74, roof=1.47)
SALOON = Body(width=1.82, roof=1.43, grille=0.56)
SUV = Body(width=1.88, roof=1.68, rise=1.14, grille=0.62)
VAN = Body(width=1.92, roof=1.95, rise=1.2, grille=0.52)


def plate_corners(body: Body) -> NDArray[np.float32]:
    """Corners of the plate on the car's front: 4x2 metres (x right of the middle, height), clockwise from top left."""
    half_width, half_height = PLATE_M[0] / 2, PLATE_M[1] / 2
    y = _PLATE_Y * body.rise
    low, high = y - half_height, y + half_height
    return np.array([(-half_width, high), (half_width, high), (half_width, low), (-half_width, low)], np.float32)


def to_pixels(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres on the car's front → pixels of its picture (the outer edge of pixel 0 is 0.0)."""
    return np.stack([(points[:, 0] + WIDTH_M / 2) * PX_PER_M, (HEIGHT_M - points[:, 1]) * PX_PER_M], axis=1)


class _Easel:
    """A picture under work: colour and cover, both float32."""

    def __init__(self, body: Body) -> None:
        shape = (round(HEIGHT_M * PX_PER_M), round(WIDTH_M * PX_PER_M))
        self.body = body
        self.bgr = np.zeros((*shape, 3), np.float32)
        self.cover = np.zeros(shape, np.float32)

    def fill(
        self, outline: Outline, colour: Colour, *, light: tuple[float, float] = (1, 1), rounds: int = 0, ink: float = 1
    ) -> None:
        """Paint a closed outline (x in half widths of the car, y in metres); `light` scales colour at top, bottom."""
        points = np.array(outline, np.float32)
        for _ in range(rounds):  # Chaikin's corner cutting
            after = np.roll(points, -1, axis=0)
            points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1).reshape(-1, 2)
        points = to_pixels(points * np.array([self.body.width / 2, 1], np.float32))
        x0, y0 = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.ceil(points.max(axis=0)).astype(int) + 2
        canvas = np.zeros(self.cover[y0:y1, x0:x1].shape, np.uint8)
        fixed = np.round((points - (x0, y0) - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, 4)
        mask = canvas.astype(np.float32)[:, :, None] * (ink / 255)
        shade = np.linspace(light[0], light[1], len(canvas), dtype=np.float32)[:, None, None]
        patch, cover = self.bgr[y0:y1, x0:x1], self.cover[y0:y1, x0:x1]
        patch[:] = np.clip(patch * (1 - mask) + np.array(colour, np.float32) * shade * mask, 0, 255)
        cover[:] = cover + (1 - cover) * mask[:, :, 0]

    def centred(self, half: Outline, colour: Colour, **how: object) -> None:
        """Paint an outline given by its right half, from the middle round to the middle."""
        self.fill(half + [(-x, y) for x, y in reversed(half)], colour, **how)  # type: ignore[arg-type]

    def pair(self, outline: Outline, colour: Colour, **how: object) -> None:
        """Paint an outline and its mirror image."""
        self.fill(outline, colour, **how)  # type: ignore[arg-type]
        self.fill([(-x, y) for x, y in outline], colour, **how)  # type: ignore[arg-type]


def _disc(x: float, y: float, rx: float, ry: float) -> Outline:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return [(float(x + rx * np.cos(a)), float(y + ry * np.sin(a))) for a in angles]


def _glasshouse(easel: _Easel, paint: Colour) -> None:
    k, roof = easel.body.rise, easel.body.roof
    easel.centred(
        [(0, 0.90 * k), (0.86, 0.90 * k), (0.70, roof - 0.09), (0.60, roof - 0.02), (0, roof + 0.01)],
        paint,
        light=(1.1, 0.75),
        rounds=2,
    )
    screen: Outline = [(0, 0.97 * k), (0.78, 0.95 * k), (0.635, roof - 0.10), (0.56, roof - 0.07), (0, roof - 0.055)]
    easel.centred(screen, _GLASS, light=(1.75, 0.7), rounds=2)
    middle = (0.99 * k + roof) / 2
    for side in (-1, 1):  # head rests, and a driver
        easel.fill(_disc(side * 0.36, middle - 0.01, 0.11, 0.07), _DARK, ink=0.45)
        easel.fill(_disc(side * 0.36, middle - 0.15, 0.22, 0.10), _DARK, ink=0.45)
    easel.fill(_disc(0.36, middle, 0.075, 0.075), (98, 112, 140), ink=0.55)
    easel.fill(_disc(0, roof - 0.12, 0.13, 0.025), _DARK, ink=0.8)
    glare: Outline = [(-0.58, roof - 0.10), (-0.30, roof - 0.075), (-0.52, 1.0 * k), (-0.72, 0.99 * k)]
    easel.fill(glare, (225, 215, 205), ink=0.16)
    for left in (-0.62, 0.02):  # wipers
        easel.fill([(left, 0.985 * k), (left + 0.5, 1.02 * k), (left + 0.5, 1.032 * k), (left, 1.0 * k)], _DARK)


def _front(easel: _Easel, paint: Colour) -> None:
    k, grille = easel.body.rise, easel.body.grille
    easel.pair([(0.70, 0.0), (0.94, 0.0), (0.95, 0.4), (0.70, 0.4)], _RUBBER, light=(0.6, 1.1), rounds=1)
    hull: Outline = [(0, 0.13), (0.84, 0.13), (0.97, 0.20), (1.0, 0.52 * k), (0.99, 0.76 * k), (0.93, 0.92 * k)]
    easel.centred([*hull, (0.80, 0.98 * k), (0, 1.01 * k)], paint, light=(1.0, 0.62), rounds=3)
    bonnet: Outline = [
        (0, 0.735 * k),
        (0.55, 0.74 * k),
        (0.86, 0.84 * k),
        (0.88, 0.93 * k),
        (0.76, 0.975 * k),
        (0, 0.985 * k),
    ]
    easel.centred(bonnet, paint, light=(1.28, 0.98), rounds=2)
    easel.pair([(0.40, 0.745 * k), (0.43, 0.745 * k), (0.60, 0.96 * k), (0.58, 0.96 * k)], paint, light=(1.1, 0.8))
    easel.centred([(0, 0.725 * k), (0.6, 0.733 * k), (0.6, 0.738 * k), (0, 0.732 * k)], _DARK, ink=0.7)
    easel.pair(
        [(grille + 0.04, 0.645 * k), (0.92, 0.70 * k), (0.955, 0.80 * k), (0.88, 0.815 * k), (0.62, 0.745 * k)],
        _DARK,
        light=(1.6, 2.4),
        rounds=2,
    )
    easel.pair(_disc(0.74, 0.725 * k, 0.075, 0.04), (235, 238, 236))
    easel.pair(_disc(0.88, 0.765 * k, 0.04, 0.025), (205, 208, 206))
    easel.centred(
        [(0, 0.585 * k), (grille - 0.08, 0.59 * k), (grille, 0.70 * k), (0, 0.715 * k)],
        _DARK,
        light=(0.7, 1.2),
        rounds=1,
    )
    for i in range(3):
        y = (0.615 + 0.03 * i) * k
        easel.centred([(0, y), (grille - 0.07, y), (grille - 0.07, y + 0.008), (0, y + 0.008)], _CHROME, ink=0.55)
    easel.fill(_disc(0, 0.655 * k, 0.065, 0.05), _CHROME, light=(1.3, 0.8))
    easel.centred([(0, 0.515 * k), (0.95, 0.53 * k), (0.95, 0.54 * k), (0, 0.525 * k)], paint, light=(0.6, 0.7))
    easel.centred([(0, 0.165), (0.62, 0.17), (0.70, 0.33 * k), (0, 0.34 * k)], _DARK, light=(0.7, 1.1), rounds=1)
    easel.centred([(0, 0.13), (0.84, 0.13), (0.90, 0.155), (0, 0.155)], _DARK)
    easel.pair([(0.76, 0.25), (0.93, 0.30), (0.93, 0.40 * k), (0.80, 0.38 * k)], _DARK, rounds=2)
    easel.pair(_disc(0.86, 0.325 * k, 0.045, 0.03), _CHROME)
    easel.pair(
        [(0.93, 0.96 * k), (1.0, 0.93 * k), (1.19, 0.96 * k), (1.2, 1.10 * k), (1.0, 1.12 * k)],
        paint,
        light=(1.1, 0.6),
        rounds=2,
    )


def draw_front(body: Body, paint: Colour, plate: Image | None) -> Image:
    """The front of a car, HxWx4 uint8 BGR and cover, colour multiplied by cover; `plate` BGR, None to leave it off."""
    easel = _Easel(body)
    _glasshouse(easel, paint)
    _front(easel, paint)
    holder = plate_corners(body) * np.float32(2 / body.width)
    x, low, high = holder[1, 0], _PLATE_Y * body.rise - 0.068, _PLATE_Y * body.rise + 0.062
    easel.fill([(-x - 0.012, low), (x + 0.012, low), (x + 0.012, high), (-x - 0.012, high)], _DARK)
    bgr, cover = easel.bgr, easel.cover
    if plate is not None:
        corners = np.round(to_pixels(plate_corners(body))).astype(int)
        (x0, y0), (x1, y1) = corners[0], corners[2]
        bgr[y0:y1, x0:x1] = cv2.resize(plate, (int(x1 - x0), int(y1 - y0)), interpolation=cv2.INTER_AREA)
    return np.dstack([bgr * cover[:, :, None], cover * 255]).round().astype(np.uint8)


def flanks(body: Body, paint: Colour) -> Iterator[tuple[list[tuple[float, float, float]], Colour]]:
    """The roof, sides and side windows behind the front, back to front: corners in metres, and colour.

    Corners are (right of the car's middle, over the road, behind the front's foot).
    """
    k, roof, half = body.rise, body.roof, body.width / 2

    def lit(light: float) -> Colour:
        blue, green, red = (min(255.0, c * light) for c in paint)
        return blue, green, red

    low, top = 0.97 * k, roof - 0.08
    for s in (-0.97 * half, 0.97 * half):
        yield [(s, 0.25, 0.6), (s, 0.5, 0.5), (s, 0.93 * k, 1.2), (s, 0.95 * k, 4.0), (s, 0.3, 4.1)], lit(0.55)
        yield [(s, 0.93 * k, 1.2), (s * 0.62, roof, 1.9), (s * 0.62, roof - 0.04, 3.3), (s, 0.95 * k, 3.9)], lit(0.7)
        yield [(s * 0.93, low, 1.5), (s * 0.65, top, 2.0), (s * 0.65, top, 3.2), (s * 0.93, low, 3.7)], _GLASS
    edge, rim = 0.93 * half, 0.63 * half
    yield [(-edge, 0.9 * k, 1.2), (-rim, roof - 0.01, 1.9), (rim, roof - 0.01, 1.9), (edge, 0.9 * k, 1.2)], lit(0.6)
    front, back = 0.58 * half, 0.56 * half
    yield [(-front, roof, 1.9), (-back, roof - 0.03, 3.4), (back, roof - 0.03, 3.4), (front, roof, 1.9)], lit(1.1)
