"""The raw head of a YOLO export: one row a box, with no suppression yet.

YOLOv8 and later give 1 × (4 + classes) × N, YOLOv5 to v7 1 × N × (5 + classes) with an objectness before the classes
(Ultralytics, "Export mode", docs.ultralytics.com/modes/export); converters turn either round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detector.found import Found, found, sigmoid, suppressed
from models.tflite import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLayout:
    channels_first: bool  # 1 × channels × N
    objectness: bool  # a channel before the classes that scores "anything at all"


def find_layout(outputs: Sequence[Tensor], classes: int) -> RawLayout:
    """How the rows lie in the one output; ValueError, with what was found, where they are not of that many classes."""
    shape = outputs[0].shape
    if len(outputs) == 1 and len(shape) == 3 and shape[0] == 1:
        fits = [axis for axis in (2, 1) if shape[axis] - 4 - classes in (0, 1)]
        if fits:
            axis = min(fits, key=lambda axis: shape[axis])  # there are more boxes than channels
            return RawLayout(channels_first=axis == 1, objectness=shape[axis] == 5 + classes)
    shown = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
    raise ValueError(
        f"its output is no raw YOLO head of {classes} classes (1 × {4 + classes} × N or 1 × N × {5 + classes}): {shown}"
    )


def decode(
    arrays: Sequence[NDArray[np.float32]],
    layout: RawLayout,
    *,
    unit: tuple[float, float],
    logits: bool,
    threshold: float,
) -> list[Found]:
    """The boxes that score `threshold` or more, best first, those of one plate thinned out.

    unit: what the whole input's width and height are in the boxes' own numbers. logits: scores still need a sigmoid.
    """
    rows = arrays[0][0].T if layout.channels_first else arrays[0][0]
    scores = sigmoid(rows[:, 4:]) if logits else rows[:, 4:]
    classes = scores[:, 1:] * scores[:, :1] if layout.objectness else scores
    centres, halves = rows[:, :2] / unit, rows[:, 2:4] / unit / 2
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    return suppressed(found(corners, classes.argmax(axis=1), classes.max(axis=1), threshold=threshold))
