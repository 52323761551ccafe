"""Fewer channels in the backbone of a trained detector, where they tell least about plates for what they cost.

Which ones go is decided by the squared gradient of the loss by each channel (Molchanov et al., "Importance Estimation
for Neural Network Pruning", 2019) per multiplication. What stays is then fitted, block after block, to what the whole
network gave there (He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", 2017). Training goes on
from there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.detector import network, pictures
from models.detector.anchors import write
from models.detector.losses import loss
from models.detector.pictures import Recipe
from models.detector.train import ANCHORS, network_input, restored
from models.training.loop import BEST, save_weights, write_run

Floats = NDArray[np.float64]
Channels = NDArray[np.intp]

STEP = 8  # channels: kernels of all processors take so many at once
_RATE = 1e-3  # of the one step by which a gradient is measured
_PLACES = 200  # of a picture's map, on which a layer is fitted
_RIDGE = 1e-4  # of the mean variance of the channels
_BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The layers round channels that may go: they are made, spread by a depthwise convolution, and taken."""

    makes: str
    depthwise: str
    takes: str
    lateral: str | None = None  # takes them for the pyramid, before they are spread


BLOCKS = (
    Block(makes="Conv1", depthwise="expanded_conv_depthwise", takes="expanded_conv_project"),
    *(
        Block(
            makes=f"block_{number}_expand",
            depthwise=f"block_{number}_depthwise",
            takes=f"block_{number}_project",
            lateral={6: "lateral_3", 13: "lateral_4"}.get(number),
        )
        for number in range(1, len(network.BLOCKS) + 1)
    ),
)
_TOP = "lateral_5"  # takes what the last block gives


def slim(
    weights: Path, recipe: Recipe, directory: Path, *, share: float, batches: int, say: Callable[[str], None] = print
) -> network.Widths:
    """Keep in a directory, as of a run, the weights of a detector whose backbone does `share` of the multiplications.

    recipe: the pictures, and the size of input, that importance and fit are measured with, `batches` of them each.
    BadInput where weights, data sets or fonts cannot be read, or so small a share cannot be reached.
    """
    began, started_at = monotonic(), datetime.now(UTC)
    size = recipe.width_px, recipe.height_px
    whole = restored(weights, recipe)
    made = pictures.batches(recipe)
    say(f"the importance of {len(BLOCKS)} blocks' channels, by {batches * recipe.batch} pictures")
    kept = _kept(whole, _importance(whole, made, batches), share)
    images = np.concatenate([network_input(next(made)[0]) for _ in range(batches)])
    made.close()
    widths = network.Widths(expansions=tuple(len(one) for one in kept), last=network.CHANNELS)
    narrow = network.build(*size, widths)
    _copy(whole, narrow, kept)
    _Fit(whole, narrow, images, np.random.default_rng(recipe.seed)).backbone(say)
    directory.mkdir(parents=True, exist_ok=True)
    save_weights(network.joined(narrow), directory / BEST)
    write(directory / ANCHORS, *size)
    about = {"seed": recipe.seed, "samples": 2 * len(images), "expansions": widths.expansions}
    write_run(directory, started_at=started_at, took_s=monotonic() - began, about=about)
    return widths


def _importance(joined: keras.Model, batches: Iterator[Any], number: int) -> list[Floats]:
    """Of each channel of each block: the mean square of how much the loss changes with its share in the output."""
    for layer in joined.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    optimizer: Any = keras.optimizers.SGD(_RATE)
    joined.compile(optimizer=optimizer, loss=loss)
    values = [np.array(variable.numpy()) for variable in joined.variables]
    takers = [[name for name in (block.takes, block.lateral) if name] for block in BLOCKS]
    kernels = {name: _kernel(joined, name) for names in takers for name in names}
    totals = [np.zeros(kernels[block.takes].shape[2]) for block in BLOCKS]
    for images, wanted in (next(batches) for _ in range(number)):
        joined.train_on_batch(network_input(images), wanted)
        # ∂loss/∂(a factor on channel c) = Σ_o W[c, o] · ∂loss/∂W[c, o]; the step was _RATE of the latter
        slopes = {name: (old * (old - _kernel(joined, name))).sum((0, 1, 3)) / _RATE for name, old in kernels.items()}
        for place, names in enumerate(takers):
            totals[place] += sum(slopes[name] for name in names) ** 2
        for variable, value in zip(joined.variables, values, strict=True):
            variable.assign(value)
    return totals


def _kernel(model: keras.Model, name: str) -> NDArray[np.float32]:
    layer: Any = model.get_layer(name)
    return np.array(layer.kernel.numpy())


def _kept(whole: keras.Model, importance: list[Floats], share: float) -> list[Channels]:
    """Which channels of each block stay, in their order: the weakest for their cost go until `share` is left."""
    costs = [_cost(whole, block) for block in BLOCKS]
    counts = [len(one) for one in importance]
    worth = [np.sort(one / cost)[::-1] for one, cost in zip(importance, costs, strict=True)]
    spent = sum(count * cost for count, cost in zip(counts, costs, strict=True))
    most = share * spent
    while spent > most:
        next_to_go = [
            one[count - STEP : count].sum() if count > STEP else np.inf
            for one, count in zip(worth, counts, strict=True)
        ]
        least = int(np.argmin(next_to_go))
        if not np.isfinite(next_to_go[least]):
            raise BadInput(f"a backbone of {share:.0%} of the multiplications: each block keeps {STEP} channels")
        counts[least] -= STEP
        spent -= STEP * costs[least]
    return [np.sort(np.argsort(-one)[:count]) for one, count in zip(importance, counts, strict=True)]


def _cost(whole: keras.Model, block: Block) -> float:
    """Multiplications that a channel of a block costs."""
    made, spread = (whole.get_layer(name).output.shape for name in (block.makes, block.depthwise))
    before, after = (height * width for _, height, width, _ in (made, spread))
    lateral = _kernel(whole, block.lateral).shape[3] if block.lateral else 0
    a_cell = int(np.prod(_kernel(whole, block.makes).shape[:3])) + lateral
    return float(before * a_cell + after * (9 + _kernel(whole, block.takes).shape[3]))


def _copy(whole: keras.Model, narrow: keras.Model, kept: list[Channels]) -> None:
    """All that stays as it was: what takes the channels is fitted later."""
    makers = {block.makes: channels for block, channels in zip(BLOCKS, kept, strict=True)}
    spreaders = {block.depthwise: channels for block, channels in zip(BLOCKS, kept, strict=True)}
    fitted = {_TOP, *(name for block in BLOCKS for name in (block.takes, block.lateral))}
    for layer in narrow.layers:
        if layer.name in fitted or not layer.variables:
            continue
        for variable, source in zip(layer.variables, whole.get_layer(layer.name).variables, strict=True):
            array = np.array(source.numpy())
            if layer.name in makers:
                array = array.take(makers[layer.name], axis=-1)
            if layer.name in spreaders:  # kernels of 3×3×channels×1
                array = array.take(spreaders[layer.name], axis=min(2, array.ndim - 1))
            variable.assign(array)


class _Fit:
    """Brings what takes fewer channels now, in the order of the network, nearest to what the whole one gave there."""

    def __init__(
        self, whole: keras.Model, narrow: keras.Model, images: NDArray[np.float32], rng: np.random.Generator
    ) -> None:
        self._whole, self._narrow, self._images, self._rng = whole, narrow, images, rng

    def backbone(self, say: Callable[[str], None]) -> None:
        for block, following in pairwise(BLOCKS):
            wanted = self._whole.get_layer(following.makes).input
            lost = self._layer(block.takes, wanted, self._added(block.takes, following.makes))
            say(f"{block.takes}: {lost:.1%} of the variance lost")
            if block.lateral:
                lost = self._layer(block.lateral, self._whole.get_layer(block.lateral).output)
                say(f"{block.lateral}: {lost:.1%} of the variance lost")
        # No function lies between the last block and what takes it: the block can give that itself.
        top: Any = self._narrow.get_layer(_TOP)
        top.kernel.assign(np.eye(network.CHANNELS)[np.newaxis, np.newaxis])
        lost = self._layer(BLOCKS[-1].takes, self._whole.get_layer(_TOP).output)
        say(f"{BLOCKS[-1].takes}: {lost:.1%} of the variance lost")

    def _added(self, takes: str, following: str) -> Any:
        """What is added to a layer's output before the next block, or None."""
        own, after = self._narrow.get_layer(takes).output, self._narrow.get_layer(following).input
        if after is own:
            return None
        sums = (layer for layer in self._narrow.layers if isinstance(layer, keras.layers.Add) and layer.output is after)
        return next(one for one in next(sums).input if one is not own)

    def _layer(self, name: str, wanted: Any, added: Any = None) -> float:
        """Assign the weights of a 1×1 convolution by least squares; the share of the variance that is lost."""
        layer: Any = self._narrow.get_layer(name)
        x, y = self._values(layer.input, wanted, added)
        means = (x.mean(0), y.mean(0)) if layer.use_bias else (np.zeros(x.shape[1]), np.zeros(y.shape[1]))
        x, y = x - means[0], y - means[1]
        gram = x.T @ x
        gram += np.eye(len(gram)) * (_RIDGE * np.trace(gram) / len(gram))
        kernel = np.linalg.solve(gram, x.T @ y)
        layer.kernel.assign(kernel[np.newaxis, np.newaxis])
        if layer.use_bias:
            layer.bias.assign(means[1] - means[0] @ kernel)
        return float(((y - x @ kernel) ** 2).sum() / ((y - y.mean(0)) ** 2).sum())

    def _values(self, given: Any, wanted: Any, added: Any) -> tuple[Floats, Floats]:
        """Places×channels of what a layer is given, and of what it should make of that."""
        whole = keras.Model(self._whole.input, [wanted])
        narrow = keras.Model(self._narrow.input, [given] if added is None else [given, added])
        pairs: list[tuple[Floats, Floats]] = []
        for start in range(0, len(self._images), _BATCH):
            batch = self._images[start : start + _BATCH]
            (y,), (x, *more) = (_rows(model.predict_on_batch(batch)) for model in (whole, narrow))
            places = self._rng.choice(len(x), min(len(x), _PLACES * len(batch)), replace=False)
            pairs.append((x[places], (y - sum(more))[places]))
        return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def _rows(outputs: Any) -> list[Floats]:
    """Places×channels of each output, batch×height×width×channels."""
    listed = outputs if isinstance(outputs, list) else [outputs]
    return [np.asarray(one, np.float64).reshape(-1, one.shape[-1]) for one in listed]
