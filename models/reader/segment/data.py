"""Characters to train on: rendered plates, cut as real ones are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from models.reader.segment.characters import CAP_PX, SIDE_PX, characters, pictured
from models.render.chance import uniform
from models.render.fonts import Fonts
from models.render.sample import Options, sample

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HARDEST = 0.5  # difficulty; of harder plates few are cut right
LEAST_LETTER_PX = 12
LIKE_PX = 20  # side of the pictures by which likeness is judged
LIKELY = 6  # classes that a character may look like more than its own: a plate with a stranger one was cut wrongly


@dataclass(frozen=True, slots=True, kw_only=True)
class Characters:
    """pictures Nx80x80 uint8 as `characters` gives them, labels N int32: places in CLASSES."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int32]


def rendered(fonts: Fonts, *, seed: int, number: int) -> Characters:
    """`number` characters of a seed: of plates that were cut into pieces as many as, and like, their text's.

    They are as frequent as on plates: where O and 0 look alike, 0 is the likelier.
    """
    options = Options(least_letter_px=LEAST_LETTER_PX)
    known = _glyphs(fonts)
    pictures = np.empty((number, SIDE_PX, SIDE_PX), np.uint8)
    labels = np.empty(number, np.int32)
    done = 0
    for place in count():
        rng = np.random.default_rng((seed, place))
        plate = sample(rng, fonts, difficulty=uniform(rng, 0, HARDEST), options=options)
        rows = characters(plate.image)
        cut = [one for row in rows for one in row]
        classes = [CLASSES.index(char) for char in plate.text]
        if len(rows) != plate.lines or len(cut) != len(classes) or not _look_like(cut, classes, known):
            continue
        fit = min(len(cut), number - done)
        pictures[done : done + fit], labels[done : done + fit] = cut[:fit], classes[:fit]
        done += fit
        if done == number:
            break
    return Characters(pictures=pictures, labels=labels)


def batches(
    data: Characters, *, seed: int, size: int, first: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    """Batch `first`, `first` + 1, … without end, always the same for a seed: (size x 80 x 80 x 1, size)."""
    for step in count(first):
        rng = np.random.default_rng((seed, step))
        chosen = rng.integers(len(data.labels), size=size)
        pictures = np.stack([varied(rng, data.pictures[number]) for number in chosen])
        yield pictures[..., np.newaxis], data.labels[chosen]


def varied(rng: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as a slightly other cut, slant, size and contrast would have it."""
    slant, lean = uniform(rng, -0.15, 0.15), uniform(rng, -0.06, 0.06)
    width, height = uniform(rng, 0.88, 1.12), uniform(rng, 0.92, 1.08)
    turn = np.array(((width, slant), (lean, height)))
    middle = np.full(2, SIDE_PX / 2)
    move = middle + rng.uniform(-3, 3, 2) - turn @ middle
    moved = cv2.warpAffine(picture, np.column_stack((turn, move)), (SIDE_PX, SIDE_PX))
    return np.asarray(cv2.convertScaleAbs(moved, alpha=uniform(rng, 0.75, 1.3)), np.uint8)


def _glyphs(fonts: Fonts) -> NDArray[np.float32]:
    """What the classes look like: classes x fonts x values."""
    return np.stack([_features([_glyph(face.glyph(char, CAP_PX)) for face in fonts.faces]) for char in CLASSES])


def _glyph(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = np.flatnonzero(mask.max(axis=1) > 127)
    return pictured(mask[rows[0] : rows[-1] + 1])


def _features(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    small = [cv2.resize(one, (LIKE_PX, LIKE_PX), interpolation=cv2.INTER_AREA).ravel() for one in pictures]
    values = np.asarray(small, np.float32)
    values -= values.mean(axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-3)


def _look_like(cut: Sequence[NDArray[np.uint8]], classes: Sequence[int], known: NDArray[np.float32]) -> bool:
    likeness = (known @ _features(cut).T).max(axis=1)  # classes x pieces
    own = likeness[classes, np.arange(len(cut))]
    return bool(((likeness > own).sum(axis=0) < LIKELY).all())
