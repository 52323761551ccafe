"""Which detection is which plate, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anpr.types import Box, Detection


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One detection: the number of the plate that it is, or None; `iou` with the plate nearest to it."""

    detection: Detection
    plate: int | None
    iou: float
    is_ignored: bool = False  # no plate that counts, but one that is labelled to be left out


def matched(
    detections: Sequence[Detection], plates: Sequence[Box], ignored: Sequence[Box] = (), *, least_iou: float
) -> list[Match]:
    """Each detection, best score first, with the free plate that it overlaps most, if by `least_iou` or more.

    This is how COCO matches (Lin et al., "Microsoft COCO", arXiv:1405.0312; cocoeval): lower scores never change what
    higher ones got, and of what lies `least_iou` inside an ignored box nothing is counted.
    """
    free = set(range(len(plates)))
    matches: list[Match] = []
    for detection in sorted(detections, key=lambda one: -one.score):
        ious = [detection.box.iou(plate) for plate in plates]
        best = max(free, key=lambda number: ious[number], default=None)
        if best is not None and ious[best] >= least_iou:
            free.discard(best)
            matches.append(Match(detection=detection, plate=best, iou=ious[best]))
            continue
        matches.append(
            Match(
                detection=detection,
                plate=None,
                iou=max(ious, default=0.0),
                is_ignored=any(_inside(detection.box, box) >= least_iou for box in ignored),
            )
        )
    return matches


def _inside(box: Box, other: Box) -> float:
    """The share of a box that lies in another."""
    width = min(box.x2, other.x2) - max(box.x1, other.x1)
    height = min(box.y2, other.y2) - max(box.y1, other.y1)
    return max(0.0, width) * max(0.0, height) / (box.width * box.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Precision and recall of all detections that score `score` or more."""

    score: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def curve(matches: Sequence[Match], plates: int) -> list[Point]:
    """A point for each score, highest first; none without plates or detections."""
    counted = sorted((one for one in matches if not one.is_ignored), key=lambda one: -one.detection.score)
    if not counted or not plates:
        return []
    scores = np.array([one.detection.score for one in counted])
    right = np.cumsum([one.plate is not None for one in counted])
    last = np.flatnonzero(np.diff(scores, append=-1.0))  # equal scores come in together
    return [
        Point(score=float(scores[i]), precision=float(right[i] / (i + 1)), recall=float(right[i] / plates))
        for i in last
    ]
