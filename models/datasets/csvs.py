"""CSV: `path,x1,y1,x2,y2,class` a line, `path,,,,,` for a negative, and `class,number` lines in classes.csv.

This is what the RetinaNet tools read (fizyr/keras-retinanet); they ignore the seventh column, the `text` of the plate.
A first line of column names is understood, in any order, also under the names of other tools (filename, xmin, …).
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anpr.errors import BadInput
from models.datasets.files import read_text
from models.datasets.pictures import Finder, bare, size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, labels_used, number, split_named

CLASSES = "classes.csv"
_COLUMNS = ("path", "x1", "y1", "x2", "y2", "class", "text")
_SYNONYMS = {
    "path": ("path", "filename", "file", "file_name", "image", "image_path", "img"),
    "x1": ("x1", "xmin", "x_min", "left"),
    "y1": ("y1", "ymin", "y_min", "top"),
    "x2": ("x2", "xmax", "x_max", "right"),
    "y2": ("y2", "ymax", "y_max", "bottom"),
    "class": ("class", "class_name", "label", "name"),
    "text": ("text", "plate", "plate_text"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
    "split": ("split", "subset"),
    "hard": ("hard", "is_hard", "difficult"),
}
_KNOWN = {alias: column for column, aliases in _SYNONYMS.items() for alias in aliases}


@dataclass(slots=True)
class _Picture:
    boxes: list[Annotation] = field(default_factory=list[Annotation])
    size: tuple[int, int] | None = None
    split: str | None = None


def claims(path: Path) -> bool:
    """Whether a file, or one in a folder, is a CSV with the columns of boxes."""
    return bool(_csv_files(path))


def read(path: Path) -> Dataset:
    """A CSV file, or all of them in a folder; the split is in a column or in the file's name. Raises BadInput."""
    files = _csv_files(path)
    if not files:
        raise BadInput(f"{path}: no CSV of boxes there ({','.join(_COLUMNS[:6])})")
    root = path if path.is_dir() else path.parent
    finder = Finder(root)
    images: list[LabelledImage] = []
    for file in files:
        split = split_named(file.stem)
        for image in parse(read_text(file), where=str(file), find=lambda name, at=split: finder.find(name, at)):
            size = (image.width_px, image.height_px)
            if None in size:
                size = size_of_file(root / image.path) or (None, None)
            images.append(replace(image, width_px=size[0], height_px=size[1], split=image.split or split))
    classes = root / CLASSES
    named = parse_classes(read_text(classes), where=str(classes)) if classes.is_file() else ()
    labels = (*named, *(label for label in labels_used(tuple(images)) if label not in named))
    return Dataset(root=root, images=tuple(images), labels=labels)


def parse_classes(text: str, *, where: str) -> tuple[str, ...]:
    """The classes in the order of their numbers. Raises BadInput."""
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if rows and len(rows[0]) > 1 and not rows[0][1].strip().isdigit():
        rows = rows[1:]  # column names
    try:
        numbered = [(int(row[1]), row[0]) for row in rows]
    except (IndexError, ValueError) as exc:
        raise BadInput(f"{where}: a line is `class,number`") from exc
    return tuple(name for _, name in sorted(numbered))


def parse(text: str, *, where: str, find: Callable[[str], Path] = Path) -> tuple[LabelledImage, ...]:
    """The pictures of one CSV text in the order of their first lines. Raises BadInput with file and line."""
    pictures: dict[str, _Picture] = {}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns: Sequence[str] | None = None
    try:
        for row in reader:
            if not any(row):
                continue
            if columns is None:
                columns = _header(row)
                if columns is not None:
                    continue
                columns = _COLUMNS
            _add(pictures, dict(zip(columns, row, strict=False)), where=f"{where}, line {reader.line_num}")
    except csv.Error as exc:
        raise BadInput(f"{where}, line {reader.line_num}: {exc}") from exc
    return tuple(
        LabelledImage(
            path=find(name),
            width_px=picture.size[0] if picture.size else None,
            height_px=picture.size[1] if picture.size else None,
            annotations=tuple(picture.boxes),
            split=picture.split,
        )
        for name, picture in pictures.items()
    )


def _add(pictures: dict[str, _Picture], row: dict[str, str], *, where: str) -> None:
    name = row.get("path", "").strip()
    if not name:
        raise BadInput(f"{where}: no path of a picture")
    picture = pictures.setdefault(name, _Picture())
    picture.split = row.get("split") or picture.split
    corners = [row.get(corner, "").strip() for corner in ("x1", "y1", "x2", "y2")]
    label = row.get("class", "").strip()
    try:
        if row.get("width") and row.get("height"):
            picture.size = int(float(row["width"])), int(float(row["height"]))
        if not any(corners) and not label:
            return
        box = box_of(*map(float, corners))
    except (ValueError, OverflowError):
        raise BadInput(f"{where}: {','.join(corners)} are not the four numbers x1,y1,x2,y2 of a box") from None
    if not all(abs(value) < float("inf") for value in (box.x1, box.y1, box.x2, box.y2)):
        raise BadInput(f"{where}: {','.join(corners)} are not the four numbers x1,y1,x2,y2 of a box")
    if not label:
        raise BadInput(f"{where}: a box without a class")
    is_hard = row.get("hard", "").strip().lower() not in ("", "0", "false", "no")
    picture.boxes.append(Annotation(box=box, label=label, text=row.get("text") or None, is_hard=is_hard))


def place(image: LabelledImage) -> Path:
    return "images" / bare(image.path)


def render(dataset: Dataset) -> dict[str, str]:
    """The files of a data set by their names: annotations.csv or a file for each split, and classes.csv."""
    has_texts = any(one.text for image in dataset.images for one in image.annotations)
    splits = list(dict.fromkeys(image.split for image in dataset.images)) or [None]
    files: dict[str, str] = {}
    for split in splits:
        rows = [row for image in dataset.images if image.split == split for row in _rows(image, has_texts=has_texts)]
        files[f"{split or 'annotations'}.csv"] = "".join(map(_line, rows))
    return files | {CLASSES: "".join(_line([label, n]) for n, label in enumerate(dataset.labels))}


def _line(row: Sequence[object]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerow(row)  # both ends of lines are quoted in cells only if both end it
    return lines.getvalue().removesuffix("\r\n") + "\n"


def _rows(image: LabelledImage, *, has_texts: bool) -> list[list[object]]:
    path = image.path.as_posix()
    rows: list[list[object]] = []
    for one in image.annotations:
        corners = map(number, (one.box.x1, one.box.y1, one.box.x2, one.box.y2))
        rows.append([path, *corners, one.label, *([one.text or ""] if has_texts else [])])
    return rows or [[path, *[""] * (6 if has_texts else 5)]]


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _header(row: Sequence[str]) -> Sequence[str] | None:
    """What the columns are, by our names, where a row names them; None where it is a row of values."""
    names = [_KNOWN.get(cell.strip().lower(), "") for cell in row]
    return names if {"path", "x1", "y1", "x2", "y2"} <= set(names) else None


def _csv_files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in sorted(path.glob("*.csv")) if _csv_files(file)]
    if path.suffix.lower() != ".csv" or path.name == CLASSES:
        return []
    text = read_text(path)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    first = next((row for row in rows if any(row)), [])
    is_row = len(first) in (6, 7) and all(_is_number(cell) for cell in first[1:5])
    return [path] if is_row or _header(first) is not None else []


def _is_number(cell: str) -> bool:
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True
