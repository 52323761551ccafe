"""A trained detector as .tflite: network, sigmoid and TFLite_Detection_PostProcess in one file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.datasets import formats
from models.detector import geometry, network, ssd
from models.detector.anchors import SCALES, anchors, decode
from models.detector.found import sigmoid
from models.evaluate.truth import picture
from models.spec import DetectorSpec
from models.tflite import Network
from models.training.convert import Form, PostProcess, converter, real_values
from models.training.exporting import Exported, facts, keep_weights, spread, write
from models.training.loop import BEST, load_weights

ANCHORS = "anchors.json"
LABEL = "plate"
REAL = (-1.0, 1.0)  # what pixels of 0 and 255 are to the network
MOST = 50  # detections: more than a frame has plates, and 50 rows cost nothing
IOU = 0.5  # plates do not overlap; tilted ones' boxes do, by less than this
LEAST_SCORE = 0.01  # what average precision is measured from


def export(
    run: Path,
    out: Path,
    *,
    forms: Sequence[Form],
    calibrate: Sequence[Path],
    name: str = "detector",
    threshold: float,
    pictures: int = 200,
) -> list[Exported]:
    """Write the best weights of a training run into `out` in each form, with spec, label map and NAME.npz.

    calibrate: data sets of any format, whose train split shows int8 the values there are; `pictures`: how many of
    them are looked at, in all. Their best box is also what is compared with Keras. threshold: that of the spec.
    Raises BadInput where the run, a data set or a picture cannot be read, or the int8 file gets too large.
    """
    paths = _pictures(calibrate, pictures)
    model, boxes = load(run)
    height, width = model.input_shape[1:3]
    pixels = [_pixels(path, (width, height)) for path in paths]
    scores = keras.layers.Activation("sigmoid", name="scores")(model.outputs[1])
    scored = keras.Model(model.inputs, [model.outputs[0], scores])
    postprocess = PostProcess(anchors=boxes, scales=SCALES, most=MOST, iou=IOU, least_score=LEAST_SCORE)
    truth = best_boxes(model, boxes, pixels)
    spec = DetectorSpec(output="ssd_postprocess", plates=(LABEL,), threshold=threshold)
    exported = write(
        out,
        name,
        spec,
        forms,
        converted=converter(scored, pixels=pixels, real=REAL, postprocess=postprocess),
        differences=lambda one: np.array(
            [abs(found - wanted) for found, (wanted, _) in zip(_best_scores(one, pixels), truth, strict=True)]
        ),
        image=pixels[0],
    )
    keep_weights(run / BEST, out / f"{name}.npz")
    (out / spec.labels).write_text(f"{LABEL}\n", encoding="utf-8")
    return exported


def load(run: Path) -> tuple[keras.Model, NDArray[np.float32]]:
    """The network of a training run with its best weights, and its anchors (N×4). Raises BadInput."""
    told = facts(run / ANCHORS)
    try:
        width, height, number = (int(told[key]) for key in ("width_px", "height_px", "anchors"))
    except (KeyError, TypeError, ValueError) as exc:
        raise BadInput(f"{run / ANCHORS}: width_px, height_px and anchors are expected there") from exc
    boxes = anchors(width, height)
    if len(boxes) != number:
        raise BadInput(f"{run / ANCHORS}: {number} anchors, this network has {len(boxes)}: it is of another version")
    model = network.build(width, height, network.widths_of(run / BEST))
    load_weights(model, run / BEST)
    return model, boxes


def best_boxes(
    model: keras.Model, boxes: NDArray[np.float32], pixels: Sequence[NDArray[np.uint8]]
) -> list[tuple[float, NDArray[np.float32]]]:
    """Score and box (ymin, xmin, ymax, xmax, shares) of what the network in Keras is surest of in each picture."""
    found: list[tuple[float, NDArray[np.float32]]] = []
    for image in pixels:
        outputs = model.predict_on_batch(real_values(image[np.newaxis], REAL))
        codes, logits = (np.asarray(one[0], np.float32) for one in outputs)
        best = int(logits[:, 0].argmax())
        place = slice(best, best + 1)
        found.append((float(sigmoid(logits[best])[0]), decode(codes[place], boxes[place])[0]))
    return found


def _best_scores(tflite: Network, pixels: Sequence[NDArray[np.uint8]]) -> list[float]:
    which = ssd.find_outputs(tflite.outputs, tflite.operator_outputs(ssd.OPERATOR))
    best: list[float] = []
    for image in pixels:
        arrays = tflite.run(_input(image, tflite))
        best.append(max((one.score for one in ssd.decode(arrays, which, threshold=0)), default=0.0))
    return best


def _input(image: NDArray[np.uint8], tflite: Network) -> NDArray[Any]:
    return image[np.newaxis] if tflite.input.dtype == np.uint8 else real_values(image[np.newaxis], REAL)


def _pictures(datasets: Sequence[Path], number: int) -> list[Path]:
    """Some of the train split of each, or of all of it where it is not split."""
    paths: list[Path] = []
    for path in datasets:
        dataset = formats.read(path)
        images = [image for image in dataset.images if image.split == "train"] or list(dataset.images)
        paths += [dataset.file(image) for image in spread(images, -(-number // len(datasets)))]
    return paths


def _pixels(path: Path, input_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture as the network sees it: stretched, RGB."""
    image = picture(path)
    where = geometry.placement((image.shape[1], image.shape[0]), input_px, "stretch")
    return cv2.cvtColor(geometry.place(image, where, input_px), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
