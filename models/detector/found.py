"""What every decoder gives back: boxes of a network, before they are placed in the frame."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_IOU = 0.6  # looser than the merging of a frame's plates that follows: this only thins thousands of boxes out
MOST = 300  # boxes of one pass that are looked at further, as in the end-to-end exports


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One box of the network: ymin, xmin, ymax, xmax as shares of its input, not cut to it."""

    box: tuple[float, float, float, float]
    number: int  # the class
    score: float


def found(corners: NDArray[Any], numbers: NDArray[Any], scores: NDArray[Any], *, threshold: float) -> list[Found]:
    """The rows that score `threshold` or more, in their order; no box without area or not finite.

    corners: N×4 of x1, y1, x2, y2 as shares of the input; numbers and scores: N.
    """
    has_area = (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
    kept = np.flatnonzero((scores >= threshold) & has_area & np.isfinite(corners).all(axis=1))
    return [
        Found(
            box=(float(corners[i, 1]), float(corners[i, 0]), float(corners[i, 3]), float(corners[i, 2])),
            number=round(float(numbers[i])),
            score=float(scores[i]),
        )
        for i in kept
    ]


def suppressed(boxes: list[Found]) -> list[Found]:
    """Of boxes of one class that overlap by more than MAX_IOU the best alone (greedy NMS); the MOST best in all."""
    if not boxes:
        return []
    sides = [(one.box[1], one.box[0], one.box[3] - one.box[1], one.box[2] - one.box[0]) for one in boxes]
    kept = cv2.dnn.NMSBoxesBatched(sides, [b.score for b in boxes], [b.number for b in boxes], 0.0, MAX_IOU)
    best = sorted((boxes[i] for i in kept), key=lambda one: -one.score)
    return best[:MOST]


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    # 80: e⁸⁹ is more than a float32 holds
    return (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32, copy=False)
