"""A detector of any output form finds the plates that its file, spec and label map say.

Each network here looks at 4 × 2 pixels, of which the upper four are boxes a quarter of the input wide, one from each
pixel; what the pixels' channels stand for is each form's own.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tflite_graphs import Graph

from anpr.errors import BadModel
from models.detector import Detector

CORNERS = np.array([[[0.25 * i, 0, 0.25 * i + 0.25, 0.5] for i in range(4)]])
CENTRES = np.array([[[0.25 * i + 0.125, 0.25, 0.25, 0.5] for i in range(4)]])
PIXELS = np.array([4, 2, 4, 2])  # of one whole input, in the order of a box

RED, GREEN, BLUE, BLACK = (0, 0, 204), (0, 204, 0), (204, 0, 0), (0, 0, 0)  # BGR; 204 / 255 is 0.8
DARK_GREEN = (0, 102, 0)  # 0.4

Form = Callable[[Graph, int], Sequence[int]]


def a_model(folder: Path, form: Form, spec: str, *, planar: bool = False) -> Path:
    graph = Graph()
    image = graph.tensor("image", [1, 3, 2, 4] if planar else [1, 2, 4, 3])
    last = graph.transpose(image, [0, 2, 3, 1], [1, 2, 4, 3]) if planar else image
    upper = graph.reshape(graph.slice(last, [0, 0, 0, 0], [1, 1, 4, 3]), [1, 4, 3])
    path = folder / "net.tflite"
    graph.write(path, inputs=[image], outputs=form(graph, upper))
    keys = "mean: 0\nstd: 255\nplates: [plate]\nthreshold: 0.25\n"
    (folder / "net.yaml").write_text(keys + spec)
    (folder / "labelmap.txt").write_text("car\nplate\n")
    return path


def picture(*bgr: tuple[int, int, int]) -> NDArray[np.uint8]:
    """An upper row of 100 px squares in the colours given; what is below is black."""
    frame = np.zeros((200, 100 * len(bgr), 3), np.uint8)
    for number, colour in enumerate(bgr):
        frame[:100, 100 * number : 100 * number + 100] = colour
    return frame


def seen(path: Path, frame: NDArray[np.uint8], **options: float) -> list[tuple[list[int], float, str]]:
    return [
        ([round(edge) for edge in (d.box.x1, d.box.y1, d.box.x2, d.box.y2)], round(d.score, 2), d.label)
        for d in Detector.load(path, **options).detect(frame)
    ]


def raw(*, first: bool = False, unit: object = 1, boxes: NDArray[np.float64] = CENTRES) -> Form:
    """YOLO without objectness: red is class 0 ("car"), green class 1 ("plate")."""

    def form(graph: Graph, pixels: int) -> Sequence[int]:
        scores = graph.slice(pixels, [0, 0, 0], [1, 4, 2])
        rows = graph.concatenate([graph.constant(boxes * unit), scores], [1, 4, 6], name="rows")
        return [graph.transpose(rows, [0, 2, 1], [1, 6, 4], name="output0") if first else rows]

    return form


def with_objectness(graph: Graph, pixels: int) -> Sequence[int]:
    """YOLO with objectness in red, class 0 ("car") in green, class 1 ("plate") in blue."""
    rows = graph.concatenate([graph.constant(CENTRES), pixels], [1, 4, 7], name="rows")
    return [graph.transpose(rows, [0, 1, 2], [1, 4, 7], name="output0")]


def six(graph: Graph, pixels: int) -> Sequence[int]:
    """x1 y1 x2 y2, then the score in green and the class in blue (255 is 1)."""
    columns = graph.slice(pixels, [0, 0, 1], [1, 4, 2])
    return [graph.concatenate([graph.constant(CORNERS), columns], [1, 4, 6], name="output0")]


def seven(graph: Graph, pixels: int) -> Sequence[int]:
    """Batch, x1 y1 x2 y2, then the class in red (255 is 1) and the score in green; no axis for the batch."""
    columns = graph.slice(pixels, [0, 0, 0], [1, 4, 2])
    batch = graph.constant(np.zeros((1, 4, 1)))
    rows = graph.concatenate([batch, graph.constant(CORNERS * PIXELS), columns], [1, 4, 7])
    return [graph.reshape(rows, [4, 7], name="output")]


def all_anchors(order: Sequence[int]) -> Form:
    """RetinaNet before suppression: red is class 0 ("car"), green class 1 ("plate")."""

    def form(graph: Graph, pixels: int) -> Sequence[int]:
        boxes = graph.reshape(graph.constant(CORNERS * PIXELS), [1, 4, 4], name="first")
        scores = graph.slice(pixels, [0, 0, 0], [1, 4, 2])
        return [(boxes, scores)[i] for i in order]

    return form


def filtered(order: Sequence[int]) -> Form:
    """RetinaNet after suppression: the score in green, the class in blue (255 is 1)."""

    def form(graph: Graph, pixels: int) -> Sequence[int]:
        boxes = graph.reshape(graph.constant(CORNERS * PIXELS), [1, 4, 4], name="a")
        scores = graph.reshape(graph.slice(pixels, [0, 0, 1], [1, 4, 1]), [1, 4], name="b")
        numbers = graph.reshape(graph.slice(pixels, [0, 0, 2], [1, 4, 1]), [1, 4])
        labels = graph.whole(numbers, [1, 4], name="c")
        return [(boxes, scores, labels)[i] for i in order]

    return form


TWO_PLATES = [([100, 0, 200, 100], 0.8, "plate"), ([300, 0, 400, 100], 0.4, "plate")]
CAR_AND_PLATES = picture(RED, GREEN, BLACK, DARK_GREEN)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_raw_yolo_finds_plates_whichever_way_its_rows_and_channels_lie(
    tmp_path: Path, first: bool, planar: bool
) -> None:
    path = a_model(tmp_path, raw(first=first), "output: yolo_raw\n", planar=planar)
    assert seen(path, CAR_AND_PLATES) == TWO_PLATES


def test_raw_yolo_boxes_may_be_pixels_of_the_input(tmp_path: Path) -> None:
    path = a_model(tmp_path, raw(unit=PIXELS), "output: yolo_raw\nboxes: pixel\n")
    assert seen(path, CAR_AND_PLATES) == TWO_PLATES


def test_raw_yolo_scores_may_be_logits(tmp_path: Path) -> None:
    path = a_model(tmp_path, raw(), "output: yolo_raw\nscores: logit\n")
    frame = picture(RED, GREEN, RED, RED)
    assert seen(path, frame) == [([100, 0, 200, 100], 0.69, "plate")]  # 1 / (1 + e^−0.8)


def test_the_objectness_of_a_raw_yolo_multiplies_its_classes(tmp_path: Path) -> None:
    path = a_model(tmp_path, with_objectness, "output: yolo_raw\n")
    frame = picture((255, 0, 204), (255, 0, 51), (0, 255, 204), (204, 0, 0))
    assert seen(path, frame) == [([0, 0, 100, 100], 0.8, "plate")]


def test_boxes_of_one_plate_in_a_raw_yolo_are_one(tmp_path: Path) -> None:
    together = np.tile(CENTRES[:, 1:2], (1, 4, 1))
    together[0, 3] = CENTRES[0, 3]
    path = a_model(tmp_path, raw(boxes=together), "output: yolo_raw\nmax_overlap: 1\n")
    frame = picture(DARK_GREEN, GREEN, DARK_GREEN, DARK_GREEN)
    assert seen(path, frame) == TWO_PLATES


def test_an_end_to_end_yolo_of_six_columns_finds_plates(tmp_path: Path) -> None:
    path = a_model(tmp_path, six, "output: yolo_end2end\n")
    frame = picture(GREEN, (255, 204, 0), BLACK, (255, 102, 0))
    assert seen(path, frame) == TWO_PLATES


def test_an_end_to_end_yolo_of_seven_columns_finds_plates(tmp_path: Path) -> None:
    path = a_model(tmp_path, seven, "output: yolo_end2end\nboxes: pixel\n")
    frame = picture(GREEN, (0, 204, 255), BLACK, (0, 102, 255))
    assert seen(path, frame) == TWO_PLATES


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_all_anchors_of_a_retinanet_give_plates_in_any_order_of_the_outputs(
    tmp_path: Path, order: Sequence[int]
) -> None:
    path = a_model(tmp_path, all_anchors(order), "output: retinanet\nboxes: pixel\n")
    assert seen(path, CAR_AND_PLATES) == TWO_PLATES


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_retinanet_that_suppresses_itself_gives_plates_in_any_order_of_the_outputs(
    tmp_path: Path, order: Sequence[int]
) -> None:
    path = a_model(tmp_path, filtered(order), "output: retinanet\nboxes: pixel\n")
    frame = picture(GREEN, (255, 204, 0), BLACK, (255, 102, 0))
    assert seen(path, frame) == TWO_PLATES


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("yolo_raw", r"no raw YOLO head of 2 classes \(1 × 6 × N or 1 × N × 7\): output \[4, 7\]"),
        ("retinanet", r"not those of a decoded RetinaNet of 2 classes .*: output \[4, 7\]"),
        ("ssd_postprocess", r"not the four of TFLite_Detection_PostProcess: output \[4, 7\]"),
    ],
)
def test_a_network_of_another_form_than_its_spec_says_is_refused(tmp_path: Path, output: str, said: str) -> None:
    with pytest.raises(BadModel, match=said):
        Detector.load(a_model(tmp_path, seven, f"output: {output}\n"))


def test_a_raw_head_is_no_end_to_end_yolo(tmp_path: Path) -> None:
    path = a_model(tmp_path, all_anchors((0, 1)), "output: yolo_end2end\n")
    with pytest.raises(BadModel, match=r"not that of an end-to-end YOLO .*: first \[1, 4, 4\]"):
        Detector.load(path)
