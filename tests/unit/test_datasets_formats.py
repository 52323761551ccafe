from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr.errors import BadInput
from anpr.types import Box
from models.datasets import coco, csvs, dataturks, voc, yolo
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, split_named

FEW = 12  # examples of whole data sets, which are large
LABELS = ("plate", "number plate", "značka", "a&<b>")
PLATE = Annotation(box=Box(x1=20, y1=30, x2=60, y2=45), label="plate")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
EXTRAS = st.dictionaries(st.sampled_from(["colour", "weather", "pose", "angle"]), VALUES, max_size=2)
NAMES = st.text("abcXYZ019-_ éß()&<'\"", min_size=1, max_size=8).filter(lambda name: name == name.strip())


def spans(length: int, *, outside: bool) -> st.SearchStrategy[tuple[float, float]]:
    """Two places along a side in ten-thousandths of a pixel, the first before the second."""
    least, most = (-length * 10_000, 2 * length * 10_000) if outside else (0, length * 10_000)
    places = st.integers(least, most)
    return st.tuples(places, places).filter(lambda two: two[0] != two[1]).map(_ordered)


def _ordered(two: tuple[int, int]) -> tuple[float, float]:
    return min(two) / 10_000, max(two) / 10_000


@st.composite
def images(draw: st.DrawFn, *, extras: bool = False, outside: bool = False) -> LabelledImage:
    width, height = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    annotations: list[Annotation] = []
    for _ in range(draw(st.integers(0, 2))):
        (x1, x2), (y1, y2) = draw(spans(width, outside=outside)), draw(spans(height, outside=outside))
        annotations.append(
            Annotation(
                box=Box(x1=x1, y1=y1, x2=x2, y2=y2),
                label=draw(st.sampled_from(LABELS)),
                text=draw(st.none() | st.text(min_size=1)),
                is_hard=draw(st.booleans()),
                extra=draw(EXTRAS) if extras else {},
            )
        )
    return LabelledImage(
        path=Path("images", draw(NAMES) + ".jpg"),
        width_px=width,
        height_px=height,
        annotations=tuple(annotations),
        split=draw(st.sampled_from([None, "train", "val", "test"])),
        extra=draw(EXTRAS) if extras else {},
    )


def datasets(**kinds: bool) -> st.SearchStrategy[Dataset]:
    several = st.lists(images(**kinds), min_size=1, max_size=3, unique_by=lambda image: image.path)
    return several.map(lambda some: Dataset(root=Path(), images=tuple(some), labels=LABELS))


def by_path(some: list[LabelledImage]) -> list[LabelledImage]:
    return sorted(some, key=lambda image: image.path)


def without_ids(image: LabelledImage) -> LabelledImage:
    def rest(extra: object) -> dict[str, object]:
        assert isinstance(extra, dict)
        return {key: value for key, value in extra.items() if key != "id"}

    inner = tuple(replace(one, extra=rest(one.extra)) for one in image.annotations)
    return replace(image, extra=rest(image.extra), annotations=inner)


@settings(max_examples=FEW)
@given(datasets(extras=True, outside=True))
def test_coco_gives_everything_back(dataset: Dataset) -> None:
    read = [coco.parse(text, where=name) for name, text in coco.render(dataset).items()]
    assert by_path([without_ids(image) for one in read for image in one.images]) == by_path(list(dataset.images))
    assert {one.labels for one in read} == {LABELS}


@settings(max_examples=FEW)
@given(datasets(extras=True))
def test_coco_keeps_ids_and_categories_once_they_are_given(dataset: Dataset) -> None:
    (first,) = [coco.parse(text, where="") for text in coco.render(unsplit(dataset)).values()]
    assert [coco.parse(text, where="") for text in coco.render(first).values()] == [first]


def unsplit(dataset: Dataset) -> Dataset:
    return replace(dataset, images=tuple(replace(image, split=None) for image in dataset.images))


@given(images(extras=True, outside=True))
def test_voc_gives_everything_of_a_picture_back(image: LabelledImage) -> None:
    name, got = voc.parse(voc.render_one(image), where="")
    assert name == image.path.name
    assert replace(got, path=image.path, split=image.split) == image


@settings(max_examples=FEW)
@given(datasets())
def test_voc_names_the_pictures_of_each_split(dataset: Dataset) -> None:
    files = voc.render(dataset)
    for split in ("train", "val", "test"):
        listed = files.get(f"ImageSets/Main/{split}.txt", "").splitlines()
        assert listed == [image.path.stem for image in dataset.images if image.split == split]


@given(images())
def test_yolo_gives_boxes_and_labels_back(image: LabelledImage) -> None:
    size = (image.width_px or 0, image.height_px or 0)
    got = yolo.parse(yolo.render_one(image, LABELS), LABELS, size=size, where="")
    assert got == tuple(Annotation(box=one.box, label=one.label) for one in image.annotations)


@settings(max_examples=FEW)
@given(datasets(outside=True))
def test_csv_gives_boxes_labels_texts_and_splits_back(dataset: Dataset) -> None:
    files = csvs.render(dataset)
    assert csvs.parse_classes(files.pop("classes.csv"), where="") == LABELS
    read: list[LabelledImage] = []
    for name, text in files.items():
        split = split_named(Path(name).stem)
        read += [replace(image, split=split) for image in csvs.parse(text, where=name)]
    assert by_path(read) == by_path([as_csv_holds(image) for image in dataset.images])


def as_csv_holds(image: LabelledImage) -> LabelledImage:
    annotations = tuple(replace(one, is_hard=False) for one in image.annotations)
    return replace(image, width_px=None, height_px=None, annotations=annotations)


@given(images(extras=True))
def test_dataturks_gives_everything_back(image: LabelledImage) -> None:
    size = (image.width_px or 0, image.height_px or 0)  # a line without boxes has none: the picture tells
    assert dataturks.parse(dataturks.render_one(image), where="", size_of=lambda _: size) == image


def dataturks_line(points: str, size: str = '"imageWidth": 100, "imageHeight": 50', content: str = "a.jpg") -> str:
    box = f'{{"label": ["plate"], "notes": "", "points": {points}, {size}}}'
    return f'{{"content": "{content}", "annotation": [{box}], "extras": null}}'


@pytest.mark.parametrize(
    "points",
    [
        '[{"x": 0.2, "y": 0.6}, {"x": 0.6, "y": 0.9}]',
        '[{"x": 0.6, "y": 0.9}, {"x": 0.2, "y": 0.6}]',
        '[{"x": 0.6, "y": 0.6}, {"x": 0.2, "y": 0.9}]',
        "[[0.2, 0.6], [0.2, 0.9], [0.6, 0.9], [0.6, 0.6]]",
        '[{"x": 20, "y": 60}, {"x": 60, "y": 90}]',
    ],
)
def test_dataturks_points_come_in_any_order_as_shares_or_percent(points: str) -> None:
    image = dataturks.parse(dataturks_line(points), where="", size_of=lambda _: None)
    want = LabelledImage(path=Path("a.jpg"), width_px=100, height_px=50, annotations=(PLATE,))
    assert image == want


def test_dataturks_takes_a_size_that_is_missing_from_the_picture() -> None:
    line = dataturks_line("[[0.2, 0.6], [0.6, 0.9]]", size='"imageWidth": null')
    assert dataturks.parse(line, where="", size_of=lambda _: (100, 50)).annotations == (PLATE,)
    unknown = dataturks.parse(line, where="", size_of=lambda _: None)
    assert unknown == LabelledImage(path=Path("a.jpg"), width_px=None, height_px=None)


def test_dataturks_takes_the_file_name_from_a_url() -> None:
    line = dataturks_line("[[0.2, 0.6], [0.6, 0.9]]", content="http://x.example/2c9f/77d1___car%201.jpg?v=1")
    assert dataturks.parse(line, where="", size_of=lambda _: None).path == Path("77d1___car 1.jpg")


def test_dataturks_refuses_pixels_for_shares() -> None:
    line = dataturks_line("[[320, 200], [400, 230]]")
    with pytest.raises(BadInput, match=r"^f.json, line 3: annotation 1 has a point at 400, which is neither"):
        dataturks.parse(line, where="f.json, line 3", size_of=lambda _: None)


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,20,30,60,45,plate\nb.jpg,,,,,\n",
        "path,x1,y1,x2,y2,class\r\na.jpg,20,30,60,45,plate\r\nb.jpg,,,,,\r\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,,,plate,20,30,60,45\nb.jpg,,,,,,,\n",
        "a.jpg;20;30;60;45;plate\n\nb.jpg;;;;;",
    ],
)
def test_csv_is_understood_with_and_without_column_names(text: str) -> None:
    positive = LabelledImage(path=Path("a.jpg"), width_px=None, height_px=None, annotations=(PLATE,))
    assert csvs.parse(text, where="") == (positive, LabelledImage(path=Path("b.jpg"), width_px=None, height_px=None))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a.jpg,20,30,60,x,plate", "20,30,60,x are not the four numbers"),
        ("a.jpg,20,30,60,,plate", "20,30,60, are not the four numbers"),
        ("a.jpg,20,30,60,nan,plate", "20,30,60,nan are not the four numbers"),
        ("a.jpg,20,30,60,45,", "a box without a class"),
        (",20,30,60,45,plate", "no path of a picture"),
    ],
)
def test_a_wrong_csv_line_is_told_with_its_number(row: str, told: str) -> None:
    with pytest.raises(BadInput, match=rf"^f\.csv, line 2: {told}"):
        csvs.parse(f"a.jpg,20,30,60,45,plate\n{row}\n", where="f.csv")


@pytest.mark.parametrize(
    "line",
    ["0 0.4 0.75 0.4 0.3", "0 0.4 0.75 0.4 0.3 0.98", "0 0.2 0.6 0.6 0.7 0.3 0.9", "0 0.2 0.6 0.2 0.9 0.6 0.9 0.6 0.6"],
)
def test_yolo_takes_boxes_with_confidence_and_outlines(line: str) -> None:
    assert yolo.parse(line, ["plate"], size=(100, 50), where="") == (PLATE,)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1 .5 .5 .1 .1", "class 1, but only 1 classes are named"),
        ("0 .5 .5 .1", "3 numbers after the class"),
        ("plate .5 .5 .1 .1", "not `class cx cy width height` in numbers"),
        ("0 .5 .5 .1 inf", "4 numbers"),
    ],
)
def test_a_wrong_yolo_line_is_told_with_its_number(line: str, told: str) -> None:
    with pytest.raises(BadInput, match=f"^a.txt, line 2: {told}"):
        yolo.parse(f"0 .5 .5 .1 .1\n{line}", ["plate"], size=(100, 50), where="a.txt")


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE annotation SYSTEM "file:///etc/passwd">',
        "<! doctype annotation>",
    ],
)
def test_voc_refuses_entities_and_document_types(head: str) -> None:
    with pytest.raises(BadInput, match=r"^a.xml: declares a document type or entities"):
        voc.parse(f"<?xml version='1.0'?>{head}<annotation>&b;</annotation>", where="a.xml")


def test_voc_refuses_characters_that_xml_cannot_hold() -> None:
    image = LabelledImage(path=Path("a.jpg"), width_px=9, height_px=9, annotations=(replace(PLATE, label="pla\x01te"),))
    with pytest.raises(BadInput, match=r"U\+0001 of name"):
        voc.render_one(image)


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("<object><name>plate</name></object>", "object 1: bndbox/xmin '' is no number"),
        ("<object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>", "object 1: no"),
        ("<size><width>wide</width></size>", "size/width 'wide' is no number of pixels"),
        ("<object>", "not XML"),
    ],
)
def test_a_wrong_voc_annotation_is_told_in_one_line(inner: str, told: str) -> None:
    with pytest.raises(BadInput, match=f"^a.xml: {told}"):
        voc.parse(f"<annotation>{inner}</annotation>", where="a.xml")


def test_coco_keeps_swapped_boxes_for_the_check_to_tell() -> None:
    box = box_of(60, 45, 20, 30)
    image = LabelledImage(path=Path("a.jpg"), width_px=9, height_px=9, annotations=(replace(PLATE, box=box),))
    (text,) = coco.render(Dataset(root=Path(), images=(image,), labels=("plate",))).values()
    assert coco.parse(text, where="").images[0].annotations[0].box == box


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ('[{"id": 5, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]}]', "annotation 5 is of image 2"),
        ('[{"id": 5, "image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}]', "annotation 5 has category 9"),
        ('[{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, NaN, 4]}]', "annotations.0.bbox.2: "),
        ('[{"id": 5, "image_id": 1, "category_id": 1}]', "annotations.0.bbox: Field required"),
    ],
)
def test_wrong_coco_is_told_in_one_line(annotations: str, told: str) -> None:
    image = '{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}'
    text = f'{{"images": [{image}], "categories": [{{"id": 1, "name": "plate"}}], "annotations": {annotations}}}'
    with pytest.raises(BadInput, match=f"^c.json: {told}") as raised:
        coco.parse(text, where="c.json")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("instances_val2017", "val"),
        ("valid", "val"),
        ("plates-test", "test"),
        ("annotations", None),
        ("training_day_interval", None),
    ],
)
def test_a_file_name_tells_its_split(name: str, split: str | None) -> None:
    assert split_named(name) == split
