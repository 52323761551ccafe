"""The outputs of TFLite_Detection_PostProcess, the last operator of the SSDs of the TF Object Detection API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detector.found import Found
from models.tflite import Tensor

OPERATOR = "TFLite_Detection_PostProcess"
# Where a file does not show the operator itself: its tensors as TF 1, TF 2 and signature exports name them.
NAMES = {
    "boxes": ("TFLite_Detection_PostProcess", "StatefulPartitionedCall:3", "detection_boxes", "boxes"),
    "classes": ("TFLite_Detection_PostProcess:1", "StatefulPartitionedCall:2", "detection_classes", "classes"),
    "scores": ("TFLite_Detection_PostProcess:2", "StatefulPartitionedCall:1", "detection_scores", "scores"),
    "count": ("TFLite_Detection_PostProcess:3", "StatefulPartitionedCall:0", "num_detections", "count"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SsdOutputs:
    """Which of a network's outputs (positions in its list) is which."""

    boxes: int
    classes: int
    scores: int
    count: int


def find_outputs(outputs: Sequence[Tensor], operator_outputs: Sequence[int]) -> SsdOutputs:
    """Tell the four outputs apart, in whatever order they come: by the operator's own order, else by name.

    Raises ValueError, with what was found, where they are not those of an SSD.
    """
    positions = {tensor.index: position for position, tensor in enumerate(outputs)}
    if len(operator_outputs) == len(NAMES) and all(index in positions for index in operator_outputs):
        found = [positions[index] for index in operator_outputs]
    else:
        by_name = {tensor.name: position for position, tensor in enumerate(outputs)}
        named = [[by_name[name] for name in names if name in by_name] for names in NAMES.values()]
        found = [choices[0] for choices in named if choices]
    if len(set(found)) != len(NAMES) or not _fits([outputs[position].shape for position in found]):
        shown = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
        raise ValueError(f"its outputs are not the four of {OPERATOR}: {shown}")
    boxes, classes, scores, count = found
    return SsdOutputs(boxes=boxes, classes=classes, scores=scores, count=count)


def _fits(shapes: Sequence[tuple[int, ...]]) -> bool:
    boxes, classes, scores, count = shapes
    if not (len(boxes) == 3 and boxes[2] == 4 and boxes[0] == 1):
        return False
    return classes == scores == boxes[:2] and int(np.prod(count)) == 1


def decode(arrays: Sequence[NDArray[np.float32]], outputs: SsdOutputs, *, threshold: float) -> list[Found]:
    """The boxes that score `threshold` or more, in the network's order; no box without area or not finite."""
    boxes, classes, scores = (arrays[i][0] for i in (outputs.boxes, outputs.classes, outputs.scores))
    count = min(int(arrays[outputs.count].flat[0]), len(scores))
    return [
        Found(box=_corners(box), number=round(float(number)), score=float(score))
        for box, number, score in zip(boxes[:count], classes[:count], scores[:count], strict=True)
        if score >= threshold and np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]
    ]


def _corners(box: NDArray[Any]) -> tuple[float, float, float, float]:
    ymin, xmin, ymax, xmax = (float(edge) for edge in box)
    return ymin, xmin, ymax, xmax
