"""A detector on labelled frames: how many plates it finds, how well it places them, how long it takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anpr.types import Detection
from models.evaluate.coco import FrameResult, average_precision
from models.evaluate.latency import Latency, latency, timed
from models.evaluate.matching import Match, Point, curve, matched
from models.evaluate.truth import LabelledFrame, picture

LEAST_SCORE = 0.01  # what is surer than this is part of the curve and of average precision
WIDTHS_PX = ((0, 32), (32, 64), (64, 96), (96, 160), (160, 320), (320, None))  # of a plate in its frame


class Finder(Protocol):
    def detect(self, frame: NDArray[np.uint8]) -> list[Detection]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One frame, and what was found in it with a score of LEAST_SCORE or more, best first."""

    frame: LabelledFrame
    matches: tuple[Match, ...]
    took_ms: float

    def above(self, threshold: float) -> tuple[Match, ...]:
        return tuple(one for one in self.matches if one.detection.score >= threshold)

    def missed(self, threshold: float) -> list[int]:
        """The numbers of the plates that no detection of `threshold` or more is."""
        found = {one.plate for one in self.above(threshold)}
        return [number for number in range(len(self.frame.plates)) if number not in found]

    def false(self, threshold: float) -> list[Match]:
        """The detections of `threshold` or more that are no plate."""
        return [one for one in self.above(threshold) if one.plate is None and not one.is_ignored]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFigures:
    """The plates from_px ≤ width < to_px."""

    from_px: int
    to_px: int | None
    plates: int
    found: int
    recall: float | None
    ap50: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFigures:
    """At `threshold` and IoU `iou`, but for the average precisions. None where it is a share of nothing."""

    frames: int
    plates: int
    threshold: float
    iou: float
    true_positives: int
    false_positives: int
    false_negatives: int
    false_per_frame: float
    precision: float | None
    recall: float | None
    f1: float | None
    average_iou: float | None  # of the true positives
    ap50: float | None
    ap50_95: float | None
    best_f1: Point | None  # the best that any threshold would give on these frames
    sizes: tuple[SizeFigures, ...]
    latency: Latency  # decoding of the picture not included


def look(frames: Iterable[LabelledFrame], *, detector: Finder, searcher: Finder, least_iou: float) -> list[Look]:
    """Look at each frame. `detector` is timed at the threshold of use, `searcher` is the same one at LEAST_SCORE.

    Raises BadInput where a picture cannot be read.
    """
    looks: list[Look] = []
    for frame in frames:
        image = picture(frame.path)
        if not looks:
            detector.detect(image)  # the first pass of a network is slower
        _, took_ms = timed(lambda image=image: detector.detect(image))
        matches = matched(searcher.detect(image), frame.plates, frame.ignored, least_iou=least_iou)
        looks.append(Look(frame=frame, matches=tuple(matches), took_ms=took_ms))
    return looks


def measured(looks: Sequence[Look], *, threshold: float, least_iou: float) -> DetectorFigures:
    """The figures of at least one look; BadInput where pycocotools is not installed."""
    above = [one for seen in looks for one in seen.above(threshold)]
    right = [one for one in above if one.plate is not None]
    plates = sum(len(seen.frame.plates) for seen in looks)
    wrong = sum(len(seen.false(threshold)) for seen in looks)
    precision = _share(len(right), len(right) + wrong)
    recall = _share(len(right), plates)
    results = [
        FrameResult(
            plates=seen.frame.plates,
            ignored=seen.frame.ignored,
            detections=[one.detection for one in seen.matches],
        )
        for seen in looks
    ]
    ranges = [(float(low), float("inf") if high is None else float(high)) for low, high in WIDTHS_PX]
    whole, by_width = average_precision(results, ranges)
    return DetectorFigures(
        frames=len(looks),
        plates=plates,
        threshold=threshold,
        iou=least_iou,
        true_positives=len(right),
        false_positives=wrong,
        false_negatives=plates - len(right),
        false_per_frame=wrong / len(looks),
        precision=precision,
        recall=recall,
        f1=_share(2 * len(right), 2 * len(right) + wrong + plates - len(right)),
        average_iou=_share(sum(one.iou for one in right), len(right)),
        ap50=whole.at_50,
        ap50_95=whole.at_50_95,
        best_f1=max(points(looks), key=lambda point: point.f1, default=None),
        sizes=tuple(
            _sized(looks, low, high, threshold, ap.at_50) for (low, high), ap in zip(WIDTHS_PX, by_width, strict=True)
        ),
        latency=latency([seen.took_ms for seen in looks]),
    )


def points(looks: Sequence[Look]) -> list[Point]:
    """The precision-recall curve at the IoU of the looks."""
    return curve([one for seen in looks for one in seen.matches], sum(len(seen.frame.plates) for seen in looks))


def _sized(looks: Sequence[Look], low: int, high: int | None, threshold: float, ap50: float | None) -> SizeFigures:
    plates = found = 0
    for seen in looks:
        missed = seen.missed(threshold)
        inside = [
            i for i, box in enumerate(seen.frame.plates) if low <= box.width and (high is None or box.width < high)
        ]
        plates += len(inside)
        found += sum(number not in missed for number in inside)
    return SizeFigures(from_px=low, to_px=high, plates=plates, found=found, recall=_share(found, plates), ap50=ap50)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
