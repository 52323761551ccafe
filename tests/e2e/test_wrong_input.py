"""A mistake gets one clear line on stderr and exit status 2, before anything is started."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import commands
import pytest
import yaml
from all_in_one import run
from clips import a_clip
from servers import open_directory

from anpr.errors import BadInput
from cli.run import run as run_command
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
    shutil.copy(WEIGHTS.with_suffix(".yaml"), directory / "detector.yaml")
    shutil.copy(WEIGHTS.with_name("labelmap.txt"), directory)
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
def test_a_wrong_word_is_told_in_one_line(words, told, inputs, data_dir, monkeypatch):
    monkeypatch.chdir(inputs)
    ran = commands.run(run_command, *words, "--data-dir", data_dir)
    assert isinstance(ran.error, BadInput), ran
    assert ran.err == ""
    assert_one_line(str(ran.error), told)
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cameras": {"gate": {"url": "good.mp4", "fsp": 5}}}, ["`cameras.gate.fsp`", "`fps`"]),
        ({"cameras": {"gate": {"url": "good.mp4"}}, "detect": {"model": "none.tflite"}}, ["none.tflite"]),
        ({"cameras": {"gate": {"url": "good.mp4"}}, "detect": {"model": "detector.tflite"}}, ["detector.tflite"]),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(settings, told, inputs, data_dir, monkeypatch):
    (inputs / "wrong.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.chdir(inputs)
    ran = commands.run(run_command, "--config", "wrong.yaml", "--data-dir", data_dir)
    assert isinstance(ran.error, BadInput), ran
    assert_one_line(str(ran.error), told)
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["text.mp4"], ["text.mp4"]), (["--config", "wrong.yaml"], ["detector.tflite"])],
)
def test_a_mistake_is_one_line_on_stderr_and_exit_status_2(words, told, inputs, data_dir):
    wrong = {"cameras": {"gate": {"url": "good.mp4"}}, "detect": {"model": "detector.tflite"}}
    (inputs / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    status, _, err = run(data_dir, *words, cwd=inputs)
    assert status == 2
    assert err.startswith("anpr: ")
    assert_one_line(err, told)
    assert not data_dir.exists()


def assert_one_line(text: str, told: list[str]) -> None:
    assert len(text.splitlines()) == 1, text
    assert [word for word in told if word not in text] == [], text
