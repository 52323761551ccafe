"""A YOLO export with its suppression inside: one row a detection.

1 × N × 6 is x1, y1, x2, y2, score, class (YOLOv10 and Ultralytics' `nms=True`); 1 × N × 7, or N × 7, is batch, x1, y1,
x2, y2, class, score (the end-to-end ONNX exports of YOLOv7 and v9).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detector.found import Found, found
from models.tflite import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """Which column of a row is which."""

    corners: int  # the first of four
    number: int
    score: int


SIX = RowLayout(corners=0, score=4, number=5)
SEVEN = RowLayout(corners=1, number=5, score=6)


def find_layout(outputs: Sequence[Tensor]) -> RowLayout:
    """The columns of the one output; ValueError, with what was found, where there are other outputs."""
    shape = outputs[0].shape
    is_alone = len(outputs) == 1 and (len(shape) == 2 or (len(shape) == 3 and shape[0] == 1))
    if is_alone and shape[-1] in (6, 7):
        return SIX if shape[-1] == 6 else SEVEN
    shown = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
    raise ValueError(f"its output is not that of an end-to-end YOLO (1 × N × 6 or 1 × N × 7): {shown}")


def decode(
    arrays: Sequence[NDArray[np.float32]], layout: RowLayout, *, unit: tuple[float, float], threshold: float
) -> list[Found]:
    """The boxes that score `threshold` or more, in the network's order.

    unit: what the whole input's width and height are in the boxes' own numbers.
    """
    rows = arrays[0].reshape(-1, arrays[0].shape[-1])
    corners = rows[:, layout.corners : layout.corners + 4] / (*unit, *unit)
    return found(corners, rows[:, layout.number], rows[:, layout.score], threshold=threshold)
