"""`anpr model data render`: sheets, crops and scenes in files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import Ran, run
from fonts import some_fonts

from anpr.errors import BadInput
from cli.model.render import render
from models.datasets import formats
from models.evaluate.crops import load_crops


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_fonts(tmp_path_factory.mktemp("fonts"), "DejaVuSans-Bold")


def ran(fonts: Path, *args: object) -> Ran:
    return run(render, "--fonts", fonts, *args)


def test_a_sheet_shows_as_many_plates_as_asked_and_the_seed_decides_it(fonts: Path, tmp_path: Path) -> None:
    one, again, other = (tmp_path / f"{n}.png" for n in range(3))
    first = ran(fonts, "--sheet", one, "--number", 14, "--seed", 3)
    ran(fonts, "--sheet", again, "--number", 14, "--seed", 3)
    ran(fonts, "--sheet", other, "--number", 14, "--seed", 4)
    assert (first.status, first.out) == (0, f"14 plates in {one}\n")
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()
    page = cv2.imread(str(one))
    assert page is not None
    assert page.shape == (3 * 112, 6 * 206, 3)


def test_crops_are_written_as_readers_of_labelled_crops_take_them(fonts: Path, tmp_path: Path) -> None:
    done = ran(fonts, "--out", tmp_path / "x", "--number", 9, "--country", "cz", "--country", "random", "--two-line", 1)
    assert (done.status, done.out) == (0, f"9 plates in {tmp_path / 'x'}\n")
    crops = load_crops(tmp_path / "x", split=None)
    assert len(crops) == 9
    assert {crop.country for crop in crops} == {"CZ", ""}
    assert {crop.lines for crop in crops} == {2}
    for crop in crops:
        assert cv2.imread(str(crop.path)) is not None


def test_scenes_are_coco_with_texts_and_keep_the_boxes_they_had(fonts: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    assert cv2.imwrite(str(source / "a.png"), np.full((240, 320, 3), 120, np.uint8))
    (source / "a.csv").write_text("a.png,100,100,180,120,plate\n")
    (source / "classes.csv").write_text("plate,0\n")
    done = ran(fonts, "--scenes", source, "--out", tmp_path / "x", "--number", 4)
    made = formats.read(tmp_path / "x")
    assert (
        done.out == f"4 pictures with {sum(len(one.annotations) for one in made.images)} plates in {tmp_path / 'x'}\n"
    )
    assert len(made.images) == 4
    for image in made.images:
        old, *pasted = image.annotations
        assert (old.box.x1, old.box.y1, old.box.x2, old.box.y2) == (100, 100, 180, 120)
        assert all(one.text and one.box.iou(old.box) == 0 for one in pasted)
        assert made.file(image).is_file()
    assert sum(len(image.annotations) for image in made.images) > 4


def test_a_folder_of_pictures_without_labels_is_taken_as_one_without_plates(fonts: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    assert cv2.imwrite(str(source / "a.png"), np.full((240, 320, 3), 120, np.uint8))
    ran(fonts, "--scenes", source, "--out", tmp_path / "x", "--number", 2)
    made = formats.read(tmp_path / "x")
    assert all(one.text for image in made.images for one in image.annotations)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), r"nothing to do: give --sheet FILE\.png, or --out DIR"),
        (("--scenes", "x"), "--scenes needs --out DIR"),
        (("--sheet", "s.png", "--country", "XX"), "--country XX: no plates of it are known; known: CZ, SK"),
    ],
)
def test_what_is_asked_wrongly_is_told(fonts: Path, args: tuple[str, ...], says: str) -> None:
    error = ran(fonts, *args).error
    assert isinstance(error, BadInput)
    with pytest.raises(BadInput, match=says):
        raise error


def test_nothing_is_written_over(fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    done = ran(fonts, "--out", tmp_path, "--number", 1)
    assert str(done.error) == f"{tmp_path} is not empty: give a new folder"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_sheet_that_is_no_picture_file_is_told(fonts: Path, tmp_path: Path) -> None:
    done = ran(fonts, "--sheet", tmp_path / "x.txt", "--number", 1)
    assert "no picture can be written under this name; use .png or .jpg" in str(done.error)


def test_scenes_without_pictures_are_told(fonts: Path, tmp_path: Path) -> None:
    done = ran(fonts, "--scenes", tmp_path, "--out", tmp_path / "x")
    assert str(done.error) == f"{tmp_path}: holds no pictures"
