"""Which network a worker uses: its name and what its file holds."""

import hashlib
from pathlib import Path

from anpr.config import Settings
from models.detector import inference as detector
from models.reader import inference as reader
from workers.queues import Stage

DIGITS = 12


def model_of(stage: Stage, settings: Settings) -> tuple[str, str]:
    """The name of the network of a stage and the first digits of its SHA-256; "" where there is none, or no file."""
    if stage == "detect":
        chosen, shipped = settings.detect.model, detector.WEIGHTS
    elif stage == "read" and settings.read.reader == "tflite":
        chosen, shipped = settings.read.model, reader.WEIGHTS
    else:
        return (settings.read.reader if stage == "read" else ""), ""
    path = shipped if chosen is None else Path(chosen)
    path = path if path.exists() else shipped.with_name(f"{path.name}.tflite")
    if not path.exists():
        return path.stem, ""
    with path.open("rb") as file:
        return path.stem, hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
