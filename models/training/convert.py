"""Keras networks to TFLite: the only place that imports TensorFlow."""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.detector.ssd import OPERATOR
from models.evaluate.extra import needed

if TYPE_CHECKING:
    import keras


class Form(StrEnum):
    """How the numbers of a .tflite are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"  # weights alone; it computes in float32
    INT8 = "int8"  # everything, weights with a scale for each channel; takes uint8 pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PostProcess:
    """Settings of the operator that makes boxes of codes and scores: decoding, then non-maximum suppression."""

    anchors: NDArray[np.float32]  # N×4: ycenter, xcenter, height, width
    scales: tuple[float, float, float, float]  # of ty, tx, th, tw
    most: int  # detections
    iou: float  # of two boxes, above which the weaker is dropped
    least_score: float


def set_up() -> None:
    """Keep TensorFlow quiet and see that Keras runs on it; to be called before Keras is imported. Raises BadInput."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet():
        needed("tensorflow")
        backend = needed("keras").config.backend()
    if backend != "tensorflow":
        raise BadInput(f"Keras runs on {backend} here: set KERAS_BACKEND=tensorflow to export a network")


def converter(
    model: "keras.Model",
    *,
    pixels: Sequence[NDArray[np.uint8]],
    real: tuple[float, float],
    outputs: Literal["float32", "int8"] = "float32",
    postprocess: PostProcess | None = None,
) -> Callable[[Form], bytes]:
    """What gives a .tflite of a model that takes one image (1×H×W×C); its outputs are in the order of the model's.

    pixels: images (H×W×C) by which int8 chooses its scales. real: what the pixels 0 and 255 are to the model; the
    float forms take such values, int8 the pixels. outputs: what int8 gives. postprocess: for a model that gives box
    codes 1×N×4 and scores 1×N×1, 0..1: the outputs are then boxes, classes, scores and count, in float32 always.
    """
    tf = needed("tensorflow")
    traced = _traced(tf, model, postprocess)

    def convert(form: Form) -> bytes:
        made = tf.lite.TFLiteConverter.from_concrete_functions([traced.whole.get_concrete_function()], traced)
        made.allow_custom_ops = postprocess is not None
        if form is not Form.FLOAT32:
            made.optimizations = [tf.lite.Optimize.DEFAULT]
        if form is Form.FLOAT16:
            made.target_spec.supported_types = [tf.float16]
        if form is Form.INT8:
            made.representative_dataset = lambda: ([one] for one in _calibration(pixels, real))
            made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            made.inference_input_type = tf.uint8
            made.inference_output_type = tf.dtypes.as_dtype(outputs)
        with _quiet():
            content = bytearray(_with_fine_scores(tf, made) if form is Form.INT8 and postprocess else made.convert())
        _order_outputs(content)
        return bytes(content)

    return convert


def real_values(pixels: NDArray[np.uint8], real: tuple[float, float]) -> NDArray[np.float32]:
    """Pixels 0..255 as the values between the two of `real`."""
    low, high = real
    return (low + pixels.astype(np.float32) * ((high - low) / 255)).astype(np.float32)


def _traced(tf: ModuleType, model: "keras.Model", postprocess: PostProcess | None) -> Any:
    """A tf.Module whose function `whole` is the network."""
    freeze = needed("tensorflow.python.framework.convert_to_constants").convert_variables_to_constants_v2
    signature = [tf.TensorSpec((1, *model.input_shape[1:]), name="image")]
    # As constants first: alone, the converter leaves variables of Keras 3 as handles without values.
    network = tf.function(lambda image: model(image, training=False), input_signature=signature)
    frozen = freeze(network.get_concrete_function())
    operator = _operator(tf, postprocess) if postprocess else None
    module = tf.Module()
    # A function of a module: of a function alone the converter would inline the stand-in of the operator.
    module.whole = tf.function(
        lambda image: operator(*frozen(image)) if operator else frozen(image), input_signature=signature
    )
    return module


def _operator(tf: ModuleType, settings: PostProcess) -> Callable[..., Any]:
    """A function of codes and scores that stands for the operator, whose name the converter knows."""
    y, x, h, w = settings.scales
    values = {
        "max_detections": f"i: {settings.most}",
        "max_classes_per_detection": "i: 1",
        "detections_per_class": f"i: {settings.most}",
        "use_regular_nms": "b: false",  # the fast one, over the best class of each box: there is one
        "nms_score_threshold": f"f: {settings.least_score}",
        "nms_iou_threshold": f"f: {settings.iou}",
        "num_classes": "i: 1",
        **{f"{name}_scale": f"f: {scale}" for name, scale in (("y", y), ("x", x), ("h", h), ("w", w))},
    }
    told = " ".join(f'attr {{ key: "{key}" value {{ {value} }} }}' for key, value in values.items())

    @tf.function(experimental_implements=f'name: "{OPERATOR}" {told}')
    def stand_in(codes: Any, scores: Any, anchors: Any) -> Any:  # noqa: ARG001 (what the operator takes)
        return tuple(tf.constant(0.0, name=name) for name in ("boxes", "classes", "scores", "count"))

    return lambda codes, scores: stand_in(codes, scores, tf.constant(settings.anchors))


def _calibration(pixels: Sequence[NDArray[np.uint8]], real: tuple[float, float]) -> Iterator[NDArray[np.float32]]:
    for image in pixels:
        pinned = image[np.newaxis].copy()
        pinned[0, 0, :2] = [[0], [255]]  # the scale of the input is then that of all pixels
        yield real_values(pinned, real)


def _with_fine_scores(tf: ModuleType, made: Any) -> bytes:
    """An int8 network whose sigmoid alone computes in float32.

    As int8 it has steps of 1/256, so that the many weak scores by which average precision ranks would be a few values.
    The converter itself has no setting for that; these are the steps that it takes.
    """
    made._experimental_calibrate_only = True
    steps = needed("tensorflow.lite.python.convert")
    quantised = steps.mlir_quantize(made.convert(), denylisted_ops=["LOGISTIC"])
    return needed("tensorflow.lite.python.util").modify_model_io_type(quantised, tf.uint8, tf.float32)


def _order_outputs(content: bytearray) -> None:
    """Put the outputs of a .tflite in the order of the function's, in place: the converter writes them in any."""
    schema = needed("tensorflow.lite.python.schema_py_generated")
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    outputs = graph.OutputsAsNumpy()  # a view of the content
    # "PartitionedCall:2" is the third.
    outputs[:] = sorted(outputs.tolist(), key=lambda index: int(graph.Tensors(index).Name().rpartition(b":")[2]))


@contextmanager
def _quiet() -> Generator[None]:
    """Drop what TensorFlow's C++ prints: file and line of its own, and a summary of what it converts."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in kept:
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, original in kept.items():
            os.dup2(original, stream)
            os.close(original)
        os.close(nowhere)
