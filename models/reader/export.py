"""A trained reader as .tflite."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.evaluate.crops import LabelledCrop, load_crops
from models.evaluate.truth import picture
from models.reader import ctc
from models.reader.data import SPEC, tensor
from models.reader.network import build
from models.tflite import Network
from models.training.convert import Form, converter
from models.training.exporting import Exported, facts, keep_weights, spread, write
from models.training.loop import BEST, RUN, load_weights

REAL = (0.0, 255.0)  # the network takes grey levels


def export(
    run: Path,
    out: Path,
    *,
    forms: Sequence[Form],
    calibrate: Sequence[Path],
    name: str = "reader",
    looks: Sequence[float] = (0.0,),
    enough: float = 1.0,
    pictures: int = 400,
) -> list[Exported]:
    """Write the best weights of a training run into `out` in each form, with its spec and NAME.npz to start from.

    calibrate: folders with a labels.csv, whose train split shows int8 the values there are; `pictures`: how many
    crops are looked at, in all. What is compared with Keras is the likeliest class of each step. looks, enough: of the
    spec. Raises BadInput where the run or a crop cannot be read, or the int8 file gets too large.
    """
    labelled = _crops(calibrate, pictures)
    model, regions = load(run)
    crops = [pixels(picture(crop.path), model) for crop in labelled]
    truth = [probabilities(model, one) for one in crops]
    likeliest = [wanted.argmax(axis=1)[:, np.newaxis] for wanted in truth]

    def differences(tflite: Network) -> NDArray[np.float64]:
        found = [ctc.softmax(tflite.run(_input(one, tflite))[0][0]) for one in crops]
        trios = zip(found, truth, likeliest, strict=True)
        return np.concatenate([np.abs(np.take_along_axis(a - b, which, axis=1)) for a, b, which in trios])

    keep_weights(run / BEST, out / f"{name}.npz")
    return write(
        out,
        name,
        SPEC.model_copy(update={"looks": tuple(looks), "enough": enough, "regions": regions}),
        forms,
        converted=converter(model, pixels=crops, real=REAL, outputs="int8"),
        differences=differences,
        image=crops[0],
    )


def load(run: Path) -> tuple[keras.Model, tuple[str, ...]]:
    """The network of a training run with its best weights, and its countries. Raises BadInput."""
    told = facts(run / RUN)
    try:
        width, height = (int(side) for side in told["input_px"])
        regions = tuple(str(code) for code in told["regions"])
    except (KeyError, TypeError, ValueError) as exc:
        raise BadInput(f"{run / RUN}: input_px (width, height) and regions are expected there") from exc
    model = build(len(regions), width_px=width, height_px=height)
    load_weights(model, run / BEST)
    return model, regions


def probabilities(model: keras.Model, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Steps × (alphabet, blank last) of a crop as `pixels` gives it, by the network in Keras."""
    text, _ = model.predict_on_batch(image[np.newaxis])
    return ctc.softmax(np.asarray(text[0], np.float32))


def pixels(crop: NDArray[np.uint8], model: keras.Model) -> NDArray[np.uint8]:
    """A crop (HxWx3 uint8 BGR) as the network takes it, H×W×1."""
    height, width = model.input_shape[1:3]
    return tensor(crop, (width, height))


def _input(image: NDArray[np.uint8], tflite: Network) -> NDArray[np.uint8 | np.float32]:
    return (image if tflite.input.dtype == np.uint8 else image.astype(np.float32))[np.newaxis]


def _crops(datasets: Sequence[Path], number: int) -> list[LabelledCrop]:
    """Some of the train split of each, or of all of it where it is not split."""
    kept: list[LabelledCrop] = []
    for path in datasets:
        try:
            crops = load_crops(path, split="train")
        except BadInput:
            crops = load_crops(path, split=None)
        kept += spread(crops, -(-number // len(datasets)))
    return kept
