"""The card of a network is written with figures measured then and there."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import Ran, run
from tflite_graphs import row_picture, row_reader, square_detector

from anpr.errors import BadInput
from cli.model.card import app

RUN = {
    "command": ["anpr", "model", "train", "x", "/data/sets/road=0.5", "--steps", "9", "--out", "/home/me/runs/a"],
    "seed": 11,
    "took_s": 630,
    "machine": "a board",
    "steps": 9,
    "input_px": [1, 2],
}


@pytest.fixture
def a_run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(RUN))
    return folder


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """One frame whose first quarter is a plate and green, whose second is labelled by nobody and green."""
    folder = tmp_path / "sets" / "green"
    folder.mkdir(parents=True)
    picture = np.zeros((200, 400, 3), np.uint8)
    picture[:100, :200, 1] = 250
    cv2.imwrite(str(folder / "1.png"), picture)
    truth = {
        "images": [{"id": 1, "file_name": "1.png", "width": 400, "height": 200, "split": "val"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 100]}],
        "categories": [{"id": 1, "name": "plate"}],
    }
    (folder / "annotations.json").write_text(json.dumps(truth))
    added = {"file_name": "1.png", "annotations": [{"bbox": [100, 0, 100, 100], "ignore": False}]}
    (folder.parent / "more.json").write_text(json.dumps({"info": {}, "label": "plate", "images": [added]}))
    return folder


def card_of(ran: Ran, folder: Path) -> str:
    assert (ran.status, ran.err, ran.error) == (0, "", None)
    assert ran.out.strip() == str(folder / "CARD.md")
    return (folder / "CARD.md").read_text()


def cells(card: str, name: str) -> list[list[str]]:
    """The rows of the card's tables whose first cell is `name`, without it."""
    rows = [line.strip("|").split("|") for line in card.splitlines() if line.startswith(f"| {name} |")]
    return [[cell.strip() for cell in row[1:]] for row in rows]


def test_the_card_of_a_detector_holds_what_was_measured(frames: Path, a_run: Path, tmp_path: Path) -> None:
    model, other = square_detector(tmp_path / "a.tflite"), square_detector(tmp_path / "b.tflite")
    data = ["--data", frames, "--data", f"{frames}={frames.parent / 'more.json'}"]
    ran = run(app, "detector", model, *data, "--against", other, "--run", a_run)
    card = card_of(ran, tmp_path)
    assert re.findall(r"^#+ .*", card, re.MULTILINE) == [
        "# Plate detector",
        "## Data",
        "## Training",
        "## Figures",
        "### sets/green, split val",
        "### sets/green, split val, with the boxes of more.json",
    ]
    assert cells(card, "file") == [["`a.tflite`, 0.0 MB"]]
    assert cells(card, "found, false, missed") == [["1, 1, 0"] * 2, ["2, 0, 0"] * 2]
    assert cells(card, "96–159") == [["1", "1.000", "1.000"], ["2", "1.000", "1.000"]]
    assert cells(card, "seed") == [["11"]]
    assert cells(card, "time") == [["10 minutes"]]
    assert "\n    anpr model train x sets/road=0.5 --steps 9 --out runs/a\n" in card
    assert "/home" not in card
    assert "MIT, © 2020 Robert Lucian Chiriac" in card


def test_the_card_of_a_reader_holds_what_was_measured(tmp_path: Path) -> None:
    model = row_reader(tmp_path / "r.tflite")
    folder = tmp_path / "crops" / "two"
    folder.mkdir(parents=True)
    for text in ("AB", "BA"):
        cv2.imwrite(str(folder / f"{text}.png"), row_picture(text))
    (folder / "labels.csv").write_text("file,text,split,hard\nAB.png,AB,val,0\nBA.png,BB,val,1\n")
    card = card_of(run(app, "reader", model, "--data", folder), tmp_path)
    ((crops, exact, characters, *_),) = cells(card, "r.tflite")[:1]
    assert (crops, exact, characters) == ("2", "0.500 (0.500)", "0.750 (0.750)")
    assert cells(card, "hard: yes") == [["1", "0.000 (0.000)", "0.500 (0.500)"]]
    assert "### crops/two, split val" in card
    assert "## Training" not in card


def test_what_a_hand_wrote_on_weaknesses_is_kept(frames: Path, tmp_path: Path) -> None:
    model = square_detector(tmp_path / "a.tflite")
    hand = "- Blind to blue cars.\n- Slow."
    (tmp_path / "CARD.md").write_text(f"# Old\n\n## Known weaknesses\n\n{hand}\n\n## More\n\ngone\n")
    card = card_of(run(app, "detector", model, "--data", frames), tmp_path)
    assert card.endswith(f"\n\n## Known weaknesses\n\n{hand}\n")
    assert card_of(run(app, "detector", model, "--data", frames), tmp_path).endswith(f"{hand}\n")


def test_a_wrong_run_or_twice_the_same_name_is_told_in_one_line(frames: Path, tmp_path: Path) -> None:
    model = square_detector(tmp_path / "a.tflite")
    (tmp_path / "b").mkdir()
    same = square_detector(tmp_path / "b" / "a.tflite")
    ran = run(app, "detector", model, "--data", frames, "--against", same)
    assert isinstance(ran.error, BadInput)
    assert str(ran.error).startswith("--against: two networks")
    ran = run(app, "detector", model, "--data", frames, "--run", tmp_path)
    assert str(ran.error).startswith(f"{tmp_path}/run.json: No such file")
    assert not (tmp_path / "CARD.md").exists()
