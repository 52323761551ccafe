"""A file of boxes that a data set lacks is added to the set's own boxes, or refused with what is wrong in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import a_box

from anpr.errors import BadInput
from models.datasets.additions import with_additions
from models.datasets.types import Annotation, Dataset, LabelledImage

OURS = Path(__file__).parents[2] / "models/detector/data/romanian_unlabelled.json"


def an_image(path: str, *annotations: Annotation) -> LabelledImage:
    return LabelledImage(path=Path(path), width_px=1280, height_px=720, annotations=annotations)


def a_dataset(*images: LabelledImage) -> Dataset:
    return Dataset(root=Path("/data"), images=images, labels=("plate",))


def additions(folder: Path, **images: list[dict[str, Any]]) -> Path:
    file = folder / "more.json"
    listed = [{"file_name": f"{stem}.jpg", "annotations": boxes} for stem, boxes in images.items()]
    file.write_text(json.dumps({"info": {"license": "Apache-2.0"}, "label": "plate", "images": listed}))
    return file


def test_the_boxes_come_after_those_of_the_set_and_the_unreadable_are_to_be_ignored(tmp_path: Path) -> None:
    own = Annotation(box=a_box(x=10), label="plate", text="B1ABC")
    dataset = a_dataset(an_image("images/a.jpg", own), an_image("images/b.jpg"))
    boxes = [{"bbox": [5, 6, 40.5, 10], "ignore": False}, {"bbox": [90, 6, 20, 8], "ignore": True}]
    assert with_additions(dataset, additions(tmp_path, a=boxes)) == a_dataset(
        an_image(
            "images/a.jpg",
            own,
            Annotation(box=a_box(x=5, y=6, width=40.5, height=10), label="plate"),
            Annotation(box=a_box(x=90, y=6, width=20, height=8), label="plate", extra={"ignore": 1}),
        ),
        an_image("images/b.jpg"),
    )


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ({"c": []}, "the data set has no picture named c.jpg"),
        ({"b": []}, "the data set has several pictures named b.jpg"),
        ({"a": [{"bbox": [1, 2, 0, 4], "ignore": False}]}, r"images\.0\.annotations\.0\.bbox\.2: .* greater than 0"),
        ({"a": [{"bbox": [1, 2, 3, 4]}]}, r"images\.0\.annotations\.0\.ignore: Field required"),
        (
            {"a": [{"bbox": [1, 2, 3, 4], "ignore": False, "txt": "B1"}]},
            r"images\.0\.annotations\.0\.txt: Extra inputs",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_named(tmp_path: Path, images: dict[str, Any], why: str) -> None:
    dataset = a_dataset(an_image("one/a.jpg"), an_image("one/b.jpg"), an_image("two/b.jpg"))
    with pytest.raises(BadInput, match=rf"more\.json: {why}"):
        with_additions(dataset, additions(tmp_path, **images))


def test_a_picture_listed_twice_and_a_label_that_the_set_lacks_are_refused(tmp_path: Path) -> None:
    file = additions(tmp_path, a=[])
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"images": content["images"] * 2}))
    with pytest.raises(BadInput, match=r"more\.json: a\.jpg is listed twice"):
        with_additions(a_dataset(an_image("a.jpg")), file)
    file.write_text(json.dumps(content | {"label": "sign"}))
    with pytest.raises(BadInput, match=r"more\.json: the data set has no label 'sign' \(its labels: plate\)"):
        with_additions(a_dataset(an_image("a.jpg")), file)


def test_our_boxes_of_the_romanian_frames_lie_inside_them_and_are_no_box_twice() -> None:
    names = [image["file_name"] for image in json.loads(OURS.read_text())["images"]]
    completed = with_additions(a_dataset(*map(an_image, names)), OURS)
    for image in completed.images:
        boxes = [annotation.box for annotation in image.annotations]
        assert boxes
        assert all(0 <= box.x1 < box.x2 <= 1280 and 0 <= box.y1 < box.y2 <= 720 for box in boxes)
        assert all(one.iou(other) < 0.4 for n, one in enumerate(boxes) for other in boxes[:n])
