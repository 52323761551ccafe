"""A crop in, candidates out: characters cut apart, then named one by one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadModel
from anpr.types import Candidate, Reading
from models.reader.ctc import softmax
from models.reader.segment.characters import SIDE_PX, characters
from models.tflite import Network

WEIGHTS = Path(__file__).with_name("characters.tflite")
CLASSES_FILE = "classes.txt"  # beside the weights: a class a line
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CANDIDATES = 5


class SegmentReader:
    """Image processing and a TFLite network that names one character: a baseline for the networks that read whole."""

    name = "segment"

    def __init__(self, network: Network, classes: Sequence[str]) -> None:
        """Use `load`."""
        self._network, self._classes = network, tuple(classes)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The reader with a .tflite (ours by default) and the classes.txt beside it, or BadModel."""
        path = path or WEIGHTS
        network, classes = Network(path), _classes(path.with_name(CLASSES_FILE))
        shape, outputs = network.input.shape, [tensor.shape for tensor in network.outputs]
        if shape != (1, SIDE_PX, SIDE_PX, 1):
            raise BadModel(f"{path}: its input is {list(shape)}, characters are 1 × {SIDE_PX} × {SIDE_PX} × 1")
        if outputs != [(1, len(classes))]:
            raise BadModel(f"{path}: gives {outputs}, its {CLASSES_FILE} says 1 × {len(classes)}")
        return cls(network, classes)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One reading a crop (HxWx3 uint8 BGR, any size): up to 5 candidates, none where no row of text is found."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Reading:
        pictures = [picture for row in characters(crop) for picture in row]
        if not pictures:
            return Reading(candidates=())
        named = [[*zip(self._classes, self.probabilities(one), strict=True)] for one in pictures]
        texts = n_best(named, count=CANDIDATES)
        return Reading(candidates=tuple(Candidate(text=text, confidence=min(1.0, p)) for text, p in texts))

    def probabilities(self, picture: NDArray[np.uint8]) -> list[float]:
        """Of each class, for one of the pictures of `characters`."""
        stored = picture if self._network.input.dtype == np.uint8 else picture.astype(np.float32)
        (logits,) = self._network.run(stored[np.newaxis, :, :, np.newaxis])
        return [float(p) for p in softmax(logits[0])]


def n_best(named: Sequence[Sequence[tuple[str, float]]], *, count: int) -> list[tuple[str, float]]:
    """The `count` most probable texts, best first, of characters whose classes have these probabilities each."""
    texts = [("", 1.0)]
    for classes in named:
        likeliest = sorted(classes, key=lambda pair: -pair[1])[:count]
        longer = [(text + name, p * q) for text, p in texts for name, q in likeliest]
        texts = sorted(longer, key=lambda pair: -pair[1])[:count]
    return texts


def _classes(path: Path) -> list[str]:
    try:
        classes = path.read_text(encoding="utf-8").split()
    except OSError as exc:
        raise BadModel(f"{path}: {exc.strerror} (the classes belong there, one a line)") from exc
    if len(set(classes)) < len(classes) or not set(classes) <= set(ALPHABET):
        raise BadModel(f"{path}: one of A-Z and 0-9 a line is expected, none twice")
    return classes
