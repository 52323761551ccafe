"""Detections are matched to plates, and scored, as COCO does it."""

import numpy as np
import pytest
from builders import a_box
from hypothesis import given
from hypothesis import strategies as st

from anpr.types import Box, Detection
from models.evaluate.coco import FrameResult, average_precision
from models.evaluate.matching import Point, curve, matched


def a_detection(box: Box, score: float) -> Detection:
    return Detection(box=box, score=score, label="plate")


PLATE, OTHER = a_box(x=100), a_box(x=300)


def numbers(detections: list[Detection], plates: list[Box], least_iou: float = 0.5) -> list[int | None]:
    return [match.plate for match in matched(detections, plates, least_iou=least_iou)]


def test_each_plate_is_found_once_by_the_surest_detection() -> None:
    detections = [a_detection(PLATE.shifted(3, 0), 0.4), a_detection(PLATE.shifted(9, 0), 0.9)]
    matches = matched(detections, [PLATE, OTHER], least_iou=0.5)
    assert [(match.detection.score, match.plate) for match in matches] == [(0.9, 0), (0.4, None)]


def test_a_detection_takes_the_plate_it_overlaps_most() -> None:
    close = PLATE.shifted(20, 0)
    assert numbers([a_detection(PLATE.shifted(15, 0), 0.9), a_detection(PLATE, 0.8)], [PLATE, close]) == [1, 0]


def test_a_detection_that_overlaps_too_little_is_none_but_says_how_much() -> None:
    (match,) = matched([a_detection(PLATE.shifted(50, 0), 0.9)], [PLATE], least_iou=0.5)
    assert (match.plate, match.is_ignored) == (None, False)
    assert match.iou == pytest.approx(1 / 3)


def test_a_detection_inside_an_ignored_box_is_not_wrong() -> None:
    wide = a_box(x=50, y=50, width=300, height=200)
    inside, outside = a_detection(OTHER, 0.9), a_detection(a_box(x=800), 0.8)
    matches = matched([inside, outside], [PLATE], [wide], least_iou=0.5)
    assert [(match.plate, match.is_ignored) for match in matches] == [(None, True), (None, False)]
    assert curve(matches, 1)[-1].precision == 0.0
    assert len(curve(matches, 1)) == 1


def test_the_curve_has_a_point_a_score() -> None:
    matches = matched(
        [a_detection(PLATE, 0.9), a_detection(a_box(x=700), 0.5), a_detection(OTHER, 0.5)],
        [PLATE, OTHER],
        least_iou=0.5,
    )
    assert curve(matches, 2) == [
        Point(score=0.9, precision=1.0, recall=0.5),
        Point(score=0.5, precision=2 / 3, recall=1.0),
    ]
    assert curve(matches, 2)[1].f1 == pytest.approx(0.8)


def test_without_plates_there_is_no_curve_and_no_average_precision() -> None:
    detections = [a_detection(PLATE, 0.9)]
    assert curve(matched(detections, [], least_iou=0.5), 0) == []
    whole, _ = average_precision([FrameResult(plates=[], ignored=[], detections=detections)], [])
    assert (whole.at_50, whole.at_50_95) == (None, None)


def test_average_precision_of_a_width_leaves_other_widths_out() -> None:
    small, large = a_box(width=30), a_box(x=300, width=120)
    frame = FrameResult(plates=[small, large], ignored=[], detections=[a_detection(large, 0.9)])
    whole, (of_small, of_large, of_none) = average_precision([frame], [(0, 120), (120, 200), (200, 300)])
    assert whole.at_50 == pytest.approx(51 / 101)
    assert (of_small.at_50, of_large.at_50, of_none.at_50) == (0.0, pytest.approx(1.0), None)


def test_boxes_that_lie_a_little_off_lose_average_precision_at_high_overlaps_only() -> None:
    frame = FrameResult(plates=[PLATE], ignored=[], detections=[a_detection(PLATE.shifted(20, 0), 0.9)])  # IoU 2/3
    whole, _ = average_precision([frame], [])
    assert (whole.at_50, whole.at_50_95) == (pytest.approx(1.0), pytest.approx(0.4))


offsets = st.integers(0, 12).map(lambda x: a_box(x=25 * x, width=100, height=50))
scores = st.integers(1, 1000)


@given(st.lists(st.tuples(st.lists(offsets, max_size=3), st.lists(st.tuples(offsets, scores), max_size=4)), max_size=4))
def test_our_curve_is_the_one_that_coco_averages(frames: list[tuple[list[Box], list[tuple[Box, int]]]]) -> None:
    taken: set[int] = set()  # COCO and we may order equal scores otherwise
    results: list[FrameResult] = []
    for plates, found in frames:
        fresh = [(box, score) for box, score in found if score not in taken and not taken.add(score)]
        detections = [a_detection(box, score / 1000) for box, score in fresh]
        results.append(FrameResult(plates=plates, ignored=[], detections=detections))
    whole, _ = average_precision(results, []) if results else (None, None)
    matches = [one for r in results for one in matched(r.detections, r.plates, least_iou=0.5)]
    count = sum(len(result.plates) for result in results)
    points = curve(matches, count)
    reached = [
        max((p.precision for p in points if p.recall >= recall), default=0.0) for recall in np.linspace(0, 1, 101)
    ]
    assert (whole.at_50 if whole else None) == (pytest.approx(np.mean(reached)) if count else None)
