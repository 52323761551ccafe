"""The network that names one character.

MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
arXiv:1704.04861.
"""

from typing import Any, cast

import keras
from keras import layers

from models.reader.segment.characters import SIDE_PX

WIDTH = 0.25  # multiplier of all layers' channels: the smallest that MobileNet was published with
DROPOUT = 0.1
MOMENTUM = 0.9  # of the statistics of batches: 0.99 lags behind for the first 800 steps


def build(classes: int) -> keras.Model:
    """1x80x80x1 grey 0..255, ink bright, to 1 x `classes` logits."""
    picture = keras.Input((SIDE_PX, SIDE_PX, 1), name="character")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name="scaled")(picture)
    none = cast(Any, None)  # Keras declares two of its optional arguments as str
    model = keras.applications.MobileNet(
        input_tensor=scaled,
        alpha=WIDTH,
        dropout=DROPOUT,
        weights=none,
        classes=classes,
        classifier_activation=none,
        name="characters",
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return model
