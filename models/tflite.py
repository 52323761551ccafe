"""The TFLite runtime, behind one small class: the only place that imports it."""

import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadModel

RUNTIMES = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}  # module → distribution, best first
MAGIC = b"TFL3"  # at offset 4: the file identifier of the TFLite schema
STDERR = threading.Lock()
RUNTIME_LINE = re.compile(rb"(INFO|WARNING|ERROR|VERBOSE): |[IWEF]\d{4} ")  # the runtime's own log lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One input or output of a network; real value = (stored − zero_point) × scale where scale > 0."""

    name: str
    index: int  # in the file's list of tensors
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    def quantised(self, real: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Real values as this tensor stores them, cut to its range."""
        if self.scale == 0 or self.dtype.kind == "f":
            return real.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        stored = np.rint(real / self.scale) + self.zero_point
        return np.clip(stored, limits.min, limits.max).astype(self.dtype)

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The float32 values that a stored array stands for."""
        if self.scale == 0 or self.dtype.kind == "f":
            return stored.astype(np.float32, copy=False)
        return (stored.astype(np.float32) - self.zero_point) * np.float32(self.scale)


class Network:
    """A loaded .tflite with one input. Not safe to share between threads; safe to use after a fork with 1 thread.

    Raises BadModel where the file is missing, damaged, no TFLite network, has an unknown operator or several inputs. Of
    some damaged files the runtime ends the process (6 of 2,600 variants of one, all while it was loaded).
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.path = path
        _check_file(path)
        runtime, _ = _runtime()
        try:
            with _quiet_stderr():
                self._interpreter = runtime.Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
            inputs = [_tensor(details) for details in self._interpreter.get_input_details()]
            self.outputs = tuple(_tensor(details) for details in self._interpreter.get_output_details())
        except (ValueError, RuntimeError) as exc:  # also a name that is no UTF-8
            raise BadModel(f"{path}: not a TFLite network that this runtime can load ({_one_line(exc)})") from exc
        if len(inputs) != 1:
            raise BadModel(f"{path}: has {len(inputs)} inputs, one image is expected")
        self.input = inputs[0]

    def run(self, array: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The outputs, as real float32 values in the order of `outputs`, for one input of the shape `input.shape`.

        An array of the input's own dtype goes in as it is; any other holds real values, which are quantised.
        """
        stored = array if array.dtype == self.input.dtype else self.input.quantised(array)
        try:
            self._interpreter.set_tensor(self.input.index, stored)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as exc:
            raise BadModel(f"{self.path}: cannot run ({_one_line(exc)})") from exc
        return [tensor.real(self._interpreter.get_tensor(tensor.index)) for tensor in self.outputs]

    def operator_outputs(self, operator: str) -> tuple[int, ...]:
        """The tensor indices that the last `operator` of the graph writes, in the operator's order; () without one."""
        # The one record of which output is which: names and order are up to whoever converted the file.
        operators: list[dict[str, Any]] = self._interpreter._get_ops_details()
        found = [details["outputs"] for details in operators if details["op_name"] == operator]
        return tuple(int(index) for index in found[-1]) if found else ()


def runtime_version() -> str:
    """The runtime in use, such as "ai-edge-litert 2.0.3"; raises BadModel where none is installed."""
    _, distribution = _runtime()
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:  # a distribution's own package of the runtime
        return distribution


def _runtime() -> tuple[ModuleType, str]:
    for module, distribution in RUNTIMES.items():
        try:
            return importlib.import_module(f"{module}.interpreter"), distribution
        except ImportError:
            continue
    raise BadModel(f"no TFLite runtime is installed: pip install {' (or '.join(RUNTIMES.values())})")


def _check_file(path: Path) -> None:
    # Before the runtime sees it: its own words for these are "mmap of size 0 requested" and the like.
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as exc:
        raise BadModel(f"{path}: {exc.strerror}") from exc
    if head[4:8] != MAGIC:
        raise BadModel(f"{path}: not a TFLite file (no {MAGIC.decode()} mark)")


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"],
        index=int(details["index"]),
        shape=tuple(int(size) for size in details["shape"]),
        dtype=np.dtype(details["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__


@contextmanager
def _quiet_stderr() -> Generator[None]:
    """Drop the lines that the runtime's C++ writes to stderr; what other threads write meanwhile follows after."""
    if sys.stderr is None:  # a process without stderr: descriptor 2 may be anything
        yield
        return
    # The lock: of two threads the later would keep, and put back, the file of the earlier.
    with STDERR, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            others = b"".join(line for line in caught if not RUNTIME_LINE.match(line))
            if others:
                os.write(2, others)
