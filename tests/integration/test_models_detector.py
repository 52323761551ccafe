"""Any TFLite SSD with a spec and a label map finds plates, ours among them."""

import shutil
import struct
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import cv2
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from anpr.errors import BadConfig, BadModel
from anpr.types import Box
from cli.demo import scene
from models.detector import Detector
from models.detector.inference import WEIGHTS
from models.reader.inference import WEIGHTS as READER
from models.tflite import Network

QUANTISED = {"uint8": (1 / 255, 0), "int8": (1 / 255, -128), "float32": (0.0, 0)}
TYPES = {"uint8": schema.TensorType.UINT8, "int8": schema.TensorType.INT8, "float32": schema.TensorType.FLOAT32}


def a_road_with_a_car() -> tuple[NDArray[np.uint8], Box]:
    """A frame of the demo, 720x1280x3, and the box of the widest plate in it."""
    number = 80
    frame = scene.Scene(7).frame(number)
    plates = [plate.box for plate in scene.plates_in(scene.passing(seed=7), number)]
    return frame, max(plates, key=lambda box: box.width)


def scaled(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def a_road(width: int = 1280) -> NDArray[np.uint8]:
    frame = np.full((720, width, 3), (190, 170, 150), np.uint8)
    frame[400:] = (90, 90, 90)
    return frame


def a_tensor(name: str, shape: Sequence[int], kind: str, buffer: int = 0) -> Any:
    tensor: Any = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), list(shape), TYPES[kind], buffer
    scale, zero_point = QUANTISED[kind]
    if scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
    return tensor


def an_operator(opcode: int, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
    operator: Any = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = opcode, list(inputs), list(outputs)
    return operator


def an_opcode(code: int, custom: str | None = None) -> Any:
    opcode: Any = schema.OperatorCodeT()
    opcode.builtinCode, opcode.deprecatedBuiltinCode = code, min(code, 127)
    opcode.customCode = custom.encode() if custom else None
    return opcode


def four_pixel_ssd(path: Path, kind: str, *, outputs: Sequence[int] = (0, 1, 2, 3)) -> None:
    """Write a network that looks at 4×1 pixels, each of them an anchor a quarter of the input wide.

    The real values of the second and third channel are the scores of classes 0 and 1; the first is the background's.
    """
    anchors = np.array([[0.5, 0.125 + 0.25 * i, 1, 0.25] for i in range(4)], np.float32)
    data = [b"", np.array([1, 4, 3], np.int32).tobytes(), np.zeros(16, np.float32).tobytes(), anchors.tobytes()]
    model: Any = schema.ModelT()
    graph: Any = schema.SubGraphT()
    model.version, model.description, model.subgraphs, model.buffers = 3, b"test", [graph], []
    for content in data:
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8) if content else None
        model.buffers.append(buffer)
    shape = a_tensor("shape", [3], "float32", 1)
    shape.type = schema.TensorType.INT32
    names = ["a", "b", "c", "d"]
    graph.tensors = [
        a_tensor("image", [1, 1, 4, 3], kind),
        shape,
        a_tensor("classes_stored", [1, 4, 3], kind),
        a_tensor("classes_real", [1, 4, 3], "float32"),
        a_tensor("encodings", [1, 4, 4], "float32", 2),
        a_tensor("anchors", [4, 4], "float32", 3),
        *(a_tensor(n, s, "float32") for n, s in zip(names, ([1, 4, 4], [1, 4], [1, 4], [1]), strict=True)),
    ]
    graph.inputs, graph.outputs = [0], [6 + output for output in outputs]
    model.operatorCodes = [
        an_opcode(schema.BuiltinOperator.RESHAPE),
        an_opcode(schema.BuiltinOperator.DEQUANTIZE),
        an_opcode(schema.BuiltinOperator.CUSTOM, "TFLite_Detection_PostProcess"),
    ]
    real = 2 if kind == "float32" else 3
    last = an_operator(2, [4, real, 5], [6, 7, 8, 9])
    options = {"max_detections": 4, "max_classes_per_detection": 1, "num_classes": 2, "use_regular_nms": False}
    scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    thresholds = {"nms_score_threshold": 0.01, "nms_iou_threshold": 0.6}
    last.customOptions = np.frombuffer(flexbuffers.Dumps({**options, **scales, **thresholds}), np.uint8)
    dequantise = [] if kind == "float32" else [an_operator(1, [2], [3])]
    graph.operators = [an_operator(0, [0, 1], [2]), *dequantise, last]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def a_model(
    folder: Path, kind: str = "float32", *, spec: str = "", labels: str = "car\nplate\n", **options: Any
) -> Path:
    path = folder / "ssd.tflite"
    four_pixel_ssd(path, kind, **options)
    keys = "output: ssd_postprocess\nmean: 0\nstd: 255\nplates: [plate]\nthreshold: 0.25\n"
    (folder / "ssd.yaml").write_text(keys + spec)
    (folder / "labelmap.txt").write_text(labels)
    return path


def stripes(*bgr: tuple[int, int, int]) -> NDArray[np.uint8]:
    """100 rows of 100 px wide stripes in the colours given."""
    return np.repeat(np.repeat(np.array([bgr], np.uint8), 100, axis=0), 100, axis=1)


def seen(path: Path, frame: NDArray[np.uint8]) -> list[tuple[int, float, str]]:
    """(left edge, score, label) of each detection."""
    return [(round(d.box.x1), round(d.score, 2), d.label) for d in Detector.load(path).detect(frame)]


TWO_PLATES = stripes((0, 0, 0), (204, 0, 0), (0, 204, 0), (102, 0, 0))  # B: class 1, G: class 0 (RGB order)


@pytest.mark.parametrize("kind", ["float32", "uint8", "int8"])
def test_a_network_of_any_input_type_finds_the_same_plates(tmp_path: Path, kind: str) -> None:
    assert seen(a_model(tmp_path, kind), TWO_PLATES) == [(100, 0.8, "plate"), (300, 0.4, "plate")]


@pytest.mark.parametrize("outputs", list(permutations(range(4))))
def test_the_order_of_the_outputs_in_the_file_does_not_matter(tmp_path: Path, outputs: tuple[int, ...]) -> None:
    assert seen(a_model(tmp_path, outputs=outputs), TWO_PLATES) == [(100, 0.8, "plate"), (300, 0.4, "plate")]


def test_only_labels_that_are_plates_are_detected(tmp_path: Path) -> None:
    assert seen(a_model(tmp_path, labels="plate\ncar\n"), TWO_PLATES) == [(200, 0.8, "plate")]


def test_several_labels_can_be_plates(tmp_path: Path) -> None:
    path = a_model(tmp_path, labels="old plate\nnew plate\n")
    spec = path.with_suffix(".yaml")
    spec.write_text(spec.read_text().replace("[plate]", "[old plate, new plate]"))
    assert seen(path, TWO_PLATES) == [(100, 0.8, "new plate"), (200, 0.8, "old plate"), (300, 0.4, "new plate")]


def test_a_label_map_that_counts_from_one_is_shifted_by_its_offset(tmp_path: Path) -> None:
    path = a_model(tmp_path, spec="class_offset: 1\n", labels="???\nplate\ncar\n")
    assert seen(path, TWO_PLATES) == [(200, 0.8, "plate")]


def test_the_colour_order_is_that_of_the_spec(tmp_path: Path) -> None:
    frame = stripes((0, 0, 204), (0, 0, 0), (204, 0, 0), (0, 0, 0))
    assert seen(a_model(tmp_path, spec="colour: bgr\n"), frame) == [(0, 0.8, "plate")]
    assert seen(a_model(tmp_path, spec="colour: rgb\n"), frame) == [(200, 0.8, "plate")]


def test_float_pixels_are_normalised_by_channel(tmp_path: Path) -> None:
    path = a_model(tmp_path)
    spec = path.with_suffix(".yaml")
    spec.write_text(
        spec.read_text().replace("mean: 0", "mean: [0, 0, 102]").replace("std: 255", "std: [255, 255, 204]")
    )
    assert seen(path, TWO_PLATES) == [(100, 0.5, "plate")]  # (204 − 102) / 204


def test_letterboxed_boxes_come_back_to_the_pixels_of_the_frame(tmp_path: Path) -> None:
    frame = np.zeros((100, 200, 3), np.uint8)  # shrinks to 2×1 pixels in the middle of the 4×1 input
    frame[:, 100:, 0] = 204
    (found,) = Detector.load(a_model(tmp_path, spec="resize: letterbox\n"), threshold=0.6).detect(frame)
    assert found.box == Box(x1=100, y1=0, x2=200, y2=100)


def test_a_threshold_given_wins_over_the_spec(tmp_path: Path) -> None:
    path = a_model(tmp_path)
    assert [round(d.score, 2) for d in Detector.load(path, threshold=0.5).detect(TWO_PLATES)] == [0.8]


def test_a_plate_label_that_the_map_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"labelmap\.txt: has no label plate \(ssd\.yaml: plates\)"):
        Detector.load(a_model(tmp_path, labels="car\nlorry\n"))


def test_a_network_that_is_no_detector_is_refused(tmp_path: Path) -> None:
    path = a_model(tmp_path)
    shutil.copy(READER, path)
    with pytest.raises(BadModel, match=r"its input is \[1, 32, 160, 1\], a detector takes 1 × height × width × 3"):
        Detector.load(path)


@pytest.mark.parametrize("tiles", ["2", "0x1", "2x", "two", "2X1"])
def test_tiles_that_are_no_grid_are_refused(tiles: str) -> None:
    with pytest.raises(BadConfig, match="columns x rows"):
        Detector.load(tiles=tiles)


def test_our_detector_finds_a_rendered_plate_in_frames_of_any_size() -> None:
    (frame, plate), detector = a_road_with_a_car(), Detector.load()
    for scale in (0.5, 1.0, 1.5):
        found = detector.detect(scaled(frame, round(1280 * scale), round(720 * scale)))
        assert {one.label for one in found} == {"plate"}
        back = [
            Box(x1=box.x1 / scale, y1=box.y1 / scale, x2=box.x2 / scale, y2=box.y2 / scale)
            for box in (one.box for one in found)
        ]
        assert max(box.iou(plate) for box in back) > 0.5


def test_a_network_that_ships_is_found_by_its_name() -> None:
    frame, plate = a_road_with_a_car()
    found = Detector.load(Path("ssd_mobilenet_v2_320")).detect(frame)
    assert max(one.box.iou(plate) for one in found) > 0.6
    with pytest.raises(BadModel, match="ssd_mobilenet_v9"):
        Detector.load(Path("ssd_mobilenet_v9"))


def test_an_empty_road_has_no_plate() -> None:
    assert Detector.load().detect(a_road()) == []
    assert Detector.load(tiles="2x2").detect(a_road()) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (7, 5)])
def test_frames_of_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    assert Detector.load(tiles="2x1").detect(np.zeros((*size, 3), np.uint8)) == []


def test_detecting_leaves_the_frame_alone() -> None:
    frame, _ = a_road_with_a_car()
    before = frame.copy()
    Detector.load(tiles="2x1").detect(frame)
    assert np.array_equal(frame, before)


def test_tiles_find_a_plate_that_is_too_small_in_the_whole_frame_and_report_it_once() -> None:
    near, box = a_road_with_a_car()
    frame = np.full((1440, 2560, 3), 90, np.uint8)
    frame[500:725, 300:700] = scaled(near, 400, 225)
    share = 400 / 1280
    plate = Box(x1=box.x1 * share, y1=box.y1 * share, x2=box.x2 * share, y2=box.y2 * share).shifted(300, 500)
    assert [d for d in Detector.load().detect(frame) if d.box.iou(plate) > 0.4] == []
    assert len([d for d in Detector.load(tiles="4x4").detect(frame) if d.box.iou(plate) > 0.4]) == 1


def test_our_own_file_gives_the_same_plates_with_its_outputs_in_another_order(tmp_path: Path) -> None:
    frame, _ = a_road_with_a_car()
    want = Detector.load().detect(frame)
    classic = struct.pack("<4i", *(output.index for output in Network(WEIGHTS).outputs))
    content = WEIGHTS.read_bytes()
    at = content.rindex(classic)  # the first is the operator's own list, the second the graph's
    boxes, classes, scores, count = struct.unpack("<4i", classic)
    other = struct.pack("<4i", scores, boxes, count, classes)
    for name in (f"{WEIGHTS.stem}.yaml", "labelmap.txt"):
        shutil.copy(WEIGHTS.with_name(name), tmp_path)
    (tmp_path / WEIGHTS.name).write_bytes(content[:at] + other + content[at + len(other) :])
    shuffled = Network(tmp_path / WEIGHTS.name)
    assert [output.index for output in shuffled.outputs] == [scores, boxes, count, classes]
    assert want
    assert Detector.load(tmp_path / WEIGHTS.name).detect(frame) == want
