"""`anpr model evaluate` measures networks on labelled pictures, and draws what they got wrong."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from commands import run
from tflite_graphs import row_picture, row_reader, square_detector

from anpr.errors import BadInput, BadModel
from cli.model.evaluate import app

Green = tuple[float, float, float, float]  # of the four quarters of a picture, 0..1


def a_frame(path: Path, greens: Green) -> None:
    picture = np.zeros((200, 400, 3), np.uint8)
    for number, green in enumerate(greens):
        picture[:100, 100 * number : 100 * number + 100, 1] = round(255 * green)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def a_dataset(folder: Path, *frames: tuple[Green, list[int], str]) -> Path:
    """Each frame: how green its quarters are, in which of them plates are labelled, its split."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (greens, plates, split) in enumerate(frames, start=1):
        a_frame(folder / "images" / f"{number}.png", greens)
        images.append({"id": number, "file_name": f"images/{number}.png", "width": 400, "height": 200, "split": split})
        annotations += [
            {"id": len(annotations) + n, "image_id": number, "category_id": 1, "bbox": [100 * place, 0, 100, 100]}
            for n, place in enumerate(plates, start=1)
        ]
    file = folder / "annotations.json"
    categories = [{"id": 1, "name": "plate"}]
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return a_dataset(
        tmp_path / "frames",
        ((0.9, 0, 0.7, 0), [0, 2], "val"),  # both found
        ((0, 0.8, 0, 0.3), [3], "val"),  # a false one, and one found under the threshold alone
        ((0, 0, 0, 0), [], "val"),
        ((1, 1, 1, 1), [], "train"),
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return square_detector(tmp_path / "squares.tflite")


def figures_of(*args: object) -> dict[str, Any]:
    ran = run(app, *args, "--format", "json")
    assert (ran.status, ran.err, ran.error) == (0, "", None)
    return json.loads(ran.out)


def test_a_detector_is_measured_at_its_threshold_and_over_all_of_them(frames: Path, model: Path) -> None:
    figures = figures_of("detector", frames, "--model", model)
    counts = [figures[key] for key in ("frames", "plates", "true_positives", "false_positives", "false_negatives")]
    assert counts == [3, 3, 2, 1, 1]
    assert (figures["threshold"], figures["iou"], figures["split"]) == (0.5, 0.5, "val")
    assert [figures[key] for key in ("precision", "recall", "f1")] == [pytest.approx(2 / 3)] * 3
    assert (figures["average_iou"], figures["false_per_frame"]) == (pytest.approx(1), pytest.approx(1 / 3))
    # Right, wrong, right, right: precision 1 up to a recall of 1/3, 3/4 beyond.
    assert figures["ap50"] == pytest.approx((34 * 1 + 67 * 0.75) / 101)
    assert figures["ap50_95"] == pytest.approx(figures["ap50"])
    assert [(size["from_px"], size["plates"], size["recall"]) for size in figures["sizes"] if size["plates"]] == [
        (96, 3, pytest.approx(2 / 3))
    ]
    assert 0 < figures["latency"]["median_ms"] <= figures["latency"]["p95_ms"]


def test_threshold_iou_and_split_are_options(frames: Path, model: Path) -> None:
    surer = figures_of("detector", frames, "--model", model, "--threshold", 0.85)
    assert [surer[key] for key in ("true_positives", "false_positives", "false_negatives")] == [1, 0, 2]
    assert surer["ap50"] == figures_of("detector", frames, "--model", model)["ap50"]
    assert figures_of("detector", frames, "--model", model, "--split", "all")["frames"] == 4
    negatives = figures_of("detector", frames, "--model", model, "--split", "train")
    assert (negatives["false_per_frame"], negatives["recall"], negatives["ap50"]) == (4.0, None, None)


def test_boxes_that_a_data_set_lacks_make_false_detections_right_or_uncounted(
    frames: Path, model: Path, tmp_path: Path
) -> None:
    def counts(*boxes: dict[str, Any]) -> list[int]:
        file = tmp_path / "more.json"
        images = [{"file_name": "2.png", "annotations": boxes}]
        file.write_text(json.dumps({"info": {}, "label": "plate", "images": images}))
        figures = figures_of("detector", frames, "--model", model, "--additions", file)
        assert figures["additions"] == str(file)
        return [figures[key] for key in ("plates", "true_positives", "false_positives")]

    found = [100, 0, 100, 100]  # detected, and not labelled
    assert counts() == [3, 2, 1]
    assert counts({"bbox": found, "ignore": False}) == [4, 3, 0]
    assert counts({"bbox": found, "ignore": True}) == [3, 2, 0]


def test_the_page_of_a_detector_shows_curve_and_errors(frames: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    ran = run(app, "detector", frames, "--model", model, "--out", out)
    assert (ran.status, ran.error) == (0, None)
    assert "AP@0.5" in ran.out
    names = ["false.jpg", "frames.jpg", "misses.jpg", "pr.png"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "figures.json", "index.html"])
    page = (out / "index.html").read_text()
    assert all(f'src="{name}"' in page and cv2.imread(str(out / name)) is not None for name in names)
    assert json.loads((out / "figures.json").read_text())["false_positives"] == 1
    misses = cv2.imread(str(out / "misses.jpg"))
    assert misses is not None
    blue, orange = np.array((230, 170, 0)), np.array((0, 130, 255))
    for colour in (blue, orange):  # the missed plate, and the detection under the threshold
        assert (np.abs(misses.astype(int) - colour).max(axis=2) < 40).sum() > 50


def test_a_run_without_errors_leaves_no_sheet_of_an_earlier_one(frames: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(app, "detector", frames, "--model", model, "--out", out)
    clean = a_dataset(tmp_path / "clean", ((1, 0, 0, 0), [0], "val"))
    run(app, "detector", clean, "--model", model, "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["figures.json", "frames.jpg", "index.html", "pr.png"]


def test_a_detector_cannot_be_measured_without_pycocotools(
    frames: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    ran = run(app, "detector", frames, "--model", model)
    assert isinstance(ran.error, BadInput)
    assert str(ran.error) == "pycocotools is not installed; in this project's directory: pip install '.[train]'"


def test_no_page_can_be_drawn_without_matplotlib(crops: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = run(app, "reader", crops, "--out", tmp_path / "out")
    assert isinstance(ran.error, BadInput)
    assert str(ran.error).startswith("matplotlib is not installed; ")


def test_what_is_wrong_with_the_frames_is_named(frames: Path, model: Path, tmp_path: Path) -> None:
    (frames.parent / "images" / "2.png").write_text("no picture")
    spoiled = run(app, "detector", frames, "--model", model)
    assert isinstance(spoiled.error, BadInput)
    assert str(spoiled.error) == f"{frames.parent}/images/2.png: not a picture that can be decoded"
    absent = run(app, "detector", frames, "--model", model, "--split", "test")
    assert str(absent.error) == f"{frames}: no picture of the split 'test' (its splits: train, val)"
    (tmp_path / "file").write_text("")
    blocked = run(app, "detector", frames, "--model", model, "--split", "train", "--out", tmp_path / "file" / "out")
    assert isinstance(blocked.error, BadInput)
    assert "no directory for the figures" in str(blocked.error)
    assert isinstance(run(app, "detector", frames, "--model", tmp_path / "none.tflite").error, BadModel)


CROPS = (  # what the plate shows, what its label says
    ("AB", "AB", "CZ", "val", 0, 1),
    ("BBA", "BB A", "CZ", "val", 1, 1),
    ("AB", "ABA", "SK", "val", 0, 2),
    ("A", "", "SK", "val", 0, 1),
    ("B", "A", "SK", "train", 0, 1),
)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    folder = tmp_path / "crops"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "text", "country", "split", "hard", "lines"))
        for number, (shown, said, country, split, hard, lines) in enumerate(CROPS):
            cv2.imwrite(str(folder / f"{number}.png"), row_picture(shown))
            writer.writerow((f"{number}.png", said, country, split, hard, lines))
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return row_reader(tmp_path / "rows.tflite")


def test_a_reader_is_measured_by_plates_characters_and_kinds(crops: Path, rows: Path) -> None:
    ran = run(app, "reader", crops, "--model", rows, "--format", "json")
    assert ran.error is None
    warning, line = ran.out.splitlines()  # of a plate without a text; on stderr once logging is set up
    assert "crops.without_text" in warning
    (figures,) = json.loads(line)["readers"]
    assert (figures["name"], figures["crops"], figures["unread"]) == ("rows", 3, 0)
    assert figures["exact"] == pytest.approx(2 / 3)
    assert figures["characters"] == pytest.approx(1 - 1 / 8)
    assert figures["confusions"] == [{"truth": "A", "read": "", "count": 1}]
    assert figures["calibration_error"] == pytest.approx(1 / 3, abs=0.01)
    exact = {(group["by"], group["kind"]): (group["crops"], group["exact"]) for group in figures["groups"]}
    assert exact == {
        ("country", "CZ"): (2, 1.0),
        ("country", "SK"): (1, 0.0),
        ("height", "24–31 px"): (3, pytest.approx(2 / 3)),
        ("lines", "1"): (2, 1.0),
        ("lines", "2"): (1, 0.0),
        ("hard", "no"): (2, 0.5),
        ("hard", "yes"): (1, 1.0),
    }


def test_readers_are_compared_on_the_same_crops(crops: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run(app, "reader", crops, "--reader", "tesseract", "--reader", "tflite", "--model", rows, "--out", out)
    assert (ran.status, ran.error) == (0, None)
    readers = json.loads((out / "figures.json").read_text())["readers"]
    assert [(one["name"], one["crops"]) for one in readers] == [("tesseract", 3), ("tflite", 3), ("rows", 3)]
    assert all(name in ran.out for name in ("tesseract", "tflite", "rows"))
    page = (out / "index.html").read_text()
    for name in ("calibration.png", "errors-3.jpg", *(f"confusion-{number}.png" for number in (1, 2, 3))):
        assert f'src="{name}"' in page
        assert cv2.imread(str(out / name)) is not None
    with (out / "confusion-3.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["truth", "read", "count"], ["B", "B", "4"], ["A", "A", "3"], ["A", "", "1"]]


def test_readers_of_one_name_are_told_apart_by_their_paths(crops: Path, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = row_reader(tmp_path / "other" / "rows.tflite")
    ran = run(app, "reader", crops, "--model", rows, "--model", other, "--format", "json")
    assert [one["name"] for one in json.loads(ran.out.splitlines()[-1])["readers"]] == [str(rows), str(other)]
    twice = run(app, "reader", crops, "--model", rows, "--model", rows)
    assert str(twice.error) == "--reader, --model: the same reader is named twice"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("picture,text\na.png,AB\n", "has no column 'file' (columns: picture, text)"),
        ("file,text,split\na.png,AB,train\n", "no crop with a text in the split 'val'"),
        ("file,text,split,lines\na.png,AB,val,three\n", ":2: a file, lines of 1 or 2 and hard of 0 or 1 are expected"),
        ("file,text,split\na.png,AB,val\n", "a.png: No such file or directory"),
    ],
)
def test_what_is_wrong_with_the_crops_is_named(tmp_path: Path, rows: Path, table: str, said: str) -> None:
    (tmp_path / "labels.csv").write_text(table)
    ran = run(app, "reader", tmp_path, "--model", rows)
    assert isinstance(ran.error, BadInput)
    assert said in str(ran.error)
    assert str(ran.error).startswith(str(tmp_path))
