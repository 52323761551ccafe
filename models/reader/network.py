"""The network of the reader: convolutions alone, one CTC sequence a line of the plate, and where the plate is from."""

from typing import Any

import keras
from keras import layers

from models.reader.data import ALPHABET, MEAN, STD

WIDTH_PX, HEIGHT_PX = 160, 32


def build(regions: int, *, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> keras.Model:
    """1×H×W×1 grey 0..255 (sides that divide by 8 and 4) → CTC logits 1×2·(W/4)×37, logits 1×`regions` of countries.

    The first half of the CTC steps is for the upper line of a plate, the second for the lower; the blank is the last
    class. A plate of one line uses the steps as the network likes.
    """
    picture = keras.Input((height_px, width_px, 1), name="crop")
    x = layers.Rescaling(1 / STD, -MEAN / STD, name="rescaled")(picture)
    x = _conv(x, 24, 5, strides=2, name="edges")
    x = _conv(x, 32, 3, name="strokes")
    x = _conv(x, 64, 3, strides=2, name="parts")
    x = _residual(x, 64, name="glyphs")
    x = _conv(x, 96, 3, strides=(2, 1), name="letters")
    x = _residual(x, 96, name="words")
    x = layers.Dropout(0.1, name="dropped")(x)
    # A kernel of full height each: what stands where is weighed once for the upper line and once for the lower.
    lines = [_conv(x, 96, height_px // 8, kernel_width=3, name=name) for name in ("upper", "lower")]
    rows = layers.Concatenate(axis=1, name="lines")(lines)
    rows = _conv(rows, 96, 1, kernel_width=5, name="neighbours")
    steps = layers.Conv2D(len(ALPHABET) + 1, 1, name="classes")(rows)
    text = layers.Reshape((2 * (width_px // 4), len(ALPHABET) + 1), name="text")(steps)
    region = layers.Dense(regions, name="region")(layers.GlobalAveragePooling2D(name="pooled")(rows))
    return keras.Model(picture, [text, region], name="reader")


def _conv(
    x: Any, filters: int, kernel: int, *, name: str, strides: int | tuple[int, int] = 1, kernel_width: int = 0
) -> Any:
    """A convolution of `kernel` rows and as many columns; or of `kernel_width`, then over whole columns alone."""
    if kernel_width:
        x = layers.ZeroPadding2D((0, kernel_width // 2), name=f"{name}_pad")(x)
    size, padding = ((kernel, kernel_width), "valid") if kernel_width else ((kernel, kernel), "same")
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.98, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _residual(x: Any, filters: int, *, name: str) -> Any:
    inner = _conv(x, filters, 3, name=f"{name}_1")
    inner = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_2")(inner)
    inner = layers.BatchNormalization(momentum=0.98, name=f"{name}_2_bn")(inner)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_sum")([x, inner]))
