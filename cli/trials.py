"""Networks of one's own are tried in a child process before several processes load them: some damaged files end it."""

import signal
import subprocess
from collections.abc import Collection

from anpr.config import Settings
from anpr.errors import BadModel
from cli.supervise import program


def check_networks(wanted: Settings, stages: Collection[str]) -> None:
    """Raise BadModel at once where a stage's network of one's own cannot be loaded or run; those that ship can."""
    if "detect" in stages and wanted.detect.model is not None:
        _try("detect", wanted.detect.model, wanted.detect.tiles or "")
    if "read" in stages and wanted.read.model is not None and wanted.read.reader == "tflite":
        _try("read", wanted.read.model)


def _try(stage: str, model: str, tiles: str = "") -> None:
    argv = program("models.trial", stage, model, tiles)
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise BadModel(reason(model, done.returncode, done.stderr))


def reason(model: str, status: int, said: str) -> str:
    """Why a network cannot be used whose trial ended so: what it said, if it came to that."""
    if status < 0:
        return f"{model}: damaged: the TFLite runtime ends its process ({signal.Signals(-status).name})"
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"{model}: its trial ended with exit status {status}"
