"""Reads plates. Only the reader that is asked for gets loaded."""

from pathlib import Path
from typing import Literal

from models.reader.protocol import Reader

__all__ = ["Reader", "load_reader"]


def load_reader(
    kind: Literal["tflite", "tesseract", "segment"],
    *,
    path: Path | None = None,
    min_confidence: float | None = None,
    min_length: int | None = None,
) -> Reader:
    """A reader of one kind; `path` is the network of "tflite", the last two are options of "tesseract" alone.

    Raises BadModel where a network cannot be loaded, BadInput where Tesseract is not installed.
    """
    if kind == "tesseract":
        from models.reader.tesseract import TesseractReader  # noqa: PLC0415

        return TesseractReader.load(min_confidence=min_confidence, min_length=min_length)
    if kind == "segment":
        from models.reader.segment.inference import SegmentReader  # noqa: PLC0415

        return SegmentReader.load()
    from models.reader.inference import TfliteReader  # noqa: PLC0415

    return TfliteReader.load(path)
