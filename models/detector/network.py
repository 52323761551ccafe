"""The detector's network: MobileNetV2 1.0, a feature pyramid, separable heads; one class, "plate".

MobileNetV2 (Sandler et al., 2018) has its normalisation folded into the convolutions and lacks its last one; the
feature pyramid (Lin et al., 2017) and the heads are of separable convolutions, as in the TF Object Detection API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from anpr.errors import BadInput
from models.detector.anchors import LEVELS
from models.training.loop import read_weights

Tensor = Any  # keras.KerasTensor

CHANNELS = 96
FINE_CHANNELS = 48  # of the level of stride 4, whose map is four times as large as the next
MULTIPLE_PX = 32  # the sides of an input: each step up in the pyramid doubles a map
_PRIOR = 0.01  # score of everything at first: almost all of a frame is background (Lin et al., "Focal Loss", 2017)
BLOCKS = (  # channels and stride of each
    (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1),
    (160, 2), (160, 1), (160, 1), (320, 1),
)  # fmt: skip
# Edges and colours of any photograph, where few pictures have nothing to add; they cost half of a backward pass.
FROZEN = ("Conv1", "expanded_conv_", "block_1_", "block_2_", "block_3_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """How many channels the backbone has where their number is free."""

    expansions: tuple[int, ...]  # inside each block, those of Conv1 first
    last: int  # what the last block gives


FULL = Widths(
    expansions=(32, 96, 144, 144, 192, 192, 192, 384, 384, 384, 384, 576, 576, 576, 960, 960, 960), last=BLOCKS[-1][0]
)


def build(width_px: int, height_px: int, widths: Widths = FULL) -> keras.Model:
    """RGB 1×height×width×3, (value − 127.5) / 127.5, to box codes 1×N×4 and logits 1×N×1; N as `anchors` has them.

    Weights fit any size of input. BadInput where a side is no multiple of 32.
    """
    if width_px <= 0 or height_px <= 0 or width_px % MULTIPLE_PX or height_px % MULTIPLE_PX:
        raise BadInput(f"an input of {width_px}×{height_px}: both sides must be multiples of {MULTIPLE_PX}")
    image = keras.Input((height_px, width_px, 3), name="image")
    maps = _pyramid(_backbone(image, widths))
    fine = _Head("fine", FINE_CHANNELS, convolutions=1, anchors=LEVELS[0].anchors_a_cell)
    head = _Head("head", CHANNELS, convolutions=2, anchors=LEVELS[1].anchors_a_cell)
    found = [(fine if number == 0 else head)(one, level=number + 2) for number, one in enumerate(maps)]
    codes = layers.Concatenate(axis=1, name="codes")([one for one, _ in found])
    logits = layers.Concatenate(axis=1, name="logits")([one for _, one in found])
    return keras.Model(image, [codes, logits], name="plate_detector")


def widths_of(path: Path) -> Widths:
    """Those of the network whose weights an .npz holds. BadInput where it holds none of a detector."""
    stored = read_weights(path)
    made = ["Conv1", *(f"block_{number}_expand" for number in range(1, len(BLOCKS) + 1))]
    try:
        *expansions, last = (stored[f"{name}/kernel"].shape[-1] for name in (*made, f"block_{len(BLOCKS)}_project"))
    except (KeyError, IndexError) as exc:
        raise BadInput(f"{path}: no weights of a detector: lacks {exc}") from exc
    return Widths(expansions=tuple(expansions), last=last)


def joined(model: keras.Model) -> keras.Model:
    """The same layers with one output, 1×N×5: codes, logit."""
    return keras.Model(model.input, layers.Concatenate(name="joined")(model.outputs), name=model.name)


def freeze(model: keras.Model, *, whole_backbone: bool) -> None:
    """Say which layers learn: all but the first ones of the backbone, or but all of it. Compile afterwards."""
    for layer in model.layers:
        is_frozen = is_backbone(layer.name) and (whole_backbone or layer.name.startswith(FROZEN))
        layer.trainable = not is_frozen


def is_backbone(name: str) -> bool:
    """Whether a layer, or a variable by its path, is of the backbone."""
    return name.startswith(("Conv1", "expanded_conv_", "block_"))


def load_backbone(model: keras.Model, path: Path) -> None:
    """Weights of MobileNetV2 1.0 from an .npz of `layer/kernel` and `layer/bias`. BadInput where they do not fit."""
    stored = read_weights(path)
    for layer in model.layers:
        if not is_backbone(layer.name):
            continue
        for variable in layer.variables:
            name = f"{layer.name}/{variable.name}"
            if name not in stored or stored[name].shape != tuple(variable.shape):
                raise BadInput(f"{path}: lacks {name} of shape {tuple(variable.shape)}")
            variable.assign(stored[name])


def _backbone(image: Tensor, widths: Widths) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The maps of strides 4, 8, 16 and 32: of 8 and 16 what the next block expands them to, which tells more.

    That of 4 has 144 channels then, and costs more than all that is done with it.
    """
    first, *expansions = widths.expansions
    x = layers.Conv2D(first, 3, strides=2, padding="same", name="Conv1")(image)
    x = _depthwise(layers.ReLU(6.0)(x), "expanded_conv_depthwise", 1)
    x = layers.Conv2D(16, 1, name="expanded_conv_project")(x)
    maps: list[Tensor] = []
    outputs = [*(channels for channels, _ in BLOCKS[:-1]), widths.last]
    for number, (expansion, channels, (_, stride)) in enumerate(zip(expansions, outputs, BLOCKS, strict=True), start=1):
        name, before = f"block_{number}", x
        x = layers.ReLU(6.0)(layers.Conv2D(expansion, 1, name=f"{name}_expand")(x))
        if stride == 2:
            maps.append(before if number == 3 else x)
        x = layers.Conv2D(channels, 1, name=f"{name}_project")(_depthwise(x, f"{name}_depthwise", stride))
        if stride == 1 and before.shape[-1] == channels:
            x = layers.Add()([before, x])
    _, fine, middle, coarse = maps
    return fine, middle, coarse, x


def _depthwise(x: Tensor, name: str, stride: int) -> Tensor:
    return layers.ReLU(6.0)(layers.DepthwiseConv2D(3, strides=stride, padding="same", name=name)(x))


def _pyramid(maps: Sequence[Tensor]) -> list[Tensor]:
    """Of strides 4, 8, 16, 32 and 64: each has what the coarser ones know."""
    fine, p3, p4, p5 = maps
    p5 = _lateral(p5, 5)
    p6 = _separable(p5, "pyramid_6", CHANNELS, stride=2)
    p4 = layers.Add()([_lateral(p4, 4), layers.UpSampling2D(2, interpolation="bilinear")(p5)])
    p3 = layers.Add()([_lateral(p3, 3), layers.UpSampling2D(2, interpolation="bilinear")(p4)])
    smooth = [_separable(one, f"pyramid_{level}", CHANNELS) for level, one in ((3, p3), (4, p4))]
    down = layers.Conv2D(FINE_CHANNELS, 1, name="to_fine")(smooth[0])  # before it grows: a quarter of the work
    p2 = layers.Add()([_lateral(fine, 2, FINE_CHANNELS), layers.UpSampling2D(2, interpolation="bilinear")(down)])
    return [p2, *smooth, p5, p6]


def _lateral(x: Tensor, level: int, channels: int = CHANNELS) -> Tensor:
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"lateral_{level}")(x)
    return _normal(x, f"lateral_{level}_bn")


def _separable(x: Tensor, name: str, channels: int, stride: int = 1) -> Tensor:
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_pointwise")(x)
    return layers.ReLU(6.0)(_normal(x, f"{name}_bn"))


def _normal(x: Tensor, name: str) -> Tensor:
    # 0.97: the mean of a run of 16 pictures a step must follow the weights within a few hundred steps
    return layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=name)(x)


class _Head:
    """Convolutions shared by all levels that it is called with, each level with a normalisation of its own."""

    def __init__(self, name: str, channels: int, *, convolutions: int, anchors: int) -> None:
        self._name = name
        self._convolutions = [
            (
                layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_{n}_depthwise"),
                layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_{n}_pointwise"),
            )
            for n in range(convolutions)
        ]
        few: Any = keras.initializers.RandomNormal(stddev=0.01)
        prior: Any = keras.initializers.Constant(-float(np.log((1 - _PRIOR) / _PRIOR)))
        self._codes = layers.Conv2D(4 * anchors, 1, kernel_initializer=few, name=f"{name}_codes")
        self._logits = layers.Conv2D(anchors, 1, kernel_initializer=few, bias_initializer=prior, name=f"{name}_logits")

    def __call__(self, x: Tensor, *, level: int) -> tuple[Tensor, Tensor]:
        for n, (depthwise, pointwise) in enumerate(self._convolutions):
            x = layers.ReLU(6.0)(_normal(pointwise(depthwise(x)), f"{self._name}_{n}_bn_{level}"))
        return layers.Reshape((-1, 4))(self._codes(x)), layers.Reshape((-1, 1))(self._logits(x))
