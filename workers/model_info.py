"""Which network a process uses: its name and what its file holds."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from anpr.config import Settings
from models.detector import inference as detector
from models.reader import inference as reader
from workers.queues import Stage

DIGITS = 12


def model_of(stage: Stage, settings: Settings) -> Mapping[str, str]:
    """The first digits of the SHA-256 of a stage's network, by its name; "" where it has no file, none without one."""
    if stage == "detect":
        chosen, shipped = settings.detect.model, detector.WEIGHTS
    elif stage == "read" and settings.read.reader == "tflite":
        chosen, shipped = settings.read.model, reader.WEIGHTS
    else:
        return {settings.read.reader: ""} if stage == "read" else {}
    path = shipped if chosen is None else Path(chosen)
    path = path if path.exists() else shipped.with_name(f"{path.name}.tflite")
    if not path.exists():
        return {path.stem: ""}
    with path.open("rb") as file:
        return {path.stem: hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]}
