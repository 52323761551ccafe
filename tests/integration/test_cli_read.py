"""`anpr read`, with the models that ship, on plates that the tests draw."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import Ran, run

from anpr.errors import BadConfig, BadInput, BadModel
from cli.demo.plates import draw_plate
from cli.read import Copies, read

WIDTH_PX, HEIGHT_PX = 640, 360


def a_picture(path: Path, *plates: str) -> Path:
    """A grey road with the rear of a dark car for each plate, side by side."""
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 120, np.uint8)
    for place, text in enumerate(plates):
        left = 60 + 300 * place
        image[80:300, left - 30 : left + 230] = (60, 40, 30)
        plate = cv2.resize(draw_plate(text, "CZ"), (200, 42), interpolation=cv2.INTER_AREA)
        image[220:262, left : left + 200] = plate
    image = cv2.GaussianBlur(image, (3, 3), 0)
    assert cv2.imwrite(str(path), image)
    return path


def ran(*args: object) -> Ran:
    return run(read, *args)


def told(*args: object) -> list[dict]:
    return [json.loads(line) for line in ran(*args, "--format", "json").out.splitlines()]


def test_json_is_an_object_a_picture_with_the_best_plate_first(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "two.png", "1A2 3456", "5H7 1964")
    (picture,) = told(path)
    plates = picture.pop("plates")
    assert picture == {"image": str(path), "width": WIDTH_PX, "height": HEIGHT_PX}
    assert len(plates) == 2
    assert all(list(plate) == ["text", "confidence", "detection_score", "box", "candidates"] for plate in plates)
    assert plates[0]["confidence"] >= plates[1]["confidence"]
    for plate in plates:
        x1, y1, x2, y2 = plate["box"]
        assert 0 <= x1 < x2 <= WIDTH_PX
        assert 200 < y1 < 241 < y2 < 280
        assert plate["candidates"][0] == {"text": plate["text"], "confidence": plate["confidence"]}
    assert sorted(plate["box"][0] < 300 for plate in plates) == [False, True]


def test_a_picture_without_plates_says_so(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "none.png")
    assert ran(path) == Ran(status=0, out=f"{path}: no plate\n", err="", error=None)
    assert told(path) == [{"image": str(path), "width": WIDTH_PX, "height": HEIGHT_PX, "plates": []}]


def test_a_directory_stands_for_its_pictures(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.png"):
        a_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [picture["image"] for picture in told(tmp_path)] == [str(tmp_path / "a.png"), str(tmp_path / "b.jpg")]


def test_pictures_that_cannot_be_read_are_named_and_the_others_done(tmp_path: Path) -> None:
    good = a_picture(tmp_path / "good.png")
    text, missing, empty = tmp_path / "text.jpg", tmp_path / "missing.jpg", tmp_path / "empty"
    text.write_text("no picture")
    empty.mkdir()
    done = ran(text, missing, empty, good)
    assert done.status == 2
    assert done.out == f"{good}: no plate\n"
    assert done.err.splitlines() == [
        f"anpr: {text}: not a picture that can be decoded",
        f"anpr: {missing}: no such file",
        f"anpr: {empty}: holds no jpeg, jpg, png, webp picture",
    ]


def test_copies_show_the_box_and_leave_the_pictures_alone(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "one.png", "1A2 3456")
    before = path.read_bytes()
    out = tmp_path / "drawn" / "here"
    assert ran(path, "--draw", out).status == 0
    copy, original = cv2.imread(str(out / "one.jpg")), cv2.imread(str(path))
    assert copy is not None
    assert original is not None
    assert copy.shape == original.shape
    green = (copy[:, :, 1] > 180) & (copy[:, :, 0] < 120) & (copy[:, :, 2] < 120)
    assert green.sum() > 500
    assert path.read_bytes() == before


def test_copies_of_pictures_with_one_name_get_numbers(tmp_path: Path) -> None:
    for directory in ("north", "south"):
        (tmp_path / directory).mkdir()
        a_picture(tmp_path / directory / "1.png")
    assert ran(tmp_path / "north", tmp_path / "south", "--draw", tmp_path / "out").status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1-2.jpg", "1.jpg"]


def test_a_copy_never_overwrites_its_picture(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "one.jpg")
    before = path.read_bytes()
    assert isinstance(ran(path, "--draw", tmp_path).error, BadInput)
    assert path.read_bytes() == before


def test_a_file_where_copies_should_go_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"file: .*: no directory for copies"):
        Copies(tmp_path / "file")


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (["--model", "missing.tflite"], BadModel),
        (["--reader-model", "missing.tflite"], BadModel),
        (["--tiles", "many"], BadConfig),
        (["--reader", "tesseract", "--reader-model", "reader.tflite"], BadInput),
    ],
)
def test_wrong_models_and_options_are_told(tmp_path: Path, args: list[str], kind: type[Exception]) -> None:
    assert isinstance(ran(a_picture(tmp_path / "one.png"), *args).error, kind)


def test_a_threshold_of_one_finds_nothing(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "one.png", "1A2 3456")
    assert told(path)[0]["plates"] != []
    assert told(path, "--threshold", "1")[0]["plates"] == []


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs the Debian package tesseract-ocr")
def test_tesseract_reads_too(tmp_path: Path) -> None:
    (picture,) = told(a_picture(tmp_path / "one.png", "1A2 3456"), "--reader", "tesseract")
    assert len(picture["plates"]) == 1
    assert picture["plates"][0]["text"][-4:] == "3456"
