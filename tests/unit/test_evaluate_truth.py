"""Which boxes of a data set are the plates to find."""

from pathlib import Path

import pytest
from builders import a_box
from structlog.testing import capture_logs

from anpr.errors import BadInput
from anpr.types import Box
from models.datasets.types import Annotation, Dataset, LabelledImage
from models.evaluate.truth import LabelledFrame, frames_of


def an_image(name: str, *annotations: Annotation, split: str | None = "val") -> LabelledImage:
    return LabelledImage(path=Path(name), width_px=1280, height_px=720, annotations=annotations, split=split)


def a_dataset(*images: LabelledImage, labels: tuple[str, ...] = ("plate",)) -> Dataset:
    return Dataset(root=Path("/data"), images=images, labels=labels)


def labelled(box: Box, label: str = "plate", **extra: object) -> Annotation:
    return Annotation(box=box, label=label, extra=extra)


def test_frames_of_a_split_hold_their_plates_and_those_to_ignore() -> None:
    near, crowd = a_box(x=10), a_box(x=500)
    dataset = a_dataset(
        an_image("a.png", labelled(near), labelled(crowd, iscrowd=1)),
        an_image("b.png", split="train"),
        an_image("c.png"),
    )
    assert frames_of(dataset, split="val") == [
        LabelledFrame(path=Path("/data/a.png"), plates=(near,), ignored=(crowd,)),
        LabelledFrame(path=Path("/data/c.png"), plates=()),
    ]
    assert len(frames_of(dataset, split=None)) == 3


def test_only_the_labels_named_are_plates() -> None:
    plate, car = a_box(x=10), a_box(x=500)
    dataset = a_dataset(an_image("a.png", labelled(plate), labelled(car, "car")), labels=("car", "plate"))
    (frame,) = frames_of(dataset, split=None, labels=["plate"])
    assert frame.plates == (plate,)
    with pytest.raises(BadInput, match=r"several labels: say which are plates \(its labels: car, plate\)"):
        frames_of(dataset, split=None)
    with pytest.raises(BadInput, match=r"no label 'lorry' \(its labels: car, plate\)"):
        frames_of(dataset, split=None, labels=["lorry"])


def test_a_split_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"no picture of the split 'test' \(its splits: val\)"):
        frames_of(a_dataset(an_image("a.png")), split="test")


def test_boxes_without_area_are_left_out_with_a_warning() -> None:
    dataset = a_dataset(an_image("a.png", labelled(a_box(width=0)), labelled(a_box(x=10))))
    with capture_logs() as logs:
        (frame,) = frames_of(dataset, split=None)
    assert frame.plates == (a_box(x=10),)
    assert [(entry["event"], entry["left_out"], entry["first"]) for entry in logs] == [
        ("boxes.without_area", 1, "a.png")
    ]
