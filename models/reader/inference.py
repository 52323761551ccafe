"""A crop in, candidates out: the CTC network."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadModel
from anpr.spelling import respelled
from anpr.types import Candidate, Reading, Region
from models.reader import ctc
from models.reader.crops import trimmed
from models.spec import ReaderSpec, load_spec
from models.tflite import Network

WEIGHTS = Path(__file__).with_name("reader.tflite")
CANDIDATES = 5
REGIONS = 3


class TfliteReader:
    """A TFLite CTC network with its spec."""

    name = "tflite"

    def __init__(self, network: Network, spec: ReaderSpec) -> None:
        """Use `load`."""
        self._network, self._spec = network, spec
        _, height, width, _ = network.input.shape
        self._input_px = (width, height)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The reader of a .tflite (ours by default) and its spec (.yaml of the same name) beside it, or BadModel."""
        path = path or WEIGHTS
        spec, network = load_spec(ReaderSpec, path), Network(path)
        shape, outputs = (
            network.input.shape,
            sorted((tensor.shape for tensor in network.outputs), key=len, reverse=True),
        )
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 1:
            raise BadModel(f"{path}: its input is {list(shape)}, a reader takes 1 × height × width × 1")
        expected = [(1, outputs[0][1] if len(outputs[0]) == 3 else 1, len(spec.alphabet) + 1)]
        expected += [(1, len(spec.regions))] if spec.regions else []
        if outputs != expected:
            said = f"1 × steps × {len(spec.alphabet) + 1}" + (f" and 1 × {len(spec.regions)}" if spec.regions else "")
            raise BadModel(f"{path}: gives {outputs}, its spec says {said}")
        if outputs[0][1] % spec.rows:
            raise BadModel(f"{path}: its {outputs[0][1]} steps do not make {spec.rows} rows")
        return cls(network, spec)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One reading a crop (HxWx3 uint8 BGR, any size): up to 5 candidates, none where no character is likeliest."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Reading:
        texts: list[list[tuple[str, float]]] = []
        countries: list[NDArray[np.float32]] = []
        for share in self._spec.looks:
            logits, country = self._logits(trimmed(crop, share))
            texts.append(ctc.n_best(self._steps(logits), self._spec.alphabet, count=CANDIDATES + 1))
            if country is not None:
                countries.append(country)
            if max(p for _, p in texts[-1]) >= self._spec.enough:
                break
        ranked, regions = averaged(texts), self._regions(countries)
        if ranked[0][0] == "":
            return Reading(candidates=(), regions=regions)
        named = [Candidate(text=text, confidence=min(1.0, p)) for text, p in ranked if text]
        return Reading(candidates=respelled(named, regions)[:CANDIDATES], regions=regions)

    def probabilities(self, crop: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What the decoder sees of one crop: steps × (alphabet, blank last)."""
        return self._steps(self._logits(crop)[0])

    def _steps(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        return ctc.with_row_breaks(ctc.softmax(logits), self._spec.rows)

    def _logits(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Of the text, steps × classes, and of the regions, where the network has them."""
        outputs = self._network.run(self._input_of(crop))
        text = next(array[0] for array in outputs if array.ndim == 3)
        return text, next((array[0] for array in outputs if array.ndim == 2), None)

    def _regions(self, looks: Sequence[NDArray[np.float32]]) -> tuple[Region, ...]:
        if not looks:
            return ()
        mean = np.mean([ctc.softmax(logits) for logits in looks], axis=0)
        best = np.argsort(-mean, kind="stable")[:REGIONS]
        return tuple(Region(country=self._spec.regions[i], probability=float(mean[i])) for i in best)

    def _input_of(self, crop: NDArray[np.uint8]) -> NDArray[Any]:
        grey = standardised(crop, self._input_px, self._spec)
        return (grey if self._network.input.dtype == np.uint8 else grey.astype(np.float32))[
            np.newaxis, :, :, np.newaxis
        ]


def averaged(looks: Sequence[Sequence[tuple[str, float]]]) -> list[tuple[str, float]]:
    """The texts of several looks at one plate with their mean probabilities (0 in a look without them), best first."""
    total: dict[str, float] = defaultdict(float)
    for look in looks:
        for text, probability in look:
            total[text] += probability / len(looks)
    return sorted(total.items(), key=lambda pair: -pair[1])


def standardised(crop: NDArray[np.uint8], input_px: tuple[int, int], spec: ReaderSpec) -> NDArray[np.uint8]:
    """A crop (HxWx3 uint8 BGR) in grey, stretched to (width, height), with the spec's mean and deviation; HxW uint8."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    shrinks = grey.shape[1] > input_px[0]
    grey = cv2.resize(grey, input_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(np.float32)
    levelled = (grey - grey.mean()) / max(float(grey.std()), spec.least_std) * spec.std + spec.mean
    return np.clip(np.rint(levelled), 0, 255).astype(np.uint8)
