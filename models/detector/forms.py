"""Which decoder understands which output form of a detector."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.detector import retinanet, ssd, yolo_end2end, yolo_raw
from models.detector.found import Found
from models.spec import DetectorSpec
from models.tflite import Network

Decode = Callable[[Sequence[NDArray[np.float32]], float], list[Found]]


def decoder(network: Network, spec: DetectorSpec, *, classes: int, input_px: tuple[int, int]) -> Decode:
    """What makes boxes of the network's outputs and a least score; ValueError where they are not of the spec's form.

    classes: how many the network tells apart; input_px: its width and height.
    """
    unit = (1.0, 1.0) if spec.boxes == "share" else (float(input_px[0]), float(input_px[1]))
    logits = spec.scores == "logit"
    if spec.output == "yolo_raw":
        layout = yolo_raw.find_layout(network.outputs, classes)
        return lambda arrays, least: yolo_raw.decode(arrays, layout, unit=unit, logits=logits, threshold=least)
    if spec.output == "yolo_end2end":
        rows = yolo_end2end.find_layout(network.outputs)
        return lambda arrays, least: yolo_end2end.decode(arrays, rows, unit=unit, threshold=least)
    if spec.output == "retinanet":
        which = retinanet.find_outputs(network.outputs, classes)
        return lambda arrays, least: retinanet.decode(arrays, which, unit=unit, logits=logits, threshold=least)
    outputs = ssd.find_outputs(network.outputs, network.operator_outputs(ssd.OPERATOR))
    return lambda arrays, least: ssd.decode(arrays, outputs, threshold=least)
