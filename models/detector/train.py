"""Training of the plate detector: the heads first, then all but the first layers of the backbone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from anpr.types import Box, Detection
from models.detector import network, pictures
from models.detector.anchors import anchors, decode, write
from models.detector.found import found, sigmoid, suppressed
from models.detector.losses import imitation, loss
from models.detector.pictures import Image, Recipe
from models.detector.sources import Source
from models.evaluate.coco import FrameResult, average_precision
from models.evaluate.truth import LabelledFrame, picture
from models.training.loop import BEST, Plan, load_weights, train

WEIGHTS, ANCHORS, HEADS = BEST, "anchors.json", "heads"
_BACKBONE_RATE = 0.15  # of that of the heads: it knows pictures already
_WARM_UP = 100  # steps: the first gradients of new heads say little
_LAST_RATE = 0.01  # of the first, at the end of the cosine
_WEIGHT_DECAY = 4e-4
_MOST_GRADIENT = 10.0
_LEAST_SCORE = 0.01  # of detections that count for average precision
_MOST = 400  # anchors of a frame that are looked at, before those of one plate are thinned out
_VAL_BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is told; `steps` includes `head_steps`, in which the whole backbone is frozen."""

    recipe: Recipe
    val: tuple[Source, ...]
    steps: int
    head_steps: int
    every: int
    patience: int
    rate: float = 2e-3  # of the heads
    processes: int = 1


class TwoRates(keras.optimizers.AdamW):
    """AdamW that moves the backbone more slowly than the rest."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # TensorFlow hands in its own variable, which has no path: Keras's stands at the same place.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        rate = learning_rate * _BACKBONE_RATE if network.is_backbone(path) else learning_rate
        super().update_step(gradient, variable, rate)


def train_detector(
    settings: Settings,
    directory: Path,
    *,
    backbone: Path | None = None,
    start_from: Path | None = None,
    teacher: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train into `directory` and return the file of the best weights; the same call goes on where it was stopped.

    It starts from the backbone's weights, from those of an earlier run (of any size of input, whole or slim), or from
    chance. teacher: weights of a network whose answers it learns, instead of the labels. BadInput where data, fonts or
    weights cannot be read.
    """
    recipe = settings.recipe
    keras.utils.set_random_seed(recipe.seed)
    widths = network.FULL if start_from is None else network.widths_of(start_from)
    model = network.build(recipe.width_px, recipe.height_px, widths)
    joined = network.joined(model)
    score = Scorer(joined, recipe, settings.val)
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / ANCHORS, recipe.width_px, recipe.height_px)
    if backbone is not None:
        network.load_backbone(model, backbone)
    if start_from is not None:
        load_weights(joined, start_from)

    guide = None if teacher is None else restored(teacher, recipe)

    def part(steps: int, folder: Path, *, first: int, whole_backbone: bool) -> Path:
        network.freeze(joined, whole_backbone=whole_backbone)
        compiled(joined, steps, settings.rate, of=loss if guide is None else imitation)
        plan = Plan(steps=steps, every=settings.every, patience=settings.patience)
        made = lambda step: _batches(recipe, first + step, settings.processes, guide)  # noqa: E731
        return train(joined, made, score, best_of="ap50", plan=plan, directory=folder, say=say)

    heads = settings.head_steps
    if heads:
        load_weights(joined, part(heads, directory / HEADS, first=0, whole_backbone=True))
    return part(settings.steps - heads, directory, first=heads, whole_backbone=False)


def restored(weights: Path, recipe: Recipe) -> keras.Model:
    """The network of some weights, for the pictures of a recipe. BadInput where they cannot be read."""
    model = network.joined(network.build(recipe.width_px, recipe.height_px, network.widths_of(weights)))
    load_weights(model, weights)
    return model


def compiled(model: keras.Model, steps: int, most: float, *, of: Callable[[Any, Any], Any] = loss) -> None:
    """Compile with a rate that rises to `most` and then falls as a cosine to the end."""
    warm_up = min(_WARM_UP, steps // 4)
    rate: Any = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), alpha=_LAST_RATE, warmup_target=most, warmup_steps=max(1, warm_up)
    )
    optimizer = TwoRates(rate, weight_decay=_WEIGHT_DECAY, global_clipnorm=_MOST_GRADIENT)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer=optimizer, loss=of)


def _batches(
    recipe: Recipe, step: int, processes: int, teacher: keras.Model | None
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    for images, wanted in pictures.batches(recipe, first=step, processes=processes):
        x = network_input(images)
        yield x, wanted if teacher is None else np.asarray(teacher.predict_on_batch(x))


def network_input(images: Image) -> NDArray[np.float32]:
    """B×height×width×3 uint8 RGB as the network takes it."""
    return (images.astype(np.float32) - 127.5) / 127.5


class Scorer:
    """Average precision on the val split of some data sets, each for itself and their mean."""

    def __init__(self, model: keras.Model, recipe: Recipe, sources: Sequence[Source]) -> None:
        self._model, self._size = model, (recipe.width_px, recipe.height_px)
        self._anchors = anchors(*self._size)
        self._sets: dict[str, tuple[list[LabelledFrame], list[Image], list[tuple[int, int]]]] = {}
        for source in sources:
            frames = pictures.frames(source, "val")
            if not any(frame.plates for frame in frames):
                continue  # nothing to be found there
            loaded = [picture(frame.path) for frame in frames]
            sizes = [(image.shape[1], image.shape[0]) for image in loaded]
            # As the detector itself resizes frames.
            small = [np.asarray(cv2.resize(image, self._size), np.uint8)[:, :, ::-1] for image in loaded]
            self._sets[source.path.name] = frames, small, sizes

    def __call__(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, (frames, images, sizes) in self._sets.items():
            outputs = np.concatenate(
                [
                    self._model.predict_on_batch(network_input(np.stack(images[n : n + _VAL_BATCH])))
                    for n in range(0, len(images), _VAL_BATCH)
                ]
            )
            results = [
                FrameResult(plates=frame.plates, ignored=frame.ignored, detections=self._detections(output, size))
                for frame, output, size in zip(frames, outputs, sizes, strict=True)
            ]
            whole, _ = average_precision(results, ())
            figures[f"{name} ap50"], figures[f"{name} ap"] = whole.at_50 or 0.0, whole.at_50_95 or 0.0
        return figures | {"ap50": float(np.mean([value for key, value in figures.items() if key.endswith("ap50")]))}

    def _detections(self, output: NDArray[np.float32], size: tuple[int, int]) -> list[Detection]:
        scores = sigmoid(output[:, 4])
        kept = np.argsort(-scores)[:_MOST]
        kept = kept[scores[kept] >= _LEAST_SCORE]
        boxes = np.clip(decode(output[kept, :4], self._anchors[kept]), 0, 1)[:, [1, 0, 3, 2]]
        best = suppressed(found(boxes, np.zeros(len(kept)), scores[kept], threshold=_LEAST_SCORE))
        width, height = size
        return [
            Detection(
                box=Box(x1=b.box[1] * width, y1=b.box[0] * height, x2=b.box[3] * width, y2=b.box[2] * height),
                score=b.score,
                label="plate",
            )
            for b in best
        ]
