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
from models.reader.crops import trimmed

LANGUAGE = "eng"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WHITELIST = ALPHABET + " "  # without the space each gap in a plate brings Tesseract's confidence down to 0
MARGIN = 0.07  # share of a crop cut off each side: undoes a margin of 0.08 of the box; frames read as letters
BAND = 0.1  # share of a European plate that its country band takes on the left; it reads as a letter
BAND_ASPECT = 3.0  # plates wider than this may have a band (European 4.7, seen from the side down to 3; US 2.0)
BAND_LOOK = 0.05  # the left of the plate that tells a band: without one it holds as much bright ground as the rest
BAND_DARKER = 0.9  # of 53 found plates 9 were read exactly with the bands left on, 16 so, 18 with all wide plates cut
LINE_PX = 96  # height that a one-line plate is scaled to: cut, 18 of the 53 were read exactly, 16 at 48 px
MAX_WIDTH_PX = 1500  # three times the widest plate; Tesseract refuses pictures of 32768
TWO_LINES_ASPECT = 2.2  # plates narrower than this may have two lines
ONE_LINE, ONE_BLOCK = 7, 6  # Tesseract's page segmentation modes


class TesseractReader:
    """Tesseract 4 or 5 with the English data, one process a crop."""

    name = "tesseract"

    def __init__(self, *, min_confidence: float | None = None, min_length: int | None = None) -> None:
        """Use `load`."""
        self._min_confidence, self._min_length = min_confidence, min_length

    @classmethod
    def load(cls, *, min_confidence: float | None = None, min_length: int | None = None) -> Self:
        """Check that Tesseract runs; raises BadInput where it or its English data is not installed.

        Only texts with a confidence (0..1) above `min_confidence` and more than `min_length` characters are reported:
        0.73 and 6 is a rule seen in practice. None reports all.
        """
        # Read by the tesseract process: its threads only get in each other's way on a picture this small.
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        try:
            languages = pytesseract.get_languages()
        except pytesseract.TesseractNotFoundError as exc:
            raise BadInput("tesseract is not installed: apt install tesseract-ocr") from exc
        if LANGUAGE not in languages:
            raise BadInput(f"tesseract has no {LANGUAGE} data: apt install tesseract-ocr-{LANGUAGE}")
        return cls(min_confidence=min_confidence, min_length=min_length)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One reading a crop (HxWx3 uint8 BGR, any size): one candidate, or none."""
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Reading:
        readings = [self._seen(prepared(crop), ONE_LINE)]
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
        try:
            words: dict[str, list[Any]] = pytesseract.image_to_data(
                image,
                lang=LANGUAGE,
                config=f'--psm {mode} -c "tessedit_char_whitelist={WHITELIST}"',
                output_type=pytesseract.Output.DICT,
            )
        except pytesseract.TesseractError as exc:
            raise BadInput(f"tesseract failed on a crop: {' '.join(str(exc.message).split())}") from exc
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


def prepared(crop: NDArray[np.uint8], *, lines: int = 1) -> NDArray[np.uint8]:
    """A crop (HxWx3 uint8 BGR) without margin and band, in grey, 96 px a line, 3×3 Gaussian blur; HxW uint8."""
    grey = cv2.cvtColor(trimmed(crop, MARGIN), cv2.COLOR_BGR2GRAY)
    if _has_band(grey):
        grey = grey[:, round(grey.shape[1] * BAND) :]
    height = LINE_PX * lines
    width = min(MAX_WIDTH_PX, max(1, round(grey.shape[1] * height / grey.shape[0])))
    scaled = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(scaled, (3, 3), 0).astype(np.uint8, copy=False)


def _has_band(grey: NDArray[Any]) -> bool:
    height, width = grey.shape
    if width / height <= BAND_ASPECT:
        return False
    left = grey[:, : max(1, round(width * BAND_LOOK))]
    return bool(np.percentile(left, 75) < BAND_DARKER * np.percentile(grey, 75))
