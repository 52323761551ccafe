"""What cannot be loaded says so in one line and never takes the process with it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tflite_graphs import Graph

from anpr import config
from anpr.config import Settings
from anpr.errors import BadModel
from cli.trials import check_networks, reason
from models.detector.inference import WEIGHTS as DETECTOR
from models.reader.inference import WEIGHTS as READER
from models.tflite import Network, runtime_version


def test_the_runtime_says_its_name_and_version() -> None:
    assert runtime_version().split()[0] in {"ai-edge-litert", "tflite-runtime"}
    assert runtime_version().split()[1][0].isdigit()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"TFL3",
        b"not a network, but a letter to my aunt\n" * 50,
        READER.read_bytes()[:7],
        READER.read_bytes()[:100],
        READER.read_bytes()[: READER.stat().st_size // 2],
        READER.read_bytes()[:-1000],
        READER.read_bytes()[:4000] + bytes(100_000),
    ],
    ids=["empty", "short", "text", "7-bytes", "100-bytes", "half", "no-end", "zeroed"],
)
def test_a_damaged_network_is_refused_in_one_quiet_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(BadModel) as caught:
        Network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_network_whose_names_are_no_text_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    start = graph.tensor("image", [1, 4])
    end = graph.reshape(start, [4], name="answer")
    graph.write(tmp_path / "x.tflite", inputs=[start], outputs=[end])
    Network(tmp_path / "x.tflite")
    path = tmp_path / "y.tflite"
    path.write_bytes((tmp_path / "x.tflite").read_bytes().replace(b"answer", b"\xffnswer"))
    with pytest.raises(BadModel, match=f"{path}: not a TFLite network that this runtime can load"):
        Network(path)


def settings(**sections: dict[str, str]) -> Settings:
    return config.build(sections, where="test", environ={})


def test_a_network_of_ones_own_is_tried_where_its_stage_is_wanted(tmp_path: Path) -> None:
    bad = tmp_path / "x.tflite"
    bad.write_bytes(READER.read_bytes()[:100_000])
    bad.with_suffix(".yaml").write_bytes(READER.with_suffix(".yaml").read_bytes())
    wrong = settings(read={"model": str(bad)}, detect={"model": DETECTOR.stem})
    with pytest.raises(BadModel) as caught:
        check_networks(wrong, ("detect", "read"))
    assert str(caught.value).startswith(f"{bad}: not a TFLite network that this runtime can load")
    assert "\n" not in str(caught.value)
    check_networks(wrong, ("check",))


def test_a_network_that_ends_its_process_is_told_as_damaged() -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; os.abort()"], check=False, capture_output=True)
    assert reason("x.tflite", ended.returncode, "double free\n") == (
        "x.tflite: damaged: the TFLite runtime ends its process (SIGABRT)"
    )


def test_a_missing_network_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="No such file"):
        Network(tmp_path / "x.tflite")
    with pytest.raises(BadModel, match="directory"):
        Network(tmp_path)


def test_loading_and_running_prints_nothing() -> None:
    code = (
        "from pathlib import Path; import numpy as np; from models.tflite import Network\n"
        f"network = Network(Path({str(DETECTOR)!r}))\n"
        "network.run(np.zeros(network.input.shape, np.uint8))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_others_write_to_stderr_while_networks_load_is_kept() -> None:
    code = (
        "import os, threading; from pathlib import Path; from models.tflite import Network\n"
        f"load = lambda: [Network(Path({str(READER)!r})) for _ in range(20)]\n"
        "threads = [threading.Thread(target=load) for _ in range(3)]\n"
        "[thread.start() for thread in threads]\n"
        "[os.write(2, b'x\\n') for _ in range(500)]\n"
        "[thread.join() for thread in threads]\n"
        "os.write(2, b'end\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, sorted(done.stderr.split())) == (0, ["end", *["x"] * 500])


def test_pixels_and_their_real_values_give_the_same_outputs() -> None:
    network = Network(READER)
    pixels = np.random.default_rng(2).integers(0, 256, network.input.shape, np.uint8)
    stored, real = network.run(pixels), network.run(network.input.real(pixels))
    for one, other in zip(stored, real, strict=True):
        assert one.dtype == np.float32
        assert np.array_equal(one, other)


def test_an_input_of_another_shape_is_refused() -> None:
    with pytest.raises(BadModel, match="cannot run"):
        Network(READER).run(np.zeros((1, 2, 3, 1), np.uint8))
