"""The training loop of all our networks: Keras 3, whatever its backend."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.training.curves import draw_curves
from models.training.machine import processor

CHECKPOINT, BEST, HISTORY, CURVES, RUN = "checkpoint.npz", "best.npz", "history.csv", "curves.png", "run.json"
_AVERAGED_EVERY = 5  # steps: averaging costs a copy of all weights
Batch = tuple[NDArray[Any], Any]  # pictures first
Row = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to train, and what to keep."""

    steps: int
    every: int  # steps between two evaluations; a checkpoint is written with each
    patience: int  # evaluations without a better score before it stops early
    ema: float = 0.998  # a step, of the averaged weights that are evaluated and kept


def jit() -> Any:
    """For `compile`: JAX is slow without it, TensorFlow on a CPU slower with it."""
    return keras.config.backend() == "jax"


def train(
    model: keras.Model,
    batches: Callable[[int], Iterator[Batch]],
    score: Callable[[], Mapping[str, float]],
    *,
    best_of: str,
    plan: Plan,
    directory: Path,
    say: Callable[[str], None] = print,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Train a compiled model and return the file of its best averaged weights, by the paths of its variables.

    `batches(step)` yields what `train_on_batch` takes from that step on, the same for the same step; `score()` gives
    figures on a validation set, `best_of` names the one that decides. All is kept in `directory`: a run that was
    stopped goes on from its last checkpoint. BadInput where a checkpoint there is of another network.
    """
    directory.mkdir(parents=True, exist_ok=True)
    run = _Run.resumed(model, directory)
    began, earlier_s, started_at = monotonic(), run.seconds, datetime.now(UTC)
    if run.step:
        say(f"goes on after step {run.step} of {plan.steps}")
    for x, y in batches(run.step) if run.step < plan.steps else iter(()):
        loss = model.train_on_batch(x, y)
        run.step += 1
        if run.step % _AVERAGED_EVERY == 0:
            run.average(plan.ema)
        if run.step % plan.every and run.step < plan.steps:
            continue
        run.seconds = earlier_s + monotonic() - began
        row: Row = {"step": run.step, "seconds": round(run.seconds), "loss": float(np.ravel(loss)[0])}
        with run.averaged():
            row |= score()
            improved = run.judge(row[best_of], directory)
        model.reset_metrics()
        run.rows.append(row)
        run.save(directory)
        _write_history(directory, run.rows)
        facts = {"steps": run.step, "best": run.best, "planned_steps": plan.steps, "samples": run.step * len(x)}
        write_run(directory, started_at=started_at, took_s=run.seconds, about=facts | dict(about or {}))
        say(_line(row, plan, improved=improved))
        if run.step >= plan.steps or run.without_better >= plan.patience:
            break
    return directory / BEST


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz by name. BadInput where it is none, or cut off."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:  # np.load itself leaves a damaged file open
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, TypeError, BadZipFile) as exc:
        raise BadInput(f"{path}: no weights of a network ({exc})") from exc


def load_weights(model: keras.Model, path: Path, *, partly: bool = False) -> None:
    """Put the weights of an .npz into a model of the same layers; `partly`: those that fit, at least one.

    BadInput where they do not fit, or cannot be read.
    """
    stored = read_weights(path)
    fitting = {v.path: v for v in model.variables if v.path in stored and stored[v.path].shape == tuple(v.shape)}
    missing = [v.path for v in model.variables if v.path not in fitting and _is_averaged(v)]
    if (missing and not partly) or not fitting:
        raise BadInput(f"{path}: has no weights for {missing[0]}: it is of another network")
    for name, variable in fitting.items():
        variable.assign(stored[name])


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the weights of a model as `load_weights` takes them: whole or not at all."""
    _replace(path, {variable.path: _array(variable) for variable in model.variables})


def write_run(directory: Path, *, started_at: datetime, took_s: float, about: Mapping[str, object]) -> None:
    """Tell in run.json with which command, when and on what a run was made."""
    facts = {
        "command": ["anpr", *sys.argv[1:]],
        "started_at": started_at.isoformat(timespec="seconds"),
        "took_s": round(took_s),
        "machine": f"{processor()}, Keras {keras.__version__} on {keras.config.backend()}",
    }
    (directory / RUN).write_text(json.dumps({**facts, **about}, indent=2) + "\n", encoding="utf-8")


class _Run:
    """The state of a run: the model's, its averaged weights, and how it went so far."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._averages = [_array(variable) for variable in model.variables]
        self.step, self.seconds = 0, 0.0
        self.best, self.without_better = float("-inf"), 0
        self.rows: list[Row] = []

    @classmethod
    def resumed(cls, model: keras.Model, directory: Path) -> "_Run":
        model.optimizer.build(model.trainable_variables)
        run = cls(model)
        path = directory / CHECKPOINT
        if not path.exists():
            return run
        with np.load(path) as file:
            stored = [file[name] for name in file.files if name != "state"]
            state = json.loads(str(file["state"]))
        variables = run._variables()
        shapes = [tuple(v.shape) for v in variables] + [a.shape for a in run._averages]
        if [array.shape for array in stored] != shapes:
            raise BadInput(f"{path}: a checkpoint of another network; give another --out, or remove it")
        for variable, array in zip(variables, stored, strict=False):
            variable.assign(array)
        run._averages = stored[len(variables) :]
        run.step, run.seconds, run.rows = state["step"], state["seconds"], state["rows"]
        run.best, run.without_better = state["best"], state["without_better"]
        return run

    def _variables(self) -> Sequence[keras.Variable]:
        return [*self._model.variables, *self._model.optimizer.variables]

    def save(self, directory: Path) -> None:
        arrays = {
            f"{number:05}": array for number, array in enumerate([*map(_array, self._variables()), *self._averages])
        }
        names = ("step", "seconds", "rows", "best", "without_better")
        state = json.dumps({name: getattr(self, name) for name in names})
        _replace(directory / CHECKPOINT, arrays | {"state": np.array(state)})

    def average(self, ema: float) -> None:
        """Move the averages towards the weights; fast at first, so that the start is soon forgotten."""
        keep = min(ema**_AVERAGED_EVERY, (1 + self.step) / (10 * _AVERAGED_EVERY + self.step))
        self._averages = [
            keep * average + (1 - keep) * _array(variable) if _is_averaged(variable) else _array(variable)
            for average, variable in zip(self._averages, self._model.variables, strict=True)
        ]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """With the averaged weights in the model."""
        current = [_array(variable) for variable in self._model.variables]
        try:
            self._assign(self._averages)
            yield
        finally:
            self._assign(current)

    def _assign(self, arrays: Sequence[NDArray[Any]]) -> None:
        for variable, array in zip(self._model.variables, arrays, strict=True):
            variable.assign(array)

    def judge(self, score: float, directory: Path) -> bool:
        """Keep the weights now in the model where they are the best so far."""
        if score <= self.best:
            self.without_better += 1
            return False
        self.best, self.without_better = score, 0
        save_weights(self._model, directory / BEST)
        return True


def _array(variable: keras.Variable) -> NDArray[Any]:
    return np.array(variable.numpy())


def _is_averaged(variable: keras.Variable) -> bool:
    return "float" in str(variable.dtype)  # the state of a random generator has no mean


def _replace(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Whole or not at all, whenever the process is stopped."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def _write_history(directory: Path, rows: Sequence[Row]) -> None:
    with (directory / HISTORY).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    draw_curves(rows, directory / CURVES)


def _line(row: Row, plan: Plan, *, improved: bool) -> str:
    left_s = row["seconds"] / row["step"] * (plan.steps - row["step"])
    figures = "  ".join(f"{name} {value:.3f}" for name, value in row.items() if name not in ("step", "seconds"))
    return f"step {row['step']}/{plan.steps}  {figures}  {left_s / 60:.0f} min left{'  best' if improved else ''}"
