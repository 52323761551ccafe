"""What the exports of both networks share: files of each form, and how they compare with the network in Keras."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.evaluate.latency import Latency, latency, timed
from models.spec import Spec
from models.tflite import Network
from models.training.convert import Form

T = TypeVar("T")
LIMIT_BYTES = 8_000_000  # of an int8 file: what a repository and a small board bear
_RUNS = 30  # of the latency: its median is then within a few per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file, and by how much a probability of it is off that of the network in Keras."""

    path: Path
    form: Form
    bytes: int
    latency: Latency
    mean_difference: float
    largest_difference: float


def write(
    out: Path,
    name: str,
    spec: Spec,
    forms: Sequence[Form],
    *,
    converted: Callable[[Form], bytes],
    differences: Callable[[Network], NDArray[np.floating[Any]]],
    image: NDArray[np.uint8],
) -> list[Exported]:
    """Write NAME.tflite (int8), NAME.float16.tflite, NAME.float32.tflite into `out`, each with its spec beside it.

    `differences`: of probabilities, to those of the network in Keras. image: H×W×C, to time them with.
    Raises BadInput where a file cannot be written, or the int8 one is larger than LIMIT_BYTES.
    """
    exported: list[Exported] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for form in forms:
            path = out / (f"{name}.tflite" if form is Form.INT8 else f"{name}.{form}.tflite")
            content = converted(form)
            if form is Form.INT8 and len(content) > LIMIT_BYTES:
                raise BadInput(f"{path}: {len(content) / 1e6:.1f} MB, at most {LIMIT_BYTES / 1e6:g} are to ship")
            path.write_bytes(content)
            path.with_suffix(".yaml").write_text(_yaml(spec), encoding="utf-8")
            off = differences(Network(path))
            exported.append(
                Exported(
                    path=path,
                    form=form,
                    bytes=len(content),
                    latency=_latency(path, image),
                    mean_difference=float(off.mean()),
                    largest_difference=float(off.max()),
                )
            )
    except OSError as exc:
        raise BadInput(f"{exc.filename or out}: {exc.strerror}") from exc
    return exported


def keep_weights(best: Path, path: Path) -> None:
    """Write the weights of a run, an .npz, in half precision: where others may start from (`load_weights`)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with np.load(best) as file:
            halves = {name: file[name].astype(np.float16) for name in file.files if file[name].dtype.kind == "f"}
        np.savez_compressed(path, **halves)  # type: ignore[arg-type]
    except OSError as exc:
        raise BadInput(f"{exc.filename or path}: {exc.strerror}") from exc


def facts(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a training run; BadInput where it is missing or none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror} (a training run writes it)") from exc
    except ValueError as exc:
        raise BadInput(f"{path}: not JSON ({exc})") from exc
    if not isinstance(found, dict):
        raise BadInput(f"{path}: not a JSON object")
    return found


def spread(items: Sequence[T], number: int) -> list[T]:
    """At most `number` of them, evenly from first to last."""
    kept = min(number, len(items))
    return [items[place * len(items) // kept] for place in range(kept)]


def _yaml(spec: Spec) -> str:
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=120)


def _latency(path: Path, image: NDArray[np.uint8]) -> Latency:
    network = Network(path, threads=1)
    stored = image[np.newaxis].astype(network.input.dtype)
    network.run(stored)  # the first run is slower
    return latency([timed(lambda: network.run(stored))[1] for _ in range(_RUNS)])
