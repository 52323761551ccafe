"""Dataturks JSON lines: `content` is the picture, `annotation` its boxes with points as shares of width and height.

Understood as well: points as [x, y] pairs or in any order, four of them, percent for shares, sizes left out (they are
read from the picture), a URL for a path. Beyond Dataturks: `text` and `hard` of a box, `split` of a line.
"""

import json
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, FiniteFloat, ValidationError

from anpr.errors import BadInput
from models.datasets.files import first_wrong, read_text
from models.datasets.pictures import Finder, bare, size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, labels_used

FILE = "annotations.jsonl"
_MOST_SHARE = 2.0  # a box may lie a little outside; in percent all of it would be in a corner of 2 % of the picture
_EMPTY = [("extras", None), ("notes", "")]  # what Dataturks writes where there is nothing to say
Size = tuple[int, int]


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def others(self) -> dict[str, object]:
        given = dict(self.model_extra or {})
        return {key: value for key, value in given.items() if (key, value) not in _EMPTY}


def _pair(point: object) -> object:
    return [point["x"], point["y"]] if isinstance(point, dict) and "x" in point and "y" in point else point


def _one_label(label: object) -> object:
    return label[0] if isinstance(label, list) and len(label) == 1 else label


class _Box(_Record):
    label: Annotated[str, BeforeValidator(_one_label)]
    points: list[Annotated[tuple[FiniteFloat, FiniteFloat], BeforeValidator(_pair)]]
    imageWidth: int | None = None  # noqa: N815 - the format's own name
    imageHeight: int | None = None  # noqa: N815 - the format's own name
    text: str | None = None
    hard: bool = False


class _Line(_Record):
    content: str
    annotation: list[_Box] | None = None
    split: str | None = None


def claims(path: Path) -> bool:
    """Whether a file, or one in a folder, has a line with `content` and `annotation`."""
    return bool(_line_files(path))


def read(path: Path) -> Dataset:
    """A file of JSON lines, or all of them in a folder. Raises BadInput."""
    files = _line_files(path)
    if not files:
        raise BadInput(f"{path}: no Dataturks JSON lines there (`content` and `annotation` in each)")
    root = path if path.is_dir() else path.parent
    finder = Finder(root)
    images = [
        parse(
            line,
            where=f"{file}, line {n}",
            find=finder.find,
            size_of=lambda picture: size_of_file(root / picture),
        )
        for file in files
        for n, line in enumerate(read_text(file).split("\n"), start=1)
        if line.strip()
    ]
    return Dataset(root=root, images=tuple(images), labels=labels_used(tuple(images)))


def parse(
    line: str,
    *,
    where: str,
    find: Callable[[str], Path] = Path,
    size_of: Callable[[Path], Size | None],
) -> LabelledImage:
    """The picture of one line; `size_of` is asked where the line has no size.

    Where nobody knows the size, the picture has none and no annotations. Raises BadInput with `where`.
    """
    try:
        record = _Line.model_validate_json(line)
    except ValidationError as exc:
        raise BadInput(f"{where}: {first_wrong(exc)}") from exc
    path = find(_picture_name(record.content))
    boxes = record.annotation or []
    size = next(((one.imageWidth, one.imageHeight) for one in boxes if one.imageWidth and one.imageHeight), None)
    size = size or size_of(path)
    annotations = [_annotation(one, size, f"{where}: annotation {n}") for n, one in enumerate(boxes, start=1) if size]
    return LabelledImage(
        path=path,
        width_px=size[0] if size else None,
        height_px=size[1] if size else None,
        annotations=tuple(annotations),
        split=record.split,
        extra=record.others,
    )


def _picture_name(content: str) -> str:
    url = urllib.parse.urlsplit(content)
    return Path(urllib.parse.unquote(url.path)).name if url.scheme in ("http", "https") else content


def _annotation(one: _Box, size: Size, where: str) -> Annotation:
    if len(one.points) < 2:
        raise BadInput(f"{where} has {len(one.points)} points where a box has two or four")
    xs, ys = [x for x, _ in one.points], [y for _, y in one.points]
    largest = max(xs + ys)
    if largest > 100 * _MOST_SHARE:
        raise BadInput(f"{where} has a point at {largest:g}, which is neither a share nor percent")
    whole = 100 if largest > _MOST_SHARE else 1
    x1, x2 = (x / whole * size[0] for x in (min(xs), max(xs)))
    y1, y2 = (y / whole * size[1] for y in (min(ys), max(ys)))
    return Annotation(box=box_of(x1, y1, x2, y2), label=one.label, text=one.text, is_hard=one.hard, extra=one.others)


def place(image: LabelledImage) -> Path:
    return "images" / bare(image.path)


def render(dataset: Dataset) -> dict[str, str]:
    """The file of a data set by its name. Raises BadInput where a picture with boxes has no size."""
    return {FILE: "".join(f"{render_one(image)}\n" for image in dataset.images)}


def render_one(image: LabelledImage) -> str:
    """The line of one picture."""
    if image.annotations and not (image.width_px and image.height_px):
        raise BadInput(f"{image.path}: its size is not known, and points are shares of it")
    split = {"split": image.split} if image.split else {}
    boxes = [_box_record(one, image.width_px or 0, image.height_px or 0) for one in image.annotations]
    content = {"content": image.path.as_posix(), "annotation": boxes or None, "extras": None, **split}
    return json.dumps({**content, **_others(image.extra, content)}, ensure_ascii=False)


def _box_record(one: Annotation, width: int, height: int) -> dict[str, object]:
    box = one.box
    record: dict[str, object] = {
        "label": [one.label],
        "notes": "",
        "points": [{"x": box.x1 / width, "y": box.y1 / height}, {"x": box.x2 / width, "y": box.y2 / height}],
        "imageWidth": width,
        "imageHeight": height,
        **({} if one.text is None else {"text": one.text}),
        **({"hard": True} if one.is_hard else {}),
    }
    return {**record, **_others(one.extra, record)}


def _others(extra: Mapping[str, object], record: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in extra.items() if not record.get(key)}


def _line_files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for suffix in ("json", "jsonl", "ndjson") for file in path.glob(f"*.{suffix}"))
        return [file for file in files if _line_files(file)]
    if path.suffix.lower() not in (".json", ".jsonl", ".ndjson"):
        return []
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), "")
    try:
        record = json.loads(first)
    except ValueError:
        return []
    return [path] if isinstance(record, dict) and {"content", "annotation"} <= set(record) else []
