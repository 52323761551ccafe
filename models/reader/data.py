"""What the reader is trained on: rendered plates and, among them, real ones changed a little each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from anpr.plates import normalise
from models.datasets import formats
from models.evaluate.crops import LABELS, load_crops
from models.evaluate.truth import picture
from models.reader.inference import standardised
from models.render import degrade
from models.render.chance import happens, uniform
from models.render.countries import COUNTRIES
from models.render.sample import Sample
from models.render.view import turned_quad
from models.spec import ReaderSpec

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MEAN, STD = 128.0, 58.0  # of a standardised crop, in grey levels
LONGEST = 12  # characters of a text; the longest plates have 10
PADDING = -1
REGIONS = tuple(sorted(code for code in COUNTRIES if code))
SPEC = ReaderSpec(output="ctc", alphabet=ALPHABET, rows=2, mean=MEAN, std=STD, least_std=4)
_CONTEXT = 0.35  # of a plate's size, kept on each side of it: loose crops show more of the car
_CSV_MARGIN = 0.05  # about what crops of a labels.csv have round the plate


@dataclass(frozen=True, slots=True, kw_only=True)
class RealPlate:
    """A piece of a picture, HxWx3 uint8 BGR, and where in it the plate is, in pixels (x1, y1, x2, y2)."""

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    text: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """pictures B×H×W×1 uint8, standardised; texts B×12 int8, classes padded with −1; regions B int16, −1 unknown."""

    pictures: NDArray[np.uint8]
    texts: NDArray[np.int8]
    regions: NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A source of real plates and its share of a batch."""

    path: Path
    share: float


def load_real(path: Path, *, split: str | None = "train") -> list[RealPlate]:
    """The plates of a labels.csv, or those of a data set of any format that have a text. BadInput where none has."""
    if (path / LABELS).exists() or path.name == LABELS:
        return [_of_crop(picture(crop.path), crop.text, crop.country) for crop in load_crops(path, split=split)]
    dataset = formats.read(path)
    plates: list[RealPlate] = []
    for image in dataset.images:
        texts = [(a.box, normalise(a.text)) for a in image.annotations if a.text]
        if split not in (None, image.split) or not texts:
            continue
        frame = picture(dataset.file(image))
        for box, text in texts:
            around = box.grown(_CONTEXT, width_px=frame.shape[1], height_px=frame.shape[0])
            left, top, right, bottom = (round(edge) for edge in (around.x1, around.y1, around.x2, around.y2))
            inside = (box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top)
            part = frame[top:bottom, left:right].copy()
            plates.append(RealPlate(image=part, box=inside, text=text, country=""))
    if not plates:
        raise BadInput(f"{path}: no plate with a text" + (f" in the split {split!r}" if split else ""))
    return plates


def _of_crop(image: NDArray[np.uint8], text: str, country: str) -> RealPlate:
    height, width = image.shape[:2]
    dx, dy = width * _CSV_MARGIN, height * _CSV_MARGIN
    return RealPlate(image=image, box=(dx, dy, width - dx, height - dy), text=text, country=country)


def varied(rng: np.random.Generator, plate: RealPlate) -> NDArray[np.uint8]:
    """A real plate cut anew, HxWx3 uint8 BGR: turned, looser or tighter, in other light, sometimes coarser."""
    x1, y1, x2, y2 = plate.box
    width, height = x2 - x1, y2 - y1
    loose = uniform(rng, 0, 0.16)
    left, right, top, bottom = (uniform(rng, -0.02, 0.05 + loose) for _ in range(4))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    turned = turned_quad(rng, corners, scale=1.0, difficulty=0.15) if happens(rng, 0.6) else corners - corners[2] / 2
    source = corners + np.array((x1, y1), np.float32)
    target = turned - turned.min(axis=0) + np.array((left * width, top * height), np.float32)
    span = turned.max(axis=0) - turned.min(axis=0)
    size = (
        max(8, round(float(span[0]) + (left + right) * width)),
        max(6, round(float(span[1]) + (top + bottom) * height)),
    )
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    cut = cv2.warpPerspective(plate.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = np.asarray(cut, np.uint8)
    if happens(rng, 0.7):
        image = degrade.degraded(rng, image, letter_px=0.6 * size[1], difficulty=uniform(rng, 0, 0.45))
    return image


def encoded(texts: Sequence[str]) -> NDArray[np.int8]:
    """B×12 classes of the characters, padded with −1."""
    classes = np.full((len(texts), LONGEST), PADDING, np.int8)
    for row, text in zip(classes, texts, strict=True):
        row[: len(text)] = [ALPHABET.index(character) for character in text]
    return classes


def tensor(image: NDArray[np.uint8], input_px: tuple[int, int]) -> NDArray[np.uint8]:
    """A crop as the network takes it, H×W×1."""
    return standardised(image, input_px, SPEC)[:, :, np.newaxis]


def prepared(
    made: list[Sample], rng: np.random.Generator, *, real: tuple[Real, ...], input_px: tuple[int, int]
) -> Batch:
    """A batch of the rendered samples, the first of them in place of their share replaced by real plates."""
    examples = [(one.image, one.text, one.country) for one in made]
    place = 0
    for source in real:
        plates = _loaded(source.path)
        for _ in range(_count(rng, source.share * len(made))):
            plate = plates[int(rng.random() * len(plates))]
            examples[place % len(made)] = (varied(rng, plate), plate.text, plate.country)
            place += 1
    known = {code: number for number, code in enumerate(REGIONS)}
    return Batch(
        pictures=np.stack([tensor(image, input_px) for image, _, _ in examples]),
        texts=encoded([text for _, text, _ in examples]),
        regions=np.array([known.get(country, PADDING) for _, _, country in examples], np.int16),
    )


def preparing(real: Sequence[Real], input_px: tuple[int, int]) -> partial[Batch]:
    """`prepared` for `models.render.sample.batches`."""
    return partial(prepared, real=tuple(real), input_px=input_px)


def _count(rng: np.random.Generator, mean: float) -> int:
    return int(mean) + int(happens(rng, mean % 1))


@cache
def _loaded(path: Path) -> list[RealPlate]:
    return load_real(path)
