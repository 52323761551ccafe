"""Pictures as a detector may meet them: plates of all sizes, rendered ones among them, all lights and cameras."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.types import Box
from models.detector.distract import distracted
from models.detector.photometry import developed
from models.detector.pictures import Image, Picture, Pyramid
from models.render import scene
from models.render.chance import happens, pick, uniform, weighted
from models.render.fonts import Fonts

_WHOLE, _MOSAIC = 0.35, 0.25  # shares of pictures: about as the camera gave it; four in one; else zoomed
_WIDTHS = (0.022, 0.5)  # of plates in zoomed pictures, as shares of its width: even over the logarithm
_MOST_GROWN = 2.5  # input pixels a pixel of the picture: more shows nothing new
_ZOOMS = (0.65, 10.0)  # of a whole frame; further out is mostly what lies round the picture
_ROUGH = 0.35  # share of pictures that are shrunk as the detector itself does it, without averaging
_SPARE = 0.8  # input pixels a pixel of the picture that plates are drawn into
_REPLACED, _DISTRACTED = 0.25, 0.3
_PASTED, _PASTED_IN_NEGATIVES = 0.25, 0.4
_ROOM_PX = 40  # least side of a picture that something is drawn into
_VISIBLE = 0.6  # of a plate that is cut by the edge: less of it is ignored
_LEAST_PX = (4.5, 2.0)  # width and height of a plate that can be found


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """Which part of a picture is seen where: input pixel = picture pixel × scale + offset."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float

    def __call__(self, box: Box) -> Box:
        return Box(
            x1=box.x1 * self.scale_x + self.offset_x,
            y1=box.y1 * self.scale_y + self.offset_y,
            x2=box.x2 * self.scale_x + self.offset_x,
            y2=box.y2 * self.scale_y + self.offset_y,
        )


class Augmenter:
    """Draws pictures from weighted pools and changes them."""

    def __init__(self, pools: Sequence[tuple[float, Sequence[Pyramid]]], fonts: Fonts, size: tuple[int, int]) -> None:
        """`size`: width and height of what `sample` gives."""
        self._pools, self._fonts, self._size = pools, fonts, size

    def sample(self, rng: np.random.Generator) -> Picture:
        """One picture of `size`; the state of `rng` decides everything."""
        made = self._mosaic(rng) if happens(rng, _MOSAIC) else self._one(rng, *self._size)
        if happens(rng, 0.5):
            made = _mirrored(made)
        return replace(made, image=developed(rng, made.image))

    def _mosaic(self, rng: np.random.Generator) -> Picture:
        """Four pictures side by side, each smaller than alone: small plates, and many scenes a step."""
        width, height = self._size
        x, y = round(width * uniform(rng, 0.35, 0.65)), round(height * uniform(rng, 0.35, 0.65))
        canvas = np.empty((height, width, 3), np.uint8)
        plates, ignored, is_complete = list[Box](), list[Box](), True
        for left, top, right, bottom in ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)):
            one = self._one(rng, right - left, bottom - top)
            canvas[top:bottom, left:right] = one.image
            plates += [box.shifted(left, top) for box in one.plates]
            ignored += [box.shifted(left, top) for box in one.ignored]
            is_complete &= one.is_complete
        return Picture(
            image=canvas, plates=tuple(plates), ignored=tuple(ignored), is_complete=is_complete, is_stretched=False
        )

    def _one(self, rng: np.random.Generator, width: int, height: int) -> Picture:
        pyramid = pick(rng, weighted(rng, self._pools))
        view = _view(rng, pyramid[0], width, height)
        is_rough = happens(rng, _ROUGH)
        level = 0 if is_rough else _level(pyramid, view.scale_x)
        source, view = pyramid[level], replace(view, scale_x=view.scale_x * 2**level, scale_y=view.scale_y * 2**level)
        left, right = _span(source.image.shape[1], view.scale_x, view.offset_x, width)
        top, bottom = _span(source.image.shape[0], view.scale_y, view.offset_y, height)
        # Where the whole pixels of that part come to lie.
        x1, x2 = (round(edge * view.scale_x + view.offset_x) for edge in (left, right))
        y1, y2 = (round(edge * view.scale_y + view.offset_y) for edge in (top, bottom))
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(width, max(x2, x1 + 1)), min(height, max(y2, y1 + 1))
        part, plates = self._dressed(rng, source.image[top:bottom, left:right], source, (left, top))
        canvas = np.empty((height, width, 3), np.uint8)
        canvas[:] = _filling(rng)
        how = cv2.INTER_LINEAR if is_rough or part.shape[1] <= x2 - x1 else cv2.INTER_AREA
        canvas[y1:y2, x1:x2] = cv2.resize(part, (x2 - x1, y2 - y1), interpolation=how)
        scale_x, scale_y = (x2 - x1) / (right - left), (y2 - y1) / (bottom - top)
        inside = _View(scale_x=scale_x, scale_y=scale_y, offset_x=x1 - left * scale_x, offset_y=y1 - top * scale_y)
        seen, cut = _visible([inside(box) for box in plates], width, height)
        others, rest = _visible([inside(box) for box in source.ignored], width, height)
        return replace(source, image=canvas, plates=tuple(seen), ignored=tuple(cut + others + rest))

    def _dressed(
        self, rng: np.random.Generator, part: Image, source: Picture, corner: tuple[int, int]
    ) -> tuple[Image, list[Box]]:
        """A part of a picture with plates replaced, plates added and other things written into it.

        With it come all plates, in the pixels of the whole picture.
        """
        height, width = part.shape[:2]
        plates = [box.shifted(-corner[0], -corner[1]) for box in source.plates]
        for box in plates:
            is_inside = box.x1 > 1 and box.y1 > 1 and box.x2 < width - 1 and box.y2 < height - 1
            if is_inside and box.width >= 10 and box.height >= 4 and happens(rng, _REPLACED):
                part, _ = scene.replace(rng, part, box, self._fonts)
        if min(height, width) >= _ROOM_PX:
            taken = [*plates, *(box.shifted(-corner[0], -corner[1]) for box in source.ignored)]
            if happens(rng, _DISTRACTED):
                part = distracted(rng, part, self._fonts, taken=taken)
            if happens(rng, _PASTED if source.plates else _PASTED_IN_NEGATIVES):
                number = 1 + int(rng.random() * 2)
                part, pasted = scene.paste(rng, part, self._fonts, number=number, taken=taken, difficulty=rng.random())
                plates += [one.box for one in pasted]
        return part, [box.shifted(*corner) for box in plates]


def _level(pyramid: Pyramid, scale: float) -> int:
    """The smallest picture that is larger than what is seen of it, by enough for plates that are drawn into it."""
    level = 0
    while level + 1 < len(pyramid) and scale * 2 ** (level + 1) <= _SPARE:
        level += 1
    return level


def _view(rng: np.random.Generator, source: Picture, width: int, height: int) -> _View:
    """Stretched like a whole frame, then zoomed: so that one plate has a width that is drawn, or hardly at all."""
    full_height, full_width = source.image.shape[:2]
    scale_x, scale_y = width / full_width, height / full_height
    spread = 0.22 if source.is_stretched else 0.14
    stretch = exp(float(np.clip(rng.normal(0, spread), -0.5, 0.5)))
    plate = pick(rng, source.plates) if source.plates else None
    if happens(rng, _WHOLE):
        zoom = exp(uniform(rng, -0.12, 0.25))
    elif plate is None:
        zoom = exp(uniform(rng, log(0.6), log(3)))
    else:
        wanted = exp(uniform(rng, log(_WIDTHS[0]), log(_WIDTHS[1])))
        zoom = float(np.clip(wanted / (plate.width / full_width), *_ZOOMS))
    zoom = min(zoom, _MOST_GROWN / min(scale_x, scale_y))
    scale_x, scale_y = scale_x * zoom * sqrt(stretch), scale_y * zoom / sqrt(stretch)
    centre = plate.centre if plate is not None else (full_width * rng.random(), full_height * rng.random())
    return _View(
        scale_x=scale_x,
        scale_y=scale_y,
        offset_x=_offset(rng, full_width * scale_x, centre[0] * scale_x, width),
        offset_y=_offset(rng, full_height * scale_y, centre[1] * scale_y, height),
    )


def _offset(rng: np.random.Generator, length: float, centre: float, room: int) -> float:
    """Of a picture of that length in a room: filling it where it can, the centre somewhere inside it."""
    if length <= room:
        return uniform(rng, 0, room - length)
    return float(np.clip(uniform(rng, 0.06, 0.94) * room - centre, room - length, 0))


def _span(length: int, scale: float, offset: float, room: int) -> tuple[int, int]:
    """The whole pixels of a picture that are seen."""
    start = int(np.clip(np.floor(-offset / scale), 0, length - 1))
    return start, int(np.clip(np.ceil((room - offset) / scale), start + 1, length))


def _filling(rng: np.random.Generator) -> NDArray[np.uint8]:
    if happens(rng, 0.4):
        return np.full(3, 128, np.uint8)  # as letterboxed frames have it
    return (rng.random(3) * 255).astype(np.uint8)


def _visible(boxes: Sequence[Box], width: int, height: int) -> tuple[list[Box], list[Box]]:
    """What of the boxes lies inside: those that can be found, and those of which too little is left."""
    seen, cut = list[Box](), list[Box]()
    for box in boxes:
        x1, y1, x2, y2 = max(0.0, box.x1), max(0.0, box.y1), min(float(width), box.x2), min(float(height), box.y2)
        if x2 - x1 <= 0 or y2 - y1 <= 0:
            continue
        inside = Box(x1=x1, y1=y1, x2=x2, y2=y2)
        share = inside.width * inside.height / (box.width * box.height)
        is_seen = share >= _VISIBLE and inside.width >= _LEAST_PX[0] and inside.height >= _LEAST_PX[1]
        (seen if is_seen else cut).append(inside)
    return seen, cut


def _mirrored(one: Picture) -> Picture:
    width = one.image.shape[1]

    def turned(box: Box) -> Box:
        return Box(x1=width - box.x2, y1=box.y1, x2=width - box.x1, y2=box.y2)

    return replace(
        one,
        image=np.ascontiguousarray(one.image[:, ::-1]),
        plates=tuple(map(turned, one.plates)),
        ignored=tuple(map(turned, one.ignored)),
    )
