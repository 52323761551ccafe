"""Average precision as COCO defines it, by COCO's own code."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anpr.types import Box, Detection
from models.evaluate.extra import needed

MOST = 100  # detections of one frame that count, as in COCO


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """One frame's truth and all that was detected in it, whatever its score."""

    plates: Sequence[Box]
    ignored: Sequence[Box]
    detections: Sequence[Detection]


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePrecision:
    """Mean precision over 101 recalls, 0..1; None where there is no plate."""

    at_50: float | None  # IoU 0.5
    at_50_95: float | None  # mean over IoU 0.5, 0.55 ... 0.95


def average_precision(
    frames: Sequence[FrameResult], widths_px: Sequence[tuple[float, float]]
) -> tuple[AveragePrecision, list[AveragePrecision]]:
    """Of all plates, and of those whose width lies in each [from, to) of `widths_px`.

    BadInput where pycocotools is not installed.
    """
    coco, cocoeval = needed("pycocotools.coco"), needed("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = cocoeval.COCOeval(_truth(coco, frames), _found(coco, frames), "bbox")
        params = evaluation.params
        params.maxDets = [MOST]
        # Its ranges of area, on widths: a plate's width says how readable it is, and _entry calls it the area.
        params.areaRng = [[-1.0, 1e9], *([low, np.nextafter(high, low)] for low, high in widths_px)]
        params.areaRngLbl = [str(number) for number in range(len(params.areaRng))]
        evaluation.evaluate()
        evaluation.accumulate()
    precisions = evaluation.eval["precision"]  # IoU × recall × category × range × most
    whole, *parts = [
        AveragePrecision(at_50=_mean(precisions[0, :, 0, number, 0]), at_50_95=_mean(precisions[:, :, 0, number, 0]))
        for number in range(len(params.areaRng))
    ]
    return whole, parts


def _mean(precisions: Any) -> float | None:
    known = precisions[precisions > -1]
    return float(known.mean()) if known.size else None


def _truth(coco: Any, frames: Sequence[FrameResult]) -> Any:
    boxes = [
        (number, box, {"iscrowd": int(crowd)})
        for number, frame in enumerate(frames, start=1)
        for crowd, group in ((False, frame.plates), (True, frame.ignored))
        for box in group
    ]
    return _collection(coco, len(frames), boxes)


def _found(coco: Any, frames: Sequence[FrameResult]) -> Any:
    boxes = [
        (number, detection.box, {"score": detection.score})
        for number, frame in enumerate(frames, start=1)
        for detection in frame.detections
    ]
    return _collection(coco, len(frames), boxes)


def _collection(coco: Any, frames: int, boxes: Sequence[tuple[int, Box, Mapping[str, float]]]) -> Any:
    collection = coco.COCO()
    collection.dataset = {
        "images": [{"id": number} for number in range(1, frames + 1)],
        "categories": [{"id": 1, "name": "plate"}],
        "annotations": [
            _entry(number, frame, box) | dict(more) for number, (frame, box, more) in enumerate(boxes, start=1)
        ],
    }
    collection.createIndex()
    return collection


def _entry(number: int, frame: int, box: Box) -> dict[str, Any]:
    sides = [box.x1, box.y1, box.width, box.height]
    return {"id": number, "image_id": frame, "category_id": 1, "bbox": sides, "area": box.width, "iscrowd": 0}
