"""Labelled pictures in memory, and the batches that are made of them in other processes."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.types import Box
from models.detector.anchors import anchors
from models.detector.sources import Source
from models.detector.targets import targets
from models.evaluate.truth import LabelledFrame, load_frames, picture
from models.render.fonts import Fonts
from models.training.ahead import done_ahead

Image = NDArray[np.uint8]

MOST_PX = 1280  # longest side that is kept: a plate of 100 px can then fill a third of an input of 320
_MOST_LEVELS, _LEAST_PX = 3, 32  # of a pyramid, and of the shorter side of its smallest picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """HxWx3 uint8 BGR with its boxes in pixels."""

    image: Image
    plates: tuple[Box, ...]
    ignored: tuple[Box, ...]
    is_complete: bool
    is_stretched: bool  # its true aspect is not known


Pyramid = tuple[Picture, ...]  # each half as large as the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides the batches; it travels to the processes that make them."""

    sources: tuple[Source, ...]
    fonts: Path
    width_px: int
    height_px: int
    batch: int
    seed: int
    split: str = "train"


def frames(source: Source, split: str) -> list[LabelledFrame]:
    """The frames of one split of a data set. BadInput where there are none."""
    return load_frames(source.path, split=split, additions=source.additions)


def load(source: Source, split: str) -> list[Pyramid]:
    """All pictures of one split, decoded; BadInput where one cannot be."""
    return [_pyramid(frame, source) for frame in frames(source, split)]


def _pyramid(frame: LabelledFrame, source: Source) -> Pyramid:
    image = picture(frame.path)
    whole = Picture(
        image=image,
        plates=frame.plates,
        ignored=frame.ignored,
        is_complete=source.is_complete,
        is_stretched=image.shape[0] == image.shape[1],  # no camera is square
    )
    levels = [_shrunk(whole, min(1.0, MOST_PX / max(image.shape[:2])))]
    while min(levels[-1].image.shape[:2]) >= 2 * _LEAST_PX and len(levels) < _MOST_LEVELS:
        levels.append(_shrunk(levels[-1], 0.5))
    return tuple(levels)


def _shrunk(one: Picture, scale: float) -> Picture:
    if scale == 1:
        return one
    size = round(one.image.shape[1] * scale), round(one.image.shape[0] * scale)
    x, y = size[0] / one.image.shape[1], size[1] / one.image.shape[0]
    plates, ignored = (
        tuple(Box(x1=b.x1 * x, y1=b.y1 * y, x2=b.x2 * x, y2=b.y2 * y) for b in boxes)
        for boxes in (one.plates, one.ignored)
    )
    image = np.asarray(cv2.resize(one.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return replace(one, image=image, plates=plates, ignored=ignored)


def batches(recipe: Recipe, *, first: int = 0, processes: int = 1) -> Generator[tuple[Image, NDArray[np.float32]]]:
    """Batch `first`, `first` + 1, … without end: B×height×width×3 uint8 RGB and its targets B×N×5, made elsewhere.

    A run that resumes at `first` sees what it would have seen. BadInput where pictures or fonts cannot be loaded.
    """
    Fonts.load(recipe.fonts)  # wrong paths are told here, not by a broken pool
    for source in recipe.sources:
        frames(source, recipe.split)
    tasks = (partial(_work, number) for number in count(first))
    yield from done_ahead(tasks, processes=processes, start=_start, arguments=(recipe,))


class Maker:
    """Makes batches of a recipe, in this process."""

    def __init__(self, recipe: Recipe) -> None:
        # Only where batches are made: OpenCV's drawing is of no use to the trainer.
        from models.detector.augment import Augmenter  # noqa: PLC0415

        self._recipe = recipe
        self._anchors = anchors(recipe.width_px, recipe.height_px)
        pools = [(source.weight, load(source, recipe.split)) for source in recipe.sources]
        self._augmenter = Augmenter(pools, Fonts.load(recipe.fonts), (recipe.width_px, recipe.height_px))

    def batch(self, number: int) -> tuple[Image, NDArray[np.float32]]:
        """The `number`th: always the same."""
        rng = np.random.default_rng((self._recipe.seed, number))
        made = [self._augmenter.sample(rng) for _ in range(self._recipe.batch)]
        images = np.stack([one.image[:, :, ::-1] for one in made])
        return images, np.stack([self._targets(one) for one in made])

    def _targets(self, one: Picture) -> NDArray[np.float32]:
        plates, ignored = (shares(boxes, one.image.shape[1], one.image.shape[0]) for boxes in (one.plates, one.ignored))
        return targets(plates, ignored, self._anchors, is_complete=one.is_complete)


def shares(boxes: Sequence[Box], width_px: int, height_px: int) -> NDArray[np.float32]:
    """M×4: ymin, xmin, ymax, xmax as shares of a picture."""
    edges = [(b.y1 / height_px, b.x1 / width_px, b.y2 / height_px, b.x2 / width_px) for b in boxes]
    return np.array(edges, np.float32).reshape(-1, 4)


_makers: dict[str, Maker] = {}  # of a process of the pool


def _start(recipe: Recipe) -> None:
    cv2.setNumThreads(1)
    _makers["one"] = Maker(recipe)


def _work(number: int) -> tuple[Image, NDArray[np.float32]]:
    return _makers["one"].batch(number)
