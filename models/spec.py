"""Spec files: what a .tflite does not say about itself, in YAML beside it under the same name."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anpr.errors import BadModel

Colour = float | tuple[float, float, float]  # one value for all channels, or one each in the input's colour order
Share = Annotated[float, Field(ge=0, le=1)]


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


AnySpec = TypeVar("AnySpec", bound=Spec)


class DetectorSpec(Spec):
    """How to feed a detector and how to understand what it says."""

    # ssd_postprocess: TFLite_Detection_PostProcess's boxes, classes, scores, count; yolo_raw: 1 × (4 + classes) × N or
    # 1 × N × (5 + classes); yolo_end2end: 1 × N × 6 or 7; retinanet: decoded boxes and scores, with labels or without.
    output: Literal["ssd_postprocess", "yolo_raw", "yolo_end2end", "retinanet"]
    boxes: Literal["share", "pixel"] = "share"  # the unit of all but SSD boxes: the input's size, or its pixels
    scores: Literal["probability", "logit"] = "probability"  # yolo_raw, retinanet: logits still need a sigmoid
    resize: Literal["stretch", "letterbox"] = "stretch"
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: Colour = 127.5  # float and int8 inputs: real value = (pixel − mean) / std; uint8 inputs take the pixels
    std: Colour = 127.5
    labels: str = "labelmap.txt"  # file beside the spec: one label a line, "number label" lines, or a .pbtxt
    class_offset: int = 0  # added to the network's class to get the label's number; 1 where line 0 is "???"
    plates: Annotated[tuple[str, ...], Field(min_length=1)]  # the labels that are number plates
    threshold: Share
    max_overlap: Share = 0.5  # of the smaller of two boxes, above which the weaker one is the same plate


class ReaderSpec(Spec):
    """How to feed a reader and how to understand what it says."""

    output: Literal["ctc"]  # 1 × steps × (alphabet + 1) logits
    alphabet: Annotated[str, Field(pattern="^[A-Z0-9]+$")]  # in the order of the classes; the blank comes after them
    rows: Annotated[int, Field(ge=1)] = 1  # equal parts of the steps, one for each line of a plate, read in turn
    # Shares of the crop cut off each side, one for each look at it; the candidates of all looks are averaged.
    looks: Annotated[tuple[Annotated[float, Field(ge=0, le=0.25)], ...], Field(min_length=1)] = (0.0,)
    enough: Share = 1.0  # a look this sure of its best text is the last
    regions: tuple[
        Annotated[str, Field(pattern="^[A-Z]{2}$")], ...
    ] = ()  # the countries of a second output, 1 × logits
    mean: float  # of each standardised crop, in grey levels
    std: Annotated[float, Field(gt=0)]
    least_std: Annotated[float, Field(gt=0)]  # flatter crops are divided by this: noise is not blown up


def load_spec(kind: type[AnySpec], weights: Path) -> AnySpec:
    """The spec beside `weights` (detector.tflite → detector.yaml); BadModel says which key of which file is wrong."""
    path = weights.with_suffix(".yaml")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadModel(f"{path}: {exc.strerror} (the spec of {weights.name} belongs there)") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise BadModel(f"{path}: not YAML ({' '.join(str(exc).split())})") from exc
    if not isinstance(document, dict):
        raise BadModel(f"{path}: a spec is a mapping of keys to values")
    try:
        return kind.model_validate(document)
    except ValidationError as exc:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
        raise BadModel(f"{path}: {wrong}") from exc
