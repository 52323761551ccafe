"""Tesseract behind the same promise: for comparison, and for plates that the network was not trained on."""

import os
from collections.abc import Sequence
from typing import Any, Self

import cv2
import numpy as np
import pytesseract
from numpy.typing import NDArray

from anpr.errors import BadInput
from anpr.types import Candidate, Reading

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LINE_PX = 64  # the height of one line of text is scaled to this: Tesseract is trained on letters some 30 px high
TWO_LINES_ASPECT = 2.2  # one-line plates are wider: EU 4.7, US 2.0 at the least with its frame, motorcycles 1.4
ONE_LINE, ONE_BLOCK = 7, 6  # Tesseract's page segmentation modes


class TesseractReader:
    """Tesseract 4 or 5 with the English data, one process a crop."""

    name = "tesseract"

    def __init__(self, *, min_confidence: float | None = None, min_length: int | None = None) -> None:
        """Use `load`."""
        self._min_confidence, self._min_length = min_confidence, min_length

    @classmethod
    def load(cls, *, min_confidence: float | None = None, min_length: int | None = None) -> Self:
        """Check that Tesseract runs; raises BadInput where it is not installed.

        Only texts with a confidence (0..1) above `min_confidence` and more than `min_length` characters are reported:
        0.73 and 6 is a rule seen in practice. None reports all.
        """
        # Read by the tesseract process: its threads only get in each other's way on a picture this small.
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        try:
            pytesseract.get_tesseract_version()
        except pytesseract.TesseractNotFoundError as exc:
            raise BadInput("tesseract is not installed: apt install tesseract-ocr") from exc
        return cls(min_confidence=min_confidence, min_length=min_length)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One reading a crop (HxWx3 uint8 BGR, any size): one candidate, or none."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Reading:
        readings = [self._seen(prepared(crop, lines=1), ONE_LINE)]
        if crop.shape[1] / crop.shape[0] < TWO_LINES_ASPECT:
            readings.append(self._seen(prepared(crop, lines=2), ONE_BLOCK))
        best = max(readings, key=lambda candidate: candidate.confidence if candidate.text else -1.0)
        return Reading(candidates=(best,) if self._passes(best) else ())

    def _passes(self, candidate: Candidate) -> bool:
        sure = self._min_confidence is None or candidate.confidence > self._min_confidence
        long = self._min_length is None or len(candidate.text) > self._min_length
        return bool(candidate.text) and sure and long

    @staticmethod
    def _seen(image: NDArray[np.uint8], mode: int) -> Candidate:
        words: dict[str, list[Any]] = pytesseract.image_to_data(
            image,
            config=f"--psm {mode} -c tessedit_char_whitelist={ALPHABET}",
            output_type=pytesseract.Output.DICT,
        )
        return joined([str(text) for text in words["text"]], [float(percent) for percent in words["conf"]])


def joined(texts: Sequence[str], percents: Sequence[float]) -> Candidate:
    """Tesseract's words as one text, with the mean of their confidences weighted by their characters, 0..1."""
    kept = [
        ("".join(c for c in text.upper() if c in ALPHABET), percent)
        for text, percent in zip(texts, percents, strict=True)
        if percent >= 0  # −1: a line or block, no word
    ]
    plate = "".join(text for text, _ in kept)
    weight = sum(len(text) * percent for text, percent in kept)
    return Candidate(text=plate, confidence=min(1.0, weight / len(plate) / 100) if plate else 0.0)


def prepared(crop: NDArray[np.uint8], *, lines: int) -> NDArray[np.uint8]:
    """A crop (HxWx3 uint8 BGR) as Tesseract likes it: grey, 64 px a line of text, 3×3 Gaussian blur; HxW uint8."""
    height = LINE_PX * lines
    width = max(1, round(crop.shape[1] * height / crop.shape[0]))
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    scaled = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(scaled, (3, 3), 0).astype(np.uint8, copy=False)
