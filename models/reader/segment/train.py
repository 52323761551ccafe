"""Training of the network that names characters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from models.reader.segment.data import CLASSES, Characters, batches, rendered
from models.reader.segment.network import build
from models.render.fonts import Fonts
from models.training import loop

WARM_UP = 200  # steps
PEAK_RATE = 2e-3  # AdamW, batches of 32
DECAY = 0.01
VALIDATION_SEED = 1_000_003  # apart from that of training: other plates


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is made of."""

    fonts: Path
    number: int  # characters that are rendered; each batch shows some of them in other variations
    validation: int
    steps: int
    batch: int
    seed: int
    every: int
    patience: int


def train(settings: Settings, directory: Path, *, say: Callable[[str], None]) -> Path:
    """Train in `directory`, or go on there; the path of the best weights. BadInput where the fonts cannot be loaded."""
    keras.utils.set_random_seed(settings.seed)
    model = build(len(CLASSES))
    warm_up = min(WARM_UP, settings.steps // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        PEAK_RATE / 50, settings.steps - warm_up, alpha=0.01, warmup_target=PEAK_RATE, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(cast(Any, rate), weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss, jit_compile=loop.jit())
    fonts = Fonts.load(settings.fonts)
    say(f"renders {settings.number} characters, and {settings.validation} to validate with")
    data = rendered(fonts, seed=settings.seed, number=settings.number)
    held_out = rendered(fonts, seed=settings.seed + VALIDATION_SEED, number=settings.validation)
    return loop.train(
        model,
        lambda first: batches(data, seed=settings.seed, size=settings.batch, first=first),
        lambda: scored(model, held_out),
        best_of="accuracy",
        plan=loop.Plan(steps=settings.steps, every=settings.every, patience=settings.patience),
        directory=directory,
        say=say,
        about={
            "seed": settings.seed,
            "classes": CLASSES,
            "characters": settings.number,
            "validation": settings.validation,
        },
    )


def scored(model: keras.Model, data: Characters) -> Mapping[str, float]:
    """The share of characters named right; and where O counts as 0 and I as 1, which many fonts draw alike."""
    named = predicted(model, data.pictures).argmax(axis=1)
    alike = np.arange(len(CLASSES))
    alike[[CLASSES.index("O"), CLASSES.index("I")]] = CLASSES.index("0"), CLASSES.index("1")
    return {
        "accuracy": float(np.mean(named == data.labels)),
        "but_for_o_and_i": float(np.mean(alike[named] == alike[data.labels])),
    }


def predicted(model: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits of pictures Nx80x80."""
    parts = [pictures[start : start + 256, :, :, np.newaxis] for start in range(0, len(pictures), 256)]
    return np.concatenate([np.asarray(model.predict_on_batch(part), np.float32) for part in parts])
