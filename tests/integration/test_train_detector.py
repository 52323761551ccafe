"""A few steps of training a detector: the run is kept, goes on where it stopped, and starts others."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from commands import run
from fonts import some_fonts

from anpr.errors import BadInput
from cli.model.slim import detector_command as slim_command
from cli.model.train_detector import detector
from models.datasets import formats
from models.datasets.formats import Format
from models.datasets.types import Annotation, Dataset, LabelledImage
from models.detector import network
from models.detector.anchors import anchors, encode
from models.detector.losses import imitation, loss
from models.detector.pictures import Maker, Recipe
from models.detector.slim import slim
from models.detector.sources import Source
from models.detector.targets import BACKGROUND, DOUBTFUL, IGNORED, PLATE, targets
from models.render.fonts import Fonts
from models.render.scene import paste
from models.training.loop import load_weights

SIDE = 64
pytestmark = pytest.mark.usefixtures("without_graphs")


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a font that comes with matplotlib."""
    return some_fonts(tmp_path_factory.mktemp("fonts"), "DejaVuSans-Bold")


@pytest.fixture(scope="module")
def scenes(fonts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey pictures with rendered plates as a data set of COCO, the last three for validation."""
    source = tmp_path_factory.mktemp("source")
    loaded, images = Fonts.load(fonts), list[LabelledImage]()
    for number in range(8):
        rng = np.random.default_rng(number)
        picture, plates = paste(rng, np.full((160, 200, 3), 90, np.uint8), loaded, number=2, difficulty=0.2)
        cv2.imwrite(str(source / f"{number}.png"), picture)
        boxes = tuple(Annotation(box=one.box, label="plate") for one in plates)
        images.append(
            LabelledImage(
                path=Path(f"{number}.png"),
                width_px=200,
                height_px=160,
                annotations=boxes,
                split="train" if number < 5 else "val",
            )
        )
    folder = tmp_path_factory.mktemp("scenes") / "coco"
    formats.write(Dataset(root=source, images=tuple(images), labels=("plate",)), folder, Format.COCO)
    return folder


def recipe(scenes: Path, fonts: Path, *, seed: int = 3) -> Recipe:
    return Recipe(sources=(Source(path=scenes),), fonts=fonts, width_px=SIDE, height_px=96, batch=2, seed=seed)


@pytest.mark.timeout(600)  # 20 s of one core, on a machine that may have other work
def test_a_run_starts_from_one_of_another_size_and_goes_on_where_it_stopped(
    scenes: Path, fonts: Path, tmp_path: Path
) -> None:
    wide = network.joined(network.build(96, 64, network.Widths(expansions=(16,) * 17, last=32)))
    start = tmp_path / "wide.npz"
    np.savez(start, **{v.path: v.numpy() for v in wide.variables})
    out = tmp_path / "out"

    def trained(steps: int) -> str:
        words = f"{scenes}=2", "--fonts", fonts, "--out", out, "--input", "64x96", "--batch", 2, "--every", 1
        done = run(detector, *words, "--start-from", start, "--teacher", start, "--head-steps", 1, "--steps", steps)
        assert done.status == 0, done.out
        return done.out

    assert "goes on" not in trained(2)
    assert "goes on after step 1 of 2" in trained(3)
    with (out / "history.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(0 <= float(row["loss"]) < 100 for row in rows)
    assert json.loads((out / "anchors.json").read_text())["anchors"] == len(anchors(64, 96))
    assert (out / "curves.png").is_file()
    with np.load(start) as before, np.load(out / "best.npz") as after:
        for name in ("block_3_expand/kernel", "block_16_project/kernel", "head_logits/kernel"):
            np.testing.assert_allclose(after[name], before[name], atol=0.01)  # a few steps from where it started
    load_weights(wide, out / "best.npz")
    assert wide.predict_on_batch(np.zeros((1, 64, 96, 3), np.float32)).shape == (1, len(anchors(96, 64)), 5)


def slimmed(scenes: Path, fonts: Path, weights: Path, share: float) -> Path:
    out = weights.with_name(f"{share}")
    words = weights, scenes, "--fonts", fonts, "--out", out, "--input", "64x96", "--batch", 2, "--batches", 1
    done = run(slim_command, *words, "--share", share)
    assert done.status == 0, done.out
    assert json.loads((out / "run.json").read_text())["samples"] == 4
    return out / "best.npz"


def work(model: keras.Model) -> int:
    """Multiplications of the backbone's convolutions."""
    layers = [layer for layer in model.layers if network.is_backbone(layer.name)]
    return sum(int(np.prod(one.output.shape[1:3]) * np.prod(one.kernel.shape)) for one in layers)


@pytest.mark.timeout(600)
def test_a_slim_network_costs_the_share_it_may_and_a_whole_one_stays(scenes: Path, fonts: Path, tmp_path: Path) -> None:
    whole = network.joined(network.build(SIDE, 96))
    np.savez(tmp_path / "whole.npz", **{v.path: v.numpy() for v in whole.variables})
    image = np.random.default_rng(0).uniform(-1, 1, (1, 96, SIDE, 3)).astype(np.float32)

    same = slimmed(scenes, fonts, tmp_path / "whole.npz", 1.0)
    assert network.widths_of(same).expansions == network.FULL.expansions
    again = network.joined(network.build(SIDE, 96, network.widths_of(same)))
    load_weights(again, same)
    np.testing.assert_allclose(again.predict_on_batch(image), whole.predict_on_batch(image), atol=0.02)

    narrow = slimmed(scenes, fonts, tmp_path / "whole.npz", 0.4)
    left = network.widths_of(narrow).expansions
    assert all(some % 8 == 0 and some <= most for some, most in zip(left, network.FULL.expansions, strict=True))
    assert 0.35 < work(network.build(SIDE, 96, network.widths_of(narrow))) / work(whole) < 0.41


def test_each_block_keeps_some_channels(scenes: Path, fonts: Path, tmp_path: Path) -> None:
    least = network.Widths(expansions=(8,) * 17, last=96)
    tiny = network.joined(network.build(SIDE, 96, least))
    np.savez(tmp_path / "tiny.npz", **{v.path: v.numpy() for v in tiny.variables})
    with pytest.raises(BadInput, match="each block keeps 8 channels"):
        slim(tmp_path / "tiny.npz", recipe(scenes, fonts), tmp_path / "out", share=0.9, batches=1)


def test_the_same_step_of_the_same_seed_has_the_same_pictures(scenes: Path, fonts: Path) -> None:
    one, again, other = (Maker(recipe(scenes, fonts, seed=seed)) for seed in (3, 3, 4))
    first = one.batch(0)
    for number in (1, 0):  # whatever was made before
        images, wanted = again.batch(number)
    assert (first[0].shape, first[0].dtype) == ((2, 96, SIDE, 3), np.uint8)
    assert first[1].shape == (2, len(anchors(SIDE, 96)), 5)
    assert np.array_equal(first[0], images)
    assert np.array_equal(first[1], wanted)
    assert not np.array_equal(first[0], other.batch(0)[0])
    assert not np.array_equal(first[0], one.batch(1)[0])


def test_a_network_gives_a_code_and_a_logit_for_each_anchor_of_its_input() -> None:
    for width, height in ((64, 96), (96, 64)):
        codes, logits = network.build(width, height).outputs
        number = len(anchors(width, height))
        assert (codes.shape, logits.shape) == ((None, number, 4), (None, number, 1))
    with pytest.raises(BadInput, match="300×320: both sides must be multiples of 32"):
        network.build(300, 320)


def test_the_backbone_learns_nothing_while_it_is_frozen_and_its_first_layers_never_do() -> None:
    model = network.build(32, 32)
    network.freeze(model, whole_backbone=True)
    assert not any(network.is_backbone(v.path) for v in model.trainable_variables)
    network.freeze(model, whole_backbone=False)
    learning = {v.path.partition("/")[0] for v in model.trainable_variables if network.is_backbone(v.path)}
    blocks = {f"block_{n}_{part}" for n in range(4, 17) for part in ("expand", "depthwise", "project")}
    assert learning == blocks


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    model = network.build(32, 32)
    other: dict[str, Any] = {"Conv1/kernel": np.zeros((3, 3, 3, 16), np.float32)}
    np.savez(tmp_path / "other.npz", **other)
    with pytest.raises(BadInput, match=r"lacks Conv1/kernel of shape \(3, 3, 3, 32\)"):
        network.load_backbone(model, tmp_path / "other.npz")
    with pytest.raises(BadInput, match="no weights of a detector: lacks 'block_1_expand/kernel'"):
        network.widths_of(tmp_path / "other.npz")


def test_weights_of_a_backbone_are_put_into_it(tmp_path: Path) -> None:
    donor, model = network.build(32, 32), network.build(64, 32)
    stored = {
        f"{layer.name}/{v.name}": v.numpy()
        for layer in donor.layers
        if network.is_backbone(layer.name)
        for v in layer.variables
    }
    np.savez(tmp_path / "backbone.npz", **stored)
    network.load_backbone(model, tmp_path / "backbone.npz")
    kernel = model.get_layer("block_16_project").kernel.numpy()
    assert np.array_equal(kernel, stored["block_16_project/kernel"])


def test_who_answers_as_the_teacher_does_has_learnt_it() -> None:
    rng = np.random.default_rng(1)
    taught = rng.normal(0, 1, (2, 50, 5)).astype(np.float32)
    near, far = (taught + rng.normal(0, scale, taught.shape).astype(np.float32) for scale in (0.1, 1.0))
    same, close, apart = (float(imitation(taught, said)) for said in (taught, near, far))
    assert same == pytest.approx(0, abs=1e-5)
    assert same < close < apart / 5


def test_the_loss_is_small_for_what_is_wanted_and_counts_nothing_that_is_ignored() -> None:
    some = anchors(64, 64)
    plate = np.array([[0.4, 0.3, 0.6, 0.8]], np.float32)
    wanted = targets(plate, np.zeros((0, 4), np.float32), some, is_complete=True)
    right = np.concatenate([wanted[:, :4], np.where(wanted[:, 4:] == PLATE, 12, -12)], axis=1).astype(np.float32)

    def measured(kinds: np.ndarray, said: np.ndarray) -> float:
        return float(loss(np.concatenate([wanted[:, :4], kinds[:, None]], axis=1)[None], said[None]))

    kinds = wanted[:, 4]
    assert measured(kinds, right) < 1e-3
    shifted, loud = right.copy(), right.copy()
    shifted[:, :4] = encode(np.repeat(plate + np.float32(0.05), len(some), axis=0), some)
    assert measured(kinds, shifted) > 0.2
    loud[kinds == BACKGROUND, 4] = 3
    assert measured(kinds, loud) > 1
    for allowed in (IGNORED, DOUBTFUL):
        assert measured(np.where(kinds == BACKGROUND, allowed, kinds), loud) < 1e-3


def test_mistakes_are_told_in_one_line(scenes: Path, fonts: Path, tmp_path: Path) -> None:
    def told(data: object, *args: object) -> str:
        return str(run(detector, data, "--fonts", fonts, "--out", tmp_path, *args).error)

    assert told(scenes, "--input", "320") == '--input 320: not width x height in pixels, such as "320x320"'
    assert told(f"{scenes}=0") == f"{scenes}=0: the weight of a data set is a number above 0"
    assert told(scenes, "--steps", 9, "--head-steps", 9).startswith("--head-steps 9: must be less than --steps 9")
    assert told(scenes, "--input", "300x320").endswith("both sides must be multiples of 32")
