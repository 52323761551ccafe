"""The trained network as characters.tflite with its classes."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from anpr.errors import BadInput
from models.reader.segment.data import CLASSES, rendered
from models.reader.segment.inference import CLASSES_FILE, WEIGHTS, SegmentReader
from models.reader.segment.network import build
from models.render.fonts import Fonts
from models.training.convert import Form, converter
from models.training.loop import BEST, load_weights

CALIBRATION = 200  # characters by which int8 chooses its scales
HELD_OUT = 1000  # characters that the exported network is tried on
SEED = 2_000_003  # apart from those of training and validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    path: Path
    bytes: int
    accuracy: float  # of the .tflite, on rendered characters it never saw


def export(run: Path, fonts: Path, *, seed: int) -> Exported:
    """Write the best weights of a run as int8 characters.tflite and classes.txt into its directory.

    Keras must run on TensorFlow. Raises BadInput where the weights do not fit or a file cannot be written.
    """
    model: keras.Model = build(len(CLASSES))
    load_weights(model, run / BEST)
    data = rendered(Fonts.load(fonts), seed=seed + SEED, number=CALIBRATION + HELD_OUT)
    pixels = [picture[..., np.newaxis] for picture in data.pictures[:CALIBRATION]]
    path = run / WEIGHTS.name
    try:
        path.write_bytes(converter(model, pixels=pixels, real=(0.0, 255.0), outputs="int8")(Form.INT8))
        (run / CLASSES_FILE).write_text("".join(f"{name}\n" for name in CLASSES), encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{exc.filename}: {exc.strerror}") from exc
    reader = SegmentReader.load(path)
    named = [int(np.argmax(reader.probabilities(picture))) for picture in data.pictures[CALIBRATION:]]
    accuracy = float(np.mean(np.array(named) == data.labels[CALIBRATION:]))
    return Exported(path=path, bytes=path.stat().st_size, accuracy=accuracy)
