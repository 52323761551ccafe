"""The outputs of an SSD are understood whatever their order."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.detector import ssd
from models.detector.ssd import SsdOutputs
from models.tflite import Tensor

SHAPES = {"boxes": (1, 3, 4), "classes": (1, 3), "scores": (1, 3), "count": (1,)}
CLASSIC = ("boxes", "classes", "scores", "count")
ORDERS = list(permutations(CLASSIC))


def a_tensor(what: str, *, name: str = "", index: int = 0) -> Tensor:
    return Tensor(name=name, index=index, shape=SHAPES[what], dtype=np.dtype(np.float32), scale=0.0, zero_point=0)


def arrays() -> dict[str, NDArray[np.float32]]:
    boxes = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.6, 0.75], [0, 0, 1, 1]]
    return {
        "boxes": np.array([boxes], np.float32),
        "classes": np.array([[0, 2, 0]], np.float32),
        "scores": np.array([[0.75, 0.5, 0.25]], np.float32),
        "count": np.array([3], np.float32),
    }


def expected(order: tuple[str, ...]) -> SsdOutputs:
    return SsdOutputs(**{what: order.index(what) for what in CLASSIC})


@pytest.mark.parametrize("order", ORDERS)
def test_outputs_are_told_apart_by_the_operator_in_any_order(order: tuple[str, ...]) -> None:
    tensors = [a_tensor(what, name=f"Identity_{i}", index=90 + CLASSIC.index(what)) for i, what in enumerate(order)]
    assert ssd.find_outputs(tensors, (90, 91, 92, 93)) == expected(order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", range(4))
def test_outputs_are_told_apart_by_name_where_the_operator_is_not_shown(order: tuple[str, ...], form: int) -> None:
    tensors = [a_tensor(what, name=ssd.NAMES[what][form], index=i) for i, what in enumerate(order)]
    assert ssd.find_outputs(tensors, ()) == expected(order)


@pytest.mark.parametrize("order", ORDERS)
def test_decoding_does_not_depend_on_the_order_of_the_outputs(order: tuple[str, ...]) -> None:
    given = [arrays()[what] for what in order]
    first, second = ssd.decode(given, expected(order), threshold=0.5)
    assert (first.number, first.score, first.box) == (0, 0.75, pytest.approx((0.1, 0.2, 0.3, 0.4)))
    assert (second.number, second.score, second.box) == (2, 0.5, pytest.approx((0.5, 0.5, 0.6, 0.75)))


def test_other_outputs_are_named_in_the_refusal() -> None:
    with pytest.raises(ValueError, match=r"not the four of TFLite_Detection_PostProcess: logits \[1, 3, 4\]"):
        ssd.find_outputs([a_tensor("boxes", name="logits")], ())


def test_outputs_of_other_shapes_are_refused() -> None:
    tensors = [a_tensor("count", index=i) for i in range(4)]
    with pytest.raises(ValueError, match="not the four"):
        ssd.find_outputs(tensors, (0, 1, 2, 3))


def test_rows_beyond_the_count_are_ignored() -> None:
    given = arrays() | {"count": np.array([1], np.float32)}
    found = ssd.decode([given[what] for what in CLASSIC], expected(CLASSIC), threshold=0.0)
    assert [one.score for one in found] == [0.75]


@pytest.mark.parametrize(
    "box", [[0.3, 0.2, 0.3, 0.4], [0.1, 0.4, 0.3, 0.2], [np.nan, 0.2, 0.3, 0.4], [0.1, 0.2, np.inf, 1]]
)
def test_a_box_without_area_is_no_find(box: list[float]) -> None:
    given = arrays()
    given["boxes"][0, 0] = box
    found = ssd.decode([given[what] for what in CLASSIC], expected(CLASSIC), threshold=0.6)
    assert found == []
