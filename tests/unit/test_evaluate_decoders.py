"""What decoders keep of a network's boxes, and what they refuse."""

import numpy as np
import pytest

from models.detector import retinanet, yolo_end2end, yolo_raw
from models.detector.found import MOST, Found, found, sigmoid, suppressed
from models.detector.retinanet import RetinaOutputs
from models.detector.yolo_raw import RawLayout
from models.tflite import Tensor


def an_output(*shape: int, name: str = "output", dtype: str = "float32") -> Tensor:
    return Tensor(name=name, index=0, shape=shape, dtype=np.dtype(dtype), scale=0.0, zero_point=0)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 6, 8400), RawLayout(channels_first=True, objectness=False)),
        ((1, 8400, 6), RawLayout(channels_first=False, objectness=False)),
        ((1, 7, 8400), RawLayout(channels_first=True, objectness=True)),
        ((1, 25200, 7), RawLayout(channels_first=False, objectness=True)),
        ((1, 6, 7), RawLayout(channels_first=True, objectness=False)),
    ],
)
def test_the_layout_of_a_raw_head_follows_from_its_shape(shape: tuple[int, ...], layout: RawLayout) -> None:
    assert yolo_raw.find_layout([an_output(*shape)], 2) == layout


@pytest.mark.parametrize("shape", [(1, 84, 8400), (8400, 6), (2, 6, 8400)])
def test_a_raw_head_of_other_classes_or_batches_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"no raw YOLO head of 2 classes \(1 × 6 × N or 1 × N × 7\)"):
        yolo_raw.find_layout([an_output(*shape)], 2)


def test_several_outputs_are_neither_raw_head_nor_end_to_end() -> None:
    outputs = [an_output(1, 6, 100), an_output(1, 100, 6)]
    with pytest.raises(ValueError, match=r"output \[1, 6, 100\], output \[1, 100, 6\]"):
        yolo_raw.find_layout(outputs, 2)
    with pytest.raises(ValueError, match="end-to-end"):
        yolo_end2end.find_layout(outputs)


def test_as_many_classes_as_corners_are_told_apart_by_name() -> None:
    boxes, scores = an_output(1, 9, 4, name="StatefulPartitionedCall/boxes"), an_output(1, 9, 4, name="classification")
    assert retinanet.find_outputs([scores, boxes], 4) == RetinaOutputs(boxes=1, scores=0, labels=None)
    with pytest.raises(ValueError, match="decoded RetinaNet of 4 classes"):
        retinanet.find_outputs([an_output(1, 9, 4), an_output(1, 9, 4)], 4)


def test_labels_that_are_floats_are_told_by_name() -> None:
    outputs = [an_output(1, 9, 4), an_output(1, 9, name="labels"), an_output(1, 9, name="scores")]
    assert retinanet.find_outputs(outputs, 1) == RetinaOutputs(boxes=0, scores=2, labels=1)


def test_padding_and_boxes_without_area_or_number_are_dropped() -> None:
    corners = np.array([[0, 0, 1, 1], [-1, -1, -1, -1], [0.5, 0, 0.2, 1], [0, 0, np.inf, 1], [0, 0, 1, 0.5]])
    scores = np.array([0.9, 0.9, 0.9, 0.9, 0.1])
    assert found(corners, np.zeros(5), scores, threshold=0.5) == [Found(box=(0, 0, 1, 1), number=0, score=0.9)]


def a_found(x: float, score: float, number: int = 0) -> Found:
    return Found(box=(0.0, x, 0.1, x + 0.1), number=number, score=score)


def test_the_best_of_overlapping_boxes_of_a_class_stays() -> None:
    best, same, other, far = a_found(0, 0.9), a_found(0.01, 0.8), a_found(0.01, 0.7, number=1), a_found(0.5, 0.95)
    assert suppressed([same, best, other, far]) == [far, best, other]
    assert suppressed([]) == []


def test_no_more_boxes_are_kept_than_a_frame_can_hold_plates() -> None:
    kept = suppressed([a_found(float(x), 1 - x / 1000) for x in range(MOST + 50)])
    assert len(kept) == MOST
    assert kept[0].score == 1.0


def test_logits_of_any_size_make_probabilities() -> None:
    assert sigmoid(np.array([-1e4, 0, 1e4], np.float32)).tolist() == [pytest.approx(0, abs=1e-30), 0.5, 1.0]
