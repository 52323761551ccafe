"""What the reader is trained on, and a few steps of it."""

import csv
import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from commands import run
from fonts import some_fonts

from anpr.errors import BadInput
from cli.model.train_reader import reader
from models.reader.data import ALPHABET, PADDING, REGIONS, Real, encoded, load_real, prepared, varied
from models.reader.export import export
from models.reader.inference import TfliteReader
from models.reader.network import build
from models.reader.train import Settings, ctc_loss, region_loss, train
from models.render.fonts import Fonts
from models.render.sample import Sample, samples
from models.training import loop
from models.training.convert import Form

SMALL = (64, 16)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a font that comes with matplotlib."""
    return some_fonts(tmp_path_factory.mktemp("fonts"), "DejaVuSans-Bold")


@pytest.fixture(scope="module")
def plates(directory: Path) -> list[Sample]:
    return [*samples(Fonts.load(directory), seed=5, number=12, difficulty=0.2)]


@pytest.fixture(scope="module")
def crops(plates: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a labels.csv, the last four of its crops for validation."""
    folder = tmp_path_factory.mktemp("crops")
    rows = [("file", "text", "country", "split")]
    for number, plate in enumerate(plates):
        cv2.imwrite(str(folder / f"{number}.png"), plate.image)
        rows.append((f"{number}.png", plate.text, plate.country, "train" if number < 8 else "val"))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.mark.timeout(600)  # 10 s of one core, on a machine that may have other work
@pytest.mark.usefixtures("without_graphs")
def test_a_few_steps_give_a_reader_that_runs(directory: Path, crops: Path, tmp_path: Path) -> None:
    settings = Settings(
        fonts=directory,
        real=(Real(path=crops, share=0.3),),
        validation=(crops,),
        input_px=SMALL,
        steps=2,
        batch=6,
        seed=3,
        every=2,
        patience=9,
        processes=1,
    )
    said: list[str] = []
    train(settings, tmp_path / "run", say=said.append)
    assert said[0].startswith("step 2/2  loss ")
    told = json.loads((tmp_path / "run" / loop.RUN).read_text())
    assert (told["samples"], told["seed"], told["input_px"], told["regions"]) == (12, 3, [64, 16], list(REGIONS))
    export(tmp_path / "run", tmp_path, forms=(Form.INT8,), calibrate=(crops,), pictures=8)
    readings = TfliteReader.load(tmp_path / "reader.tflite").read([np.full((20, 80, 3), 90, np.uint8)])
    assert len(readings) == 1


def test_the_network_learns_what_it_is_shown(plates: list[Sample]) -> None:
    batch = prepared(plates, np.random.default_rng(0), real=(), input_px=SMALL)
    model = build(len(REGIONS), width_px=SMALL[0], height_px=SMALL[1])
    model.compile(keras.optimizers.AdamW(3e-3), loss=[ctc_loss, region_loss], jit_compile=loop.jit())
    losses = [float(np.ravel(model.train_on_batch(batch.pictures, (batch.texts, batch.regions)))[0]) for _ in range(12)]
    assert losses[-1] < losses[0] / 2  # the mean since the start


def test_a_batch_holds_its_share_of_real_plates(plates: list[Sample], crops: Path) -> None:
    real = {plate.text for plate in load_real(crops)}
    made = [*plates[8:]] * 6
    batch = prepared(made, np.random.default_rng(1), real=(Real(path=crops, share=0.25),), input_px=SMALL)
    texts = ["".join(ALPHABET[number] for number in row if number != PADDING) for row in batch.texts]
    assert sum(text in real for text in texts) == 6
    assert batch.pictures.shape == (24, 16, 64, 1)


def test_a_real_plate_is_cut_anew_each_time(crops: Path) -> None:
    plate, rng = load_real(crops)[0], np.random.default_rng(2)
    cuts = [varied(rng, plate) for _ in range(20)]
    assert len({cut.shape for cut in cuts}) > 10
    assert all(min(cut.shape[:2]) >= 6 for cut in cuts)


def test_plates_come_from_any_data_set_whose_plates_have_a_text(plates: list[Sample], tmp_path: Path) -> None:
    frame = np.full((200, 400, 3), 90, np.uint8)
    height, width = plates[0].image.shape[:2]
    frame[50 : 50 + height, 60 : 60 + width] = plates[0].image[: 200 - 50, : 400 - 60]
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [60, 50, width, height], "text": plates[0].text}
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 400, "height": 200, "split": "train"}],
        "categories": [{"id": 1, "name": "plate"}],
        "annotations": [annotation, annotation | {"id": 2, "bbox": [1, 1, 9, 9], "text": ""}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    (only,) = load_real(tmp_path)
    assert only.text == plates[0].text
    assert only.image.shape[1] > width
    with pytest.raises(BadInput, match="no plate with a text in the split 'val'"):
        load_real(tmp_path, split="val")


def test_texts_are_classes_padded() -> None:
    assert encoded(["A1", "ZZZZ9"])[:, :6].tolist() == [[10, 1, -1, -1, -1, -1], [35, 35, 35, 35, 9, -1]]


def test_a_wrong_share_or_size_is_told_in_a_line(tmp_path: Path) -> None:
    for option, value, told in (
        ("--real", "crops", "--real crops: DATA=SHARE is expected"),
        ("--input", "161x32", "--input 161x32: WIDTHxHEIGHT is expected"),
    ):
        ran = run(reader, "--out", tmp_path / "x", "--fonts", tmp_path, option, value)
        assert told in str(ran.error)
