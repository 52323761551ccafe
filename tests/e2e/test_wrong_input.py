"""A mistake gets one clear line on stderr and exit status 2, at once, and nothing is left running."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from all_in_one import run
from clips import a_clip
from servers import open_directory

from models.detector.inference import WEIGHTS


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory / "data"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A directory with a good clip and what is not one."""
    directory = tmp_path_factory.mktemp("inputs")
    data = a_clip(directory / "good.mp4", frames=10).read_bytes()
    (directory / "text.mp4").write_text("This is not a video.\n" * 20)
    index = data.index(b"moov") - 4
    (directory / "headless.mp4").write_bytes(data[:index] + data[index + int.from_bytes(data[index : index + 4]) :])
    for name in ("detector.yaml", "labelmap.txt"):
        shutil.copy(WEIGHTS.with_name(name), directory)
    (directory / "detector.tflite").write_bytes(WEIGHTS.read_bytes()[:100_000])
    return directory


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.mp4"], ["missing.mp4", "no such file"]),
        (["text.mp4"], ["text.mp4"]),
        (["headless.mp4"], ["headless.mp4"]),
        (["good.mp4", "--country", "XX"], ["XX", "CZ"]),
        (["good.mp4", "--start", "yesterday"], ["start"]),
        (["good.mp4", "--reader", "easyocr"], ["reader", "tesseract"]),
        ([], ["no source"]),
    ],
)
def test_a_wrong_word(words, told, inputs, data_dir):
    status, _, err = run(data_dir, *words, cwd=inputs)
    assert_one_line(status, err, told)
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cameras": {"gate": {"url": "good.mp4", "fsp": 5}}}, ["`cameras.gate.fsp`", "`fps`"]),
        ({"cameras": {"gate": {"url": "good.mp4"}}, "detect": {"model": "none.tflite"}}, ["none.tflite"]),
        ({"cameras": {"gate": {"url": "good.mp4"}}, "detect": {"model": "detector.tflite"}}, ["detector.tflite"]),
    ],
)
def test_a_wrong_setting(settings, told, inputs, data_dir):
    (inputs / "anpr.yaml").write_text(yaml.safe_dump(settings))
    status, _, err = run(data_dir, cwd=inputs)
    assert_one_line(status, err, told)


def assert_one_line(status: int, err: str, told: list[str]) -> None:
    assert (status, len(err.splitlines())) == (2, 1), err
    assert [word for word in told if word not in err] == [], err
