"""Networks of Keras, exported, say as .tflite what they said before."""

import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from commands import Ran, run
from keras import layers
from numpy.typing import NDArray

from anpr.errors import BadInput
from anpr.types import Box
from cli.model.export import app
from models.detector import anchors, network
from models.detector import export as detector_export
from models.detector.inference import Detector
from models.reader import ctc
from models.reader import export as reader_export
from models.reader.data import REGIONS
from models.reader.inference import TfliteReader
from models.reader.network import build
from models.spec import ReaderSpec, load_spec
from models.tflite import Network
from models.training import exporting
from models.training.convert import Form, PostProcess, converter, set_up
from models.training.loop import BEST, RUN

FORMS = {Form.FLOAT32: "x.float32.tflite", Form.FLOAT16: "x.float16.tflite", Form.INT8: "x.tflite"}


@pytest.fixture(scope="module", autouse=True)
def tensorflow() -> None:
    set_up()


def photographs(folder: Path, number: int, size: tuple[int, int]) -> list[str]:
    """Pictures with edges and colours; their names."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    names = [f"{place}.png" for place in range(number)]
    for name in names:
        coarse = rng.integers(0, 256, (6, 9, 3), np.uint8)
        cv2.imwrite(str(folder / name), cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))
    return names


def a_run(folder: Path, model: keras.Model) -> Path:
    folder.mkdir()
    np.savez(folder / BEST, **{variable.path: variable.numpy() for variable in model.variables})
    return folder


def green_finder() -> tuple[keras.Model, NDArray[np.float32]]:
    """Of 64×64 pixels it finds each quarter that is green: score 1/(1 + e^(3 − 6·green)), green from −1 to 1."""
    image = keras.Input((64, 64, 3))
    green = layers.Conv2D(1, 1, use_bias=False)
    normal = layers.BatchNormalization(epsilon=0.0)
    x = layers.AveragePooling2D(32)(normal(green(image)))
    codes = layers.Conv2D(4, 1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(1.0))(x)
    scores = layers.Activation("sigmoid")(layers.Reshape((4, 1))(x))
    model = keras.Model(image, [layers.Reshape((4, 4))(codes), scores])
    green.set_weights([np.array([0, 1, 0], np.float32).reshape(1, 1, 3, 1)])
    normal.set_weights([np.array([one], np.float32) for one in (12, 0, 0.5, 4)])  # gamma, beta, mean, variance
    quarters = np.array([[y, x, 0.5, 0.5] for y in (0.25, 0.75) for x in (0.25, 0.75)], np.float32)
    return model, quarters


@pytest.mark.parametrize("form", list(Form))
def test_boxes_and_scores_are_those_of_codes_anchors_and_logits(form: Form, tmp_path: Path) -> None:
    model, quarters = green_finder()
    postprocess = PostProcess(anchors=quarters, scales=(10, 20, 5, 5), most=7, iou=0.5, least_score=0.3)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, 32:, 1] = 255
    picture[32:, :32, 1] = 191
    path = tmp_path / "x.tflite"
    path.write_bytes(converter(model, pixels=[picture], real=(-1, 1), postprocess=postprocess)(form))
    tflite = Network(path)
    assert [tensor.shape for tensor in tflite.outputs] == [(1, 7, 4), (1, 7), (1, 7), (1,)]
    assert tflite.input.dtype == (np.uint8 if form is Form.INT8 else np.float32)
    array = picture if form is Form.INT8 else picture / np.float32(127.5) - 1
    boxes, classes, scores, count = tflite.run(array[np.newaxis])
    assert (float(count[0]), classes[0, :2].tolist()) == (2, [0, 0])
    assert scores[0, :2] == pytest.approx([0.953, 0.5], abs=0.02)  # 1 / (1 + e⁻³), 1 / (1 + e⁰)
    # Codes of 1: moved by 1/10 of a height and 1/20 of a width, sides grown by e^(1/5).
    half = 0.25 * np.exp(0.2)
    centres = [(0.3, 0.775), (0.8, 0.275)]
    wanted = [[y - half, x - half, y + half, x + half] for y, x in centres]
    assert boxes[0, :2] == pytest.approx(np.array(wanted), abs=0.01)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three pictures without plates, as COCO."""
    folder = tmp_path_factory.mktemp("data")
    names = photographs(folder / "images", 3, (90, 60))
    images = [
        {"id": number, "file_name": f"images/{name}", "width": 90, "height": 60, "split": "train"}
        for number, name in enumerate(names)
    ]
    categories = [{"id": 1, "name": "plate"}]
    (folder / "annotations.json").write_text(
        json.dumps({"images": images, "annotations": [], "categories": categories})
    )
    return folder


@pytest.fixture(scope="module")
def detector_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(5)
    model = network.build(64, 32)
    for layer in model.layers:
        if layer.name.endswith(("_codes", "_logits")):  # not trained, but with opinions
            kernel, bias = layer.get_weights()
            # What reaches the heads from a backbone that was not trained is about 1e-4.
            layer.set_weights([np.random.default_rng(1).normal(0, 1000, kernel.shape), bias])
    folder = a_run(tmp_path_factory.mktemp("runs") / "detector", model)
    anchors.write(folder / detector_export.ANCHORS, 64, 32)
    return folder


@pytest.fixture(scope="module")
def detectors(detector_run: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    out = tmp_path_factory.mktemp("out") / "new"
    args = ["--out", out, "--calibrate", pictures, "--name", "x", "--threshold", 0.25]
    return out, run(app, "detector", detector_run, *args)


def test_a_detector_is_written_in_each_form_with_spec_and_labels(detectors: tuple[Path, Ran]) -> None:
    out, ran = detectors
    assert (ran.status, ran.err, ran.error) == (0, "", None)
    specs = [name.replace(".tflite", ".yaml") for name in FORMS.values()]
    assert sorted(path.name for path in out.iterdir()) == sorted([*FORMS.values(), *specs, "labelmap.txt", "x.npz"])
    assert [name in ran.out for name in FORMS.values()] == [True] * 3
    sizes = [(out / name).stat().st_size for name in FORMS.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2.5 * sizes[2]


def test_a_detector_finds_in_each_form_what_it_found_in_keras(
    detectors: tuple[Path, Ran], detector_run: Path, pictures: Path
) -> None:
    model, boxes = detector_export.load(detector_run)
    loaded = {form: Detector.load(detectors[0] / name, threshold=0.0) for form, name in FORMS.items()}
    for path in sorted((pictures / "images").iterdir()):
        frame = cv2.imread(str(path)).astype(np.uint8)
        small = cv2.cvtColor(cv2.resize(frame, (64, 32)), cv2.COLOR_BGR2RGB).astype(np.uint8)
        ((score, shares),) = detector_export.best_boxes(model, boxes, [small])
        ymin, xmin, ymax, xmax = np.clip(shares, 0, 1).tolist()
        wanted = Box(x1=90 * xmin, y1=60 * ymin, x2=90 * xmax, y2=60 * ymax)
        best = {form: detector.detect(frame)[0] for form, detector in loaded.items()}
        assert best[Form.FLOAT32].score == pytest.approx(score, abs=1e-4)
        assert best[Form.FLOAT32].box.iou(wanted) > 0.999
        assert best[Form.FLOAT16].score == pytest.approx(score, abs=0.01)
        assert best[Form.FLOAT16].box.iou(wanted) > 0.95
        assert best[Form.INT8].score == pytest.approx(score, abs=0.1)
    tflite = Network(detectors[0] / FORMS[Form.INT8])
    assert (tflite.input.dtype, tflite.input.scale) == (np.uint8, pytest.approx(1 / 127.5, rel=1e-3))


def test_the_scores_of_an_int8_detector_are_finer_than_its_other_numbers(
    detectors: tuple[Path, Ran], pictures: Path
) -> None:
    detector = Detector.load(detectors[0] / FORMS[Form.INT8], threshold=0.0)
    frames = [cv2.imread(str(path)).astype(np.uint8) for path in (pictures / "images").iterdir()]
    scores = [256 * found.score for frame in frames for found in detector.detect(frame)]
    assert max(abs(score - round(score)) for score in scores) > 0.1


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops") / "read"
    names = photographs(folder, 4, (80, 30))
    (folder / "labels.csv").write_text("file,text\n" + "".join(f"{name},AB12\n" for name in names))
    return folder


@pytest.fixture(scope="module")
def reader_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(5)
    model = build(len(REGIONS), width_px=64, height_px=16)
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([np.random.default_rng(1).normal(0, 2, kernel.shape), bias])
    folder = a_run(tmp_path_factory.mktemp("runs") / "reader", model)
    (folder / RUN).write_text(json.dumps({"input_px": [64, 16], "regions": REGIONS}))
    return folder


def test_a_reader_reads_in_each_form_what_it_read_in_keras(reader_run: Path, crops: Path, tmp_path: Path) -> None:
    ran = run(
        app, "reader", reader_run, "--out", tmp_path, "--calibrate", crops, "--name", "x", "--look", 0, "--look", 0.1
    )
    assert (ran.status, ran.err, ran.error) == (0, "", None)
    readers = {form: TfliteReader.load(tmp_path / name) for form, name in FORMS.items()}
    model, _ = reader_export.load(reader_run)
    for path in crops.glob("*.png"):
        crop = cv2.imread(str(path)).astype(np.uint8)
        wanted = ctc.with_row_breaks(reader_export.probabilities(model, reader_export.pixels(crop, model)), 2)
        off = {form: np.abs(reader.probabilities(crop) - wanted).max() for form, reader in readers.items()}
        assert off[Form.FLOAT32] < 1e-4
        assert off[Form.FLOAT16] < 0.02
        assert off[Form.INT8] < 0.2
    int8 = Network(tmp_path / "x.tflite")
    assert [(one.shape, one.dtype) for one in (int8.input, *int8.outputs)] == [
        ((1, 16, 64, 1), np.uint8),
        ((1, 32, 37), np.int8),
        ((1, len(REGIONS)), np.int8),
    ]
    spec = load_spec(ReaderSpec, tmp_path / "x.tflite")
    assert (spec.regions, spec.looks, spec.rows) == (REGIONS, (0.0, 0.1), 2)


def test_a_wrong_path_is_told_in_one_line(
    reader_run: Path, detector_run: Path, crops: Path, pictures: Path, tmp_path: Path
) -> None:
    def told(kind: str, folder: Path, data: Path) -> str:
        ran = run(app, kind, folder, "--out", tmp_path / "out", "--calibrate", data)
        assert isinstance(ran.error, BadInput)
        return str(ran.error)

    nowhere = tmp_path / "nowhere"
    assert told("reader", nowhere, crops).startswith(f"{nowhere}/run.json: No such file")
    assert told("detector", nowhere, pictures).startswith(f"{nowhere}/anchors.json: No such file")
    assert told("reader", reader_run, nowhere).startswith(f"{nowhere}: No such file")
    assert told("detector", detector_run, nowhere).startswith(f"{nowhere}: there is no such file")
    nowhere.mkdir()
    (nowhere / "run.json").write_text('{"input_px": 7}')
    assert told("reader", nowhere, crops).startswith(f"{nowhere}/run.json: input_px")
    (nowhere / "anchors.json").write_text('{"width_px": 64, "height_px": 32, "anchors": 1}')
    assert told("detector", nowhere, pictures).startswith(f"{nowhere}/anchors.json: 1 anchors, this network has ")
    assert not (tmp_path / "out").exists()


def test_an_int8_file_that_is_too_large_to_ship_is_refused(tmp_path: Path) -> None:
    spec = ReaderSpec(output="ctc", alphabet="A", mean=0, std=1, least_std=1)
    with pytest.raises(BadInput, match=r"x.tflite: 8\.1 MB, at most 8 are to ship"):
        exporting.write(
            tmp_path,
            "x",
            spec,
            [Form.INT8],
            converted=lambda _: bytes(8_100_000),
            differences=lambda _: np.zeros(1),
            image=np.zeros((1, 1, 1), np.uint8),
        )
    assert list(tmp_path.iterdir()) == []
