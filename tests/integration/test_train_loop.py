"""The training loop keeps what matters and goes on where it stopped."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from anpr.errors import BadInput
from models.training.loop import BEST, CHECKPOINT, CURVES, HISTORY, RUN, Batch, Plan, load_weights, train


def a_model(units: int = 1) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    model = keras.Model(
        inputs, keras.layers.Dense(units, name="sum")(keras.layers.BatchNormalization(name="norm")(inputs))
    )
    model.compile(keras.optimizers.AdamW(0.05), loss="mse", jit_compile=False)
    return model


def batches(first: int) -> Iterator[Batch]:
    """x and its sum; batch n is the same whenever it is asked for."""
    for number in range(first, 10_000):
        x = np.random.default_rng(number).normal(size=(16, 3)).astype(np.float32)
        yield x, x.sum(axis=1, keepdims=True)


def weights(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name != "state"}


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    plan, said = Plan(steps=30, every=10, patience=9), list[str]()
    scores = iter([0.1, 0.3, 0.2] * 2)

    def score() -> dict[str, float]:
        return {"right": next(scores)}

    train(a_model(), batches, score, best_of="right", plan=plan, directory=tmp_path / "whole", say=said.append)
    assert [line.split("  ")[0] for line in said] == ["step 10/30", "step 20/30", "step 30/30"]
    assert [line.endswith("best") for line in said] == [True, True, False]

    def stopped(line: str) -> None:
        if line.startswith("step 20/"):
            raise KeyboardInterrupt

    halves = tmp_path / "halves"
    with pytest.raises(KeyboardInterrupt):
        train(a_model(), batches, score, best_of="right", plan=plan, directory=halves, say=stopped)
    train(a_model(), batches, score, best_of="right", plan=plan, directory=halves, say=said.append)
    assert said[3] == "goes on after step 20 of 30"
    for name in (CHECKPOINT, BEST):
        one, other = weights(tmp_path / "whole" / name), weights(halves / name)
        assert one.keys() == other.keys()
        for key, array in one.items():
            np.testing.assert_allclose(array, other[key], rtol=1e-5, atol=1e-7)
    with (halves / HISTORY).open() as file:
        assert [(row["step"], row["right"]) for row in csv.DictReader(file)] == [
            ("10", "0.1"),
            ("20", "0.3"),
            ("30", "0.2"),
        ]
    assert (halves / CURVES).stat().st_size > 5_000


def test_the_weights_that_are_kept_are_averages_that_were_scored_best(tmp_path: Path) -> None:
    model, seen = a_model(), list[list[np.ndarray]]()

    def score() -> dict[str, float]:
        seen.append([variable.numpy() for variable in model.variables])
        return {"right": 1.0 if len(seen) == 2 else 0.0}

    plan = Plan(steps=40, every=10, patience=9, ema=0.99)
    best = train(model, batches, score, best_of="right", plan=plan, directory=tmp_path, say=lambda _: None)
    kept = weights(best)
    for variable, array in zip(model.variables, seen[1], strict=True):
        np.testing.assert_array_equal(kept[variable.path], array)
    trained, averaged = model.get_layer("sum").kernel, dict(zip(kept, seen[-1], strict=True))["sum/kernel"]
    assert not np.allclose(trained.numpy(), averaged)
    fresh = a_model()
    load_weights(fresh, best)
    assert np.array_equal(fresh.get_layer("sum").kernel.numpy(), kept["sum/kernel"])


def test_it_stops_early_without_a_better_score(tmp_path: Path) -> None:
    plan = Plan(steps=1000, every=5, patience=2)
    train(
        a_model(), batches, lambda: {"right": 0.5}, best_of="right", plan=plan, directory=tmp_path, say=lambda _: None
    )
    told = json.loads((tmp_path / RUN).read_text())
    assert (told["steps"], told["planned_steps"], told["samples"], told["best"]) == (15, 1000, 240, 0.5)


def test_weights_and_checkpoints_of_another_network_are_told(tmp_path: Path) -> None:
    plan, silent = Plan(steps=5, every=5, patience=2), {"say": lambda _: None}
    best = train(a_model(), batches, lambda: {"x": 1.0}, best_of="x", plan=plan, directory=tmp_path, **silent)
    with pytest.raises(BadInput, match="has no weights for sum/kernel: it is of another network"):
        load_weights(a_model(units=2), best)
    with pytest.raises(BadInput, match="a checkpoint of another network; give another --out"):
        train(a_model(units=2), batches, lambda: {"x": 1.0}, best_of="x", plan=plan, directory=tmp_path, **silent)
    with pytest.raises(BadInput, match="no weights of a network"):
        load_weights(a_model(), tmp_path / HISTORY)
    with pytest.raises(BadInput, match="no weights of a network"):
        load_weights(a_model(), tmp_path / "nowhere.npz")
    (tmp_path / "cut.npz").write_bytes(best.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"cut.npz: no weights of a network \(File is not a zip file\)"):
        load_weights(a_model(), tmp_path / "cut.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(BadInput, match=r"one.npy: no weights of a network"):
        load_weights(a_model(), tmp_path / "one.npy")
