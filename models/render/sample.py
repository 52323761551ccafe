"""Samples for training a reader: a crop of a plate and what it says."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import exp, log
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from models.render import degrade, formats
from models.render.chance import happens, pick, uniform
from models.render.countries import COUNTRIES, MIXTURE
from models.render.fonts import Fonts
from models.render.formats import PlateText
from models.render.looks import LOOKS
from models.render.plate import Image, draw_plate, framed
from models.render.view import seen
from models.training.ahead import done_ahead

T = TypeVar("T")
_OVERSAMPLING = 1.3  # letters are drawn this much larger than they are seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """image HxWx3 uint8 BGR; corners 4x2 float32 of the plate in it, top left first, clockwise."""

    image: Image
    text: str
    lines: int
    country: str
    corners: NDArray[np.float32]
    letter_px: float  # height of the letters, before they are tilted


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is rendered. A country's weight in the mixture is its share of the samples."""

    mixture: Mapping[str, float] = field(default_factory=lambda: MIXTURE)
    two_line: float = 0.12  # share among the countries that have such plates
    least_letter_px: float = 10
    most_letter_px: float = 48


DEFAULT = Options()


def sample(rng: np.random.Generator, fonts: Fonts, *, difficulty: float, options: Options = DEFAULT) -> Sample:
    """One sample; the state of `rng` decides everything. `difficulty` 0: clean and near; 1: all that a road has."""
    text = formats.draw(rng, COUNTRIES, mixture=options.mixture, two_line=options.two_line)
    return rendered(rng, text, fonts, difficulty=difficulty, options=options)


def rendered(
    rng: np.random.Generator, text: PlateText, fonts: Fonts, *, difficulty: float, options: Options = DEFAULT
) -> Sample:
    """A sample of a given text."""
    letter_px = _letter_px(rng, difficulty, options)
    drawn_px = max(16.0, letter_px * _OVERSAMPLING)
    flat = draw_plate(rng, text, fonts, cap_px=drawn_px)
    if happens(rng, 0.05 + 0.25 * difficulty):
        flat = degrade.soiled(rng, flat, drawn_px, difficulty)
    plate = framed(rng, flat, fonts, is_american=LOOKS[text.look].clutter == "us")
    image, corners = seen(rng, plate, scale=letter_px / drawn_px, difficulty=difficulty)
    image = degrade.degraded(rng, image, letter_px=letter_px, difficulty=difficulty)
    if letter_px < 24 and happens(rng, 0.25):
        image, corners = _enlarged(rng, image, corners)
    return Sample(
        image=image, text=text.text, lines=text.lines, country=text.country, corners=corners, letter_px=letter_px
    )


def _letter_px(rng: np.random.Generator, difficulty: float, options: Options) -> float:
    """Evenly over the logarithm; easy samples have no small letters."""
    low = options.least_letter_px * (1 + 1.2 * (1 - difficulty))
    return exp(uniform(rng, log(low), log(max(low, options.most_letter_px))))


def _enlarged(
    rng: np.random.Generator, image: Image, corners: NDArray[np.float32]
) -> tuple[Image, NDArray[np.float32]]:
    """A small crop blown up again, as tiling and digital zoom do."""
    factor = uniform(rng, 1.2, 2.2)
    how = pick(rng, (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    grown = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    return grown, corners * np.array((size[0] / image.shape[1], size[1] / image.shape[0]), np.float32)


def samples(
    fonts: Fonts, *, seed: int, number: int, difficulty: float | None, options: Options = DEFAULT
) -> Iterator[Sample]:
    """`number` samples of a seed, each with its own generator; of all difficulties where it is None."""
    for place in range(number):
        rng = np.random.default_rng((seed, place))
        hard = rng.random() if difficulty is None else difficulty
        yield sample(rng, fonts, difficulty=hard, options=options)


def chunk(
    fonts: Fonts, *, seed: int, number: int, size: int, difficulty: tuple[float, float], options: Options = DEFAULT
) -> list[Sample]:
    """The `number`th chunk of a seed: always the same samples, their difficulty even between the two bounds."""
    rng = np.random.default_rng((seed, number))
    return [sample(rng, fonts, difficulty=uniform(rng, *difficulty), options=options) for _ in range(size)]


def batches(
    directory: Path,
    prepare: Callable[[list[Sample], np.random.Generator], T],
    *,
    seed: int,
    size: int,
    processes: int,
    difficulty: Callable[[int], tuple[float, float]] = lambda _: (0.0, 1.0),
    options: Options = DEFAULT,
    first: int = 0,
) -> Generator[T]:
    """`prepare(chunk, rng)` of chunk `first`, `first` + 1, … without end, rendered by other processes, in order.

    `prepare` runs there and must be a module's function; so what a sample is made into (a grey 32x160 tensor) costs
    the trainer nothing. Its generator is the chunk's own. `difficulty` maps a chunk's number to bounds: a curriculum. A
    run that resumes at `first` sees what it would have seen. Raises BadInput where the fonts cannot be loaded.
    """
    Fonts.load(directory)  # a wrong directory is told here, not by a broken pool
    tasks = (
        partial(_work, prepare, seed=seed, number=number, size=size, difficulty=difficulty(number), options=options)
        for number in count(first)
    )
    yield from done_ahead(tasks, processes=processes, start=_start, arguments=(directory,))


_fonts: dict[str, Fonts] = {}  # of a rendering process


def _start(directory: Path) -> None:
    cv2.setNumThreads(1)
    _fonts["all"] = Fonts.load(directory)


def _work(
    prepare: Callable[[list[Sample], np.random.Generator], T],
    *,
    seed: int,
    number: int,
    size: int,
    difficulty: tuple[float, float],
    options: Options,
) -> T:
    made = chunk(_fonts["all"], seed=seed, number=number, size=size, difficulty=difficulty, options=options)
    return prepare(made, np.random.default_rng((seed, number, size)))
