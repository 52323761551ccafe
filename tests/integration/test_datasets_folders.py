"""Data sets as they lie on disk, in every format, with their pictures."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr.errors import BadInput
from anpr.types import Box
from models.datasets import formats
from models.datasets.check import check, look
from models.datasets.formats import Format
from models.datasets.pictures import size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage

SIZE = (120, 80)


def draw(path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
    """A picture of blocks, unlike those of other seeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST))
    return path


def an_annotation(x: float = 20.5, **facts: object) -> Annotation:
    plain: dict[str, object] = {"box": Box(x1=x, y1=30, x2=x + 40.25, y2=45), "label": "plate"}
    return Annotation(**(plain | facts))  # type: ignore[arg-type]


def a_dataset(root: Path) -> Dataset:
    """Two for train, one of them in a folder of its own, and a negative for val."""
    given = {
        "images/a.jpg": ("train", (an_annotation(text="AB123CD", is_hard=True), an_annotation(70, label="truck"))),
        "images/deep/b.png": ("train", (an_annotation(extra={"colour": "red"}),)),
        "images/c é.jpg": ("val", ()),
    }
    images: list[LabelledImage] = []
    for seed, (name, (split, annotations)) in enumerate(given.items()):
        draw(root / name, seed)
        images.append(
            LabelledImage(
                path=Path(name), width_px=SIZE[0], height_px=SIZE[1], annotations=annotations, split=split, extra={}
            )
        )
    return Dataset(root=root, images=tuple(images), labels=("plate", "truck"))


def plain(image: LabelledImage, form: Format) -> LabelledImage:
    """What a format holds of a picture, without the ids that COCO gives."""
    annotations = tuple(
        replace(
            one,
            text=one.text if form is not Format.YOLO else None,
            is_hard=one.is_hard and form not in (Format.YOLO, Format.CSV),
            extra={} if form in (Format.YOLO, Format.CSV) else {k: v for k, v in one.extra.items() if k != "id"},
        )
        for one in image.annotations
    )
    return replace(image, annotations=annotations, extra={})


def by_path(some: list[LabelledImage]) -> list[LabelledImage]:
    return sorted(some, key=lambda image: image.path)


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("form", list(Format))
def test_what_is_written_is_found_out_and_read_back(tmp_path: Path, form: Format, link: bool) -> None:
    dataset = a_dataset(tmp_path / "source")
    placed = formats.write(dataset, tmp_path / "copy", form, link=link)
    assert formats.detect(tmp_path / "copy") is form
    read = formats.read(tmp_path / "copy")
    want = by_path([plain(image, form) for image in placed.images])
    assert by_path([plain(image, form) for image in read.images]) == want
    assert sorted(read.labels) == ["plate", "truck"]
    for source, image in zip(dataset.images, placed.images, strict=True):
        assert read.file(image).read_bytes() == dataset.file(source).read_bytes()
        assert read.file(image).samefile(dataset.file(source)) is link


@pytest.mark.parametrize("first", list(Format))
@pytest.mark.parametrize("second", list(Format))
def test_boxes_survive_any_two_conversions(tmp_path: Path, first: Format, second: Format) -> None:
    dataset = a_dataset(tmp_path / "source")
    formats.write(dataset, tmp_path / "one", first)
    formats.write(formats.read(tmp_path / "one"), tmp_path / "two", second)
    read = formats.read(tmp_path / "two")

    def boxes(some: Dataset) -> list[object]:
        return sorted((i.path.name, i.split, *((a.box, a.label) for a in i.annotations)) for i in some.images)

    assert boxes(read) == boxes(dataset)
    assert [one for one in check(read) if one.severity == "error"] == []


def test_losses_are_told(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path)
    told = {form.value: formats.losses(dataset, form) for form in Format}
    assert told == {
        "coco": [],
        "voc": [],
        "dataturks": [],
        "csv": ["that 1 plates are hard", "the attributes colour"],
        "yolo": ["the texts of 1 plates", "that 1 plates are hard", "the attributes colour"],
    }


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path)
    with pytest.raises(BadInput, match="is not empty: give a new folder"):
        formats.write(dataset, tmp_path, Format.COCO)


def test_a_split_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path / "source")
    evil = replace(dataset, images=tuple(replace(image, split="../evil") for image in dataset.images))
    for form in (Format.COCO, Format.VOC, Format.YOLO, Format.CSV):
        with pytest.raises(BadInput, match="would lie outside"):
            formats.write(evil, tmp_path / form, form)
    assert not list(tmp_path.rglob("evil*"))


def test_two_pictures_that_would_become_one_file_are_told(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path / "source")
    draw(tmp_path / "source" / "images" / "a.png", 9)
    twin = replace(dataset.images[0], path=Path("images/a.png"))
    with pytest.raises(BadInput, match=r"images/a.jpg and images/a.png would both become .* in yolo"):
        formats.write(replace(dataset, images=(*dataset.images, twin)), tmp_path / "copy", Format.YOLO)


def test_a_missing_picture_stops_a_conversion_before_it_writes(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path / "source")
    dataset.file(dataset.images[0]).unlink()
    with pytest.raises(BadInput, match=r"a\.jpg: there is no such picture"):
        formats.write(dataset, tmp_path / "copy", Format.COCO)
    assert not (tmp_path / "copy").exists()


def test_two_formats_in_one_folder_must_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a.jpg,1,2,3,4,plate\n")
    (tmp_path / "a.json").write_text('{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}]}')
    with pytest.raises(BadInput, match=r"holds coco and csv: say which one to read \(--from coco\)"):
        formats.detect(tmp_path)
    assert formats.read(tmp_path, Format.COCO).images[0].annotations == ()


@pytest.mark.parametrize("name", ["nothing", "notes.txt"])
def test_a_path_without_annotations_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no boxes here")
    with pytest.raises(BadInput, match=r"no such file or folder|no annotations there in any format"):
        formats.read(tmp_path / name)


def test_a_roboflow_export_is_read(tmp_path: Path) -> None:
    draw(tmp_path / "train/images/a.jpg", 1)
    draw(tmp_path / "valid/images/b.jpg", 2)
    (tmp_path / "train/labels").mkdir()
    (tmp_path / "train/labels/a.txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (tmp_path / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['plate']\n")
    read = formats.read(tmp_path)
    box = Box(x1=30, y1=30, x2=90, y2=50)
    assert [(i.path.as_posix(), i.split, [a.box for a in i.annotations]) for i in read.images] == [
        ("train/images/a.jpg", "train", [box]),
        ("valid/images/b.jpg", "val", []),
    ]


def test_yolo_texts_beside_their_pictures_are_read_even_below_a_folder_called_images(tmp_path: Path) -> None:
    root = tmp_path / "images" / "set"
    draw(root / "a.jpg", 1)
    (root / "a.txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (root / "lost.txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (root / "readme.txt").write_text("Photographs of cars.\n")
    (root / "classes.txt").write_text("plate\n")
    read = formats.read(root)
    assert [(i.path.as_posix(), len(i.annotations)) for i in read.images] == [("a.jpg", 1), ("lost.jpg", 0)]
    assert [(one.kind, one.where) for one in check(read)] == [("missing file", "lost.jpg")]


def test_paths_of_another_machine_are_found_by_name(tmp_path: Path) -> None:
    draw(tmp_path / "pictures/a.jpg", 1)
    (tmp_path / "train.csv").write_text("C:\\data\\a.jpg,1,2,30,40,plate\n/home/someone/a.jpg,50,2,70,40,plate\n")
    read = formats.read(tmp_path)
    assert {(image.path.as_posix(), image.width_px, image.split) for image in read.images} == {
        ("pictures/a.jpg", 120, "train")
    }


def test_a_voc_picture_is_found_by_the_name_of_its_xml(tmp_path: Path) -> None:
    draw(tmp_path / "images/car7.png", 1)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "car7.xml").write_bytes(
        "<?xml version='1.0' encoding='iso-8859-2'?><annotation><filename>IMG_0001.png</filename>"
        "<object><name>značka</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object>"
        "</annotation>".encode("iso-8859-2")
    )
    (image,) = formats.read(tmp_path).images
    assert (image.path, image.width_px, image.annotations[0].label) == (Path("images/car7.png"), 120, "značka")


@pytest.mark.parametrize("encoding", ["utf-16", "cp037"])
def test_a_document_type_hidden_by_its_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'
    (tmp_path / "a.xml").write_bytes(bomb.encode(encoding))
    with pytest.raises(BadInput, match=r"a\.xml: "):
        formats.read(tmp_path)


def coco_of(root: Path, name: str, size: tuple[int, int] = SIZE) -> Dataset:
    image = {"id": 1, "file_name": name, "width": size[0], "height": size[1]}
    (root / "annotations.json").write_text(json.dumps({"images": [image], "categories": [], "annotations": []}))
    return formats.read(root)


def kinds(dataset: Dataset) -> list[str]:
    return [one.kind for one in check(dataset)]


def test_a_png_that_is_named_jpg_is_an_error(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 1).rename(tmp_path / "a.jpg")
    assert kinds(coco_of(tmp_path, "a.jpg")) == ["wrong extension"]


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_picture_that_is_cut_short_is_an_error(tmp_path: Path, name: str) -> None:
    path = draw(tmp_path / name, 1)
    assert kinds(coco_of(tmp_path, name)) == []
    path.write_bytes(path.read_bytes()[:-200])
    assert kinds(coco_of(tmp_path, name)) == ["unreadable"]


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\xff\xd8\xff\xe0 no more \xff\xd9"])
def test_a_file_that_is_no_picture_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert kinds(coco_of(tmp_path, "a.jpg")) == ["unreadable"]


def test_a_size_that_is_not_that_of_the_picture_is_an_error(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", 1)
    (found,) = check(coco_of(tmp_path, "a.jpg", size=(80, 120)))
    assert (found.kind, found.what[:52]) == ("wrong size", "annotation says 80×120, the picture is 120×80 (turne")


@pytest.mark.parametrize(("orientation", "size"), [(1, (120, 80)), (3, (120, 80)), (6, (80, 120))])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_size_of_a_jpeg_is_that_after_its_exif_orientation(
    tmp_path: Path, orientation: int, size: tuple[int, int], order: str
) -> None:
    path = draw(tmp_path / "a.jpg", 1)
    tiff = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1)
    tiff += struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    shown = cv2.imread(str(path))
    assert shown is not None
    assert size_of_file(path) == size == (shown.shape[1], shown.shape[0])


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tiff"])
def test_the_size_of_a_picture_is_known_in_every_type(tmp_path: Path, suffix: str) -> None:
    assert size_of_file(draw(tmp_path / f"a.{suffix}", 1)) == SIZE


def test_a_copy_in_other_size_and_quality_is_found_on_the_other_side(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path)
    original = cv2.imread(str(tmp_path / "images/a.jpg"))
    assert original is not None
    copy = cv2.resize(original, (90, 60), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "images/d.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 40])
    twin = LabelledImage(path=Path("images/d.jpg"), width_px=90, height_px=60, split="val")
    found = [one for one in check(replace(dataset, images=(*dataset.images, twin))) if one.severity == "error"]
    assert [(one.kind, one.where) for one in found] == [("picture on both sides", "images/a.jpg")]


def test_pictures_of_one_shade_are_not_taken_for_copies(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((80, 120, 3), np.uint8))
        seen = look(tmp_path / name)
        assert seen is not None
        assert seen.hash is None
        assert seen.size == SIZE


def test_a_picture_without_annotation_is_a_warning(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path)
    draw(tmp_path / "images/new.jpg", 7)
    found = check(dataset)
    assert [(one.severity, one.kind, one.where) for one in found] == [("warning", "not annotated", "images/new.jpg")]
