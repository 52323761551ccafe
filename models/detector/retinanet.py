"""A RetinaNet export whose boxes are decoded.

Either all anchors, boxes 1 × N × 4 and class scores 1 × N × classes, or what is left after its own suppression, boxes
1 × N × 4, scores 1 × N and labels 1 × N with −1 for padding (keras-retinanet, `convert_model`). A box is x1, y1, x2,
y2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detector.found import Found, found, sigmoid, suppressed
from models.tflite import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class RetinaOutputs:
    """Which of a network's outputs (positions in its list) is which; labels is None where all anchors come out."""

    boxes: int
    scores: int
    labels: int | None


def find_outputs(outputs: Sequence[Tensor], classes: int) -> RetinaOutputs:
    """Tell the outputs apart, in whatever order they come: by shape, integers are labels, else by name.

    Raises ValueError, with what was found, where they are not those of a RetinaNet of that many classes.
    """
    shapes = {position: tensor.shape for position, tensor in enumerate(outputs)}
    boxes = _only(outputs, [i for i, shape in shapes.items() if len(shape) == 3 and shape[::2] == (1, 4)], "box")
    if boxes is not None:
        others = [position for position in shapes if position != boxes]
        if len(others) == 1 and shapes[others[0]] == (1, shapes[boxes][1], classes):
            return RetinaOutputs(boxes=boxes, scores=others[0], labels=None)
        if len(others) == 2 and all(shapes[position] == shapes[boxes][:2] for position in others):
            integers = [position for position in others if outputs[position].dtype.kind in "iu"]
            labels = _only(outputs, integers if len(integers) == 1 else others, "label", "class")
            if labels is not None:
                scores = next(position for position in others if position != labels)
                return RetinaOutputs(boxes=boxes, scores=scores, labels=labels)
    shown = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
    raise ValueError(
        f"its outputs are not those of a decoded RetinaNet of {classes} classes (boxes 1 × N × 4 with scores"
        f" 1 × N × {classes}, or with scores and labels 1 × N): {shown}"
    )


def _only(outputs: Sequence[Tensor], positions: Sequence[int], *names: str) -> int | None:
    """The one position there is, or the only one of several whose name holds one of `names`."""
    if len(positions) > 1:
        positions = [i for i in positions if any(name in outputs[i].name.lower() for name in names)]
    return positions[0] if len(positions) == 1 else None


def decode(
    arrays: Sequence[NDArray[np.float32]],
    outputs: RetinaOutputs,
    *,
    unit: tuple[float, float],
    logits: bool,
    threshold: float,
) -> list[Found]:
    """The boxes that score `threshold` or more; of all anchors best first, those of one plate thinned out.

    unit: what the whole input's width and height are in the boxes' own numbers. logits: scores still need a sigmoid.
    """
    corners, scores = arrays[outputs.boxes][0] / (*unit, *unit), arrays[outputs.scores][0]
    if logits:
        scores = sigmoid(scores)
    if outputs.labels is not None:
        return found(corners, arrays[outputs.labels][0], scores, threshold=threshold)
    return suppressed(found(corners, scores.argmax(axis=1), scores.max(axis=1), threshold=threshold))
