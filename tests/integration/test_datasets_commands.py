"""`anpr model data …` on folders of pictures."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import Ran, run

from anpr.errors import BadInput
from cli.model import data
from models.datasets import formats


def a_folder(root: Path, count: int = 20, *, first: int = 0) -> Path:
    """Pictures unlike each other; every fourth is a negative, the others show a plate each, two and two the same."""
    root.mkdir()
    lines: list[str] = []
    for n in range(first, first + count):
        blocks = np.random.default_rng(n).integers(0, 256, (8, 12, 3)).astype(np.uint8)
        name = f"cam_t{n}.png"
        cv2.imwrite(str(root / name), cv2.resize(blocks, (120, 80), interpolation=cv2.INTER_NEAREST))
        width = 10 + 4 * n
        box = ",,,,," if n % 4 == 3 else f"4,20,{4 + min(width, 110)},{20 + min(width, 110) // 4},plate,XY{n // 2:04}"
        lines.append(f"{name},{box}\n")
    (root / "annotations.csv").write_text("".join(lines))
    return root


def command(*args: object) -> Ran:
    return run(data.app, *args)


def test_convert_writes_another_format_and_tells_what_it_lost(tmp_path: Path) -> None:
    ran = command("convert", a_folder(tmp_path / "in"), tmp_path / "out", "--to", "yolo")
    assert ran.status == 0
    assert ran.out.splitlines() == [
        f"20 pictures, 15 boxes in {tmp_path}/out as yolo",
        "yolo has no place for the texts of 15 plates: left out",
    ]
    assert sum(len(image.annotations) for image in formats.read(tmp_path / "out").images) == 15


def test_check_of_a_sound_data_set_ends_with_0(tmp_path: Path) -> None:
    ran = command("check", a_folder(tmp_path / "in"))
    assert (ran.status, ran.out) == (0, "20 pictures, 15 boxes: 0 errors, 0 warnings\n")


def test_check_tells_errors_in_a_table_and_ends_with_1(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in")
    with (folder / "annotations.csv").open("a") as lines:
        lines.writelines(f"gone{n}.png,1,2,3,4,plate,\n" for n in range(12))
        lines.write("cam_t3.png,100,20,150,30,plate,\n")
    ran = command("check", folder)
    assert ran.status == 1
    assert "error: missing file (12)" in ran.out
    assert "… and 2 more (--all)" in ran.out
    assert "100,20 to 150,30 (plate) is 30 px outside the 120×80 picture" in ran.out
    assert ran.out.endswith("32 pictures, 28 boxes: 13 errors, 0 warnings\n")
    assert "gone11.png" in command("check", folder, "--all").out


def test_check_against_another_data_set_finds_what_both_hold(tmp_path: Path) -> None:
    here, there, far = (
        a_folder(tmp_path / "a"),
        a_folder(tmp_path / "b", first=17),
        a_folder(tmp_path / "c", first=40),
    )
    assert command("check", here, "--against", far).status == 0
    ran = command("check", here, "--against", there)
    assert ran.status == 1
    assert "error: picture on both sides (3)" in ran.out
    assert "error: plate on both sides (2)" in ran.out


def test_split_keeps_plates_and_moments_together(tmp_path: Path) -> None:
    pattern = r"(?P<video>cam)_t(?P<t>\d+)"
    folder = a_folder(tmp_path / "in")
    ran = command("split", folder, "--out", tmp_path / "out", "--to", "coco", "--video", pattern, "--within", 0)
    assert ran.status == 0
    assert ran.out.splitlines() == [
        "train: 16 pictures, 12 boxes",
        "val: 4 pictures, 3 boxes",
        "15 groups of pictures that belong together, the largest of 2",
    ]
    assert command("check", tmp_path / "out").status == 0
    assert {image.split for image in formats.read(tmp_path / "out").images} == {"train", "val"}
    again = command("split", folder, "--out", tmp_path / "again", "--to", "coco")
    assert again.out == ran.out
    assert (tmp_path / "again/val.json").read_text() == (tmp_path / "out/val.json").read_text()


def test_split_says_where_the_groups_are_too_large(tmp_path: Path) -> None:
    ran = command("split", a_folder(tmp_path / "in", count=3), "--out", tmp_path / "out")
    assert ran.status == 0
    assert ran.out.endswith("train has 67% where 80% was asked for: the groups are too large for that\n")


def test_split_refuses_what_hangs_together_as_a_whole(tmp_path: Path) -> None:
    pattern = r"(?P<video>cam)_t(?P<t>\d+)"
    error = command("split", a_folder(tmp_path / "in"), "--out", tmp_path / "out", "--video", pattern).error
    assert isinstance(error, BadInput)
    assert str(error).startswith("all 20 images belong together")


@pytest.mark.parametrize("pattern", ["(", r"t(\d+)"])
def test_split_refuses_a_pattern_that_says_no_moment(tmp_path: Path, pattern: str) -> None:
    ran = command("split", a_folder(tmp_path / "in"), "--out", tmp_path / "out", "--video", pattern)
    assert isinstance(ran.error, BadInput)
    assert not (tmp_path / "out").exists()


def test_stats_draws_the_pictures_and_a_page(tmp_path: Path) -> None:
    ran = command("stats", a_folder(tmp_path / "in"), "--out", tmp_path / "out")
    assert ran.status == 0
    assert "pictures        20, 5 without a box" in ran.out
    assert "plates read     15, 10 different" in ran.out
    page = (tmp_path / "out/index.html").read_text()
    for name in ("positions.png", "place.png", "sizes.png", "size.png"):
        picture = cv2.imread(str(tmp_path / "out" / name))
        assert picture is not None
        assert picture.std() > 5
        assert f'src="{name}"' in page


def test_stats_of_negatives_alone_are_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "in", count=1, first=3)
    assert "so there is nothing to draw" in str(command("stats", folder, "--out", tmp_path / "out").error)


def test_stats_without_matplotlib_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    error = command("stats", a_folder(tmp_path / "in"), "--out", tmp_path / "out").error
    assert isinstance(error, BadInput)
    assert "pip install 'anpr[train]'" in str(error)
    assert len(str(error).splitlines()) == 1
