"""The network of the classical reader: trained for a few steps, exported, read with."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from fonts import some_fonts

from anpr.errors import BadModel
from cli.model.train_characters import characters as command
from models.reader.segment.data import CLASSES, batches, rendered
from models.reader.segment.inference import CLASSES_FILE, SegmentReader
from models.render.fonts import Fonts


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a font that comes with matplotlib."""
    return some_fonts(tmp_path_factory.mktemp("fonts"), "DejaVuSans-Bold")


@pytest.mark.timeout(600)  # 10 s of one core, on a machine that may have other work
@pytest.mark.usefixtures("without_graphs")
@pytest.mark.filterwarnings("ignore:The structure of `inputs`")  # graphs say nothing of the name of the only input
def test_a_few_steps_of_training_make_a_reader(directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    few = ("--number", 40, "--validation", 20, "--batch", 4, "--steps", 2, "--every", 2)
    ran = run(command, "--out", out, "--fonts", directory, *few)
    assert ran.error is None
    assert (out / CLASSES_FILE).read_text().split() == list(CLASSES)
    assert {"best.npz", "checkpoint.npz", "history.csv", "curves.png", "characters.tflite"} <= {
        path.name for path in out.iterdir()
    }
    crop = np.full((70, 300, 3), 235, np.uint8)
    cv2.putText(crop, "AB 123", (30, 52), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 4, cv2.LINE_AA)
    (reading,) = SegmentReader.load(out / "characters.tflite").read([crop])
    assert [len(candidate.text) for candidate in reading.candidates] == [5] * 5
    assert len({candidate.text for candidate in reading.candidates}) == 5
    (out / CLASSES_FILE).write_text("A\nB\n")
    with pytest.raises(BadModel, match=r"gives \[\(1, 36\)\], its classes.txt says 1 × 2"):
        SegmentReader.load(out / "characters.tflite")


def test_the_same_seed_renders_the_same_characters(directory: Path) -> None:
    one, same = (rendered(Fonts.load(directory), seed=3, number=12) for _ in range(2))
    assert np.array_equal(one.pictures, same.pictures)
    assert np.array_equal(one.labels, same.labels)


def test_a_run_that_goes_on_sees_the_batches_it_would_have_seen(directory: Path) -> None:
    data = rendered(Fonts.load(directory), seed=3, number=12)
    whole, later = batches(data, seed=1, size=5, first=0), batches(data, seed=1, size=5, first=2)
    _, _, third = (next(whole) for _ in range(3))
    for wanted, got in zip(third, next(later), strict=True):
        assert np.array_equal(wanted, got)
