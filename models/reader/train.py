"""Training of the reader. Rendered plates make most of a batch; the rest are real ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from models.evaluate.alignment import edits
from models.evaluate.crops import load_crops
from models.evaluate.truth import picture
from models.reader import ctc
from models.reader.data import ALPHABET, PADDING, REGIONS, Batch, Real, preparing, tensor
from models.reader.network import build
from models.render.fonts import Fonts
from models.render.sample import batches, samples
from models.training import loop

WARM_UP = 400  # steps; CTC starts from saying nothing at all, and large steps keep it there
DECAY = 0.01
REGION_WEIGHT = 0.2  # of the loss of the country, which is the lesser task
EASY_UNTIL = 0.25  # of the steps of new weights: from clean plates alone to all that a road has
RENDERED = 400  # plates of the rendered validation set


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is made of; sizes in pixels (width, height)."""

    fonts: Path
    real: tuple[Real, ...]
    validation: tuple[Path, ...]  # folders with a labels.csv
    input_px: tuple[int, int]
    steps: int
    batch: int
    seed: int
    every: int
    patience: int
    processes: int
    rate: float = 2e-3  # AdamW, at its highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Labelled plates, as the network takes them."""

    name: str
    pictures: NDArray[np.uint8]  # N×H×W×1
    texts: tuple[str, ...]


def train(settings: Settings, directory: Path, *, start_from: Path | None = None, say: Callable[[str], None]) -> Path:
    """Train a reader in `directory`, or go on there; the path of its best weights. BadInput where data is missing."""
    keras.utils.set_random_seed(settings.seed)
    width_px, height_px = settings.input_px
    model = build(len(REGIONS), width_px=width_px, height_px=height_px)
    if start_from is not None:
        loop.load_weights(model, start_from, partly=True)
    warm_up = min(WARM_UP, settings.steps // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        settings.rate / 50, settings.steps - warm_up, alpha=0.01, warmup_target=settings.rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(cast(Any, rate), weight_decay=DECAY, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, loss=[ctc_loss, region_loss], loss_weights=[1.0, REGION_WEIGHT], jit_compile=loop.jit())
    sets = [_rendered(settings), *(_validation(path, settings.input_px) for path in settings.validation)]
    plan = loop.Plan(steps=settings.steps, every=settings.every, patience=settings.patience)
    about = {"seed": settings.seed, "input_px": list(settings.input_px), "regions": list(REGIONS)}
    return loop.train(
        model,
        lambda first: _batches(settings, first, is_new=start_from is None),
        lambda: scored(model, sets),
        best_of="exact",
        plan=plan,
        directory=directory,
        say=say,
        about=about,
    )


def ctc_loss(texts: Any, logits: Any) -> Any:
    """Connectionist temporal classification (Graves et al., ICML 2006) a plate; texts B×12 padded with −1."""
    classes = ops.cast(texts, "int32")
    lengths = ops.sum(ops.cast(classes != PADDING, "int32"), axis=1)
    steps = ops.full_like(lengths, logits.shape[1])
    return ops.ctc_loss(ops.maximum(classes, 0), logits, lengths, steps, mask_index=len(ALPHABET))


def region_loss(regions: Any, logits: Any) -> Any:
    """Cross-entropy of the country; none where it is not known (−1)."""
    numbers = ops.reshape(ops.cast(regions, "int32"), (-1,))
    known = ops.cast(ops.greater_equal(numbers, 0), logits.dtype)
    return known * ops.sparse_categorical_crossentropy(ops.maximum(numbers, 0), logits, from_logits=True)


def _batches(settings: Settings, first: int, *, is_new: bool) -> Iterator[loop.Batch]:
    def difficulty(step: int) -> tuple[float, float]:
        return 0.0, min(1.0, 0.25 + 0.75 * step / (EASY_UNTIL * settings.steps)) if is_new else 1.0

    made: Iterator[Batch] = batches(
        settings.fonts,
        preparing(settings.real, settings.input_px),
        seed=settings.seed,
        size=settings.batch,
        processes=settings.processes,
        difficulty=difficulty,
        first=first,
    )
    for batch in made:
        yield batch.pictures, (batch.texts, batch.regions)


def scored(model: keras.Model, sets: Sequence[Validation]) -> Mapping[str, float]:
    """Shares of plates and characters that are right by greedy decoding, a set each, and the mean over the sets."""
    figures: dict[str, float] = {}
    for one in sets:
        logits = np.concatenate([_logits(model, one.pictures[at : at + 128]) for at in range(0, len(one.texts), 128)])
        texts = [ctc.greedy(ctc.with_row_breaks(ctc.softmax(row), 2), ALPHABET) for row in logits]
        wrong = sum(edits(truth, read) for truth, read in zip(one.texts, texts, strict=True))
        figures[f"{one.name}_exact"] = float(np.mean([a == b for a, b in zip(texts, one.texts, strict=True)]))
        figures[f"{one.name}_characters"] = max(0.0, 1 - wrong / sum(map(len, one.texts)))
    exact = [value for name, value in figures.items() if name.endswith("_exact")]
    return {"exact": float(np.mean(exact))} | figures


def _logits(model: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    text, _ = model.predict_on_batch(pictures)
    return np.asarray(text, np.float32)


def _rendered(settings: Settings) -> Validation:
    made = [*samples(Fonts.load(settings.fonts), seed=settings.seed + 1_000_003, number=RENDERED, difficulty=None)]
    pictures = np.stack([tensor(one.image, settings.input_px) for one in made])
    return Validation(name="rendered", pictures=pictures, texts=tuple(one.text for one in made))


def _validation(path: Path, input_px: tuple[int, int]) -> Validation:
    crops = load_crops(path, split="val")
    pictures = np.stack([tensor(picture(crop.path), input_px) for crop in crops])
    name = (path if path.is_dir() else path.parent).name
    return Validation(name=name, pictures=pictures, texts=tuple(crop.text for crop in crops))
