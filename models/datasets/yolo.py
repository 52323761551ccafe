"""YOLO text (docs.ultralytics.com/datasets/detect): `class cx cy width height` lines, shares of the picture, in a .txt
for each picture; classes and splits in data.yaml, or classes in classes.txt (labelImg) or obj.names (Darknet).

Understood as well: outlines (`class x1 y1 x2 y2 x3 y3 …`, their upright box is taken), a sixth number (a confidence,
ignored), lists of pictures for a split, the `../train/images` of Roboflow exports. A picture without .txt is a
negative.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from anpr.errors import BadInput
from models.datasets.files import read_text
from models.datasets.pictures import ALL_SUFFIXES, bare, size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, split_named

DATA = "data.yaml"
CLASSES = ("classes.txt", "obj.names", "labels/classes.txt")
LABELS = "labels"
_LOOKS_LIKE_BOXES = re.compile(r"\s*\d+(\s+[-+.\deE]+){4}")
_DIGITS = 10  # after the point: finer than 1/10000 of a pixel in 100 000


def claims(path: Path) -> bool:
    """Whether a file is a data.yaml with `names`, or a folder has one, or classes beside .txt files."""
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml") and "names" in _yaml(path)
    return _data_file(path) is not None or (path / LABELS).is_dir() or any((path / one).is_file() for one in CLASSES)


def read(path: Path) -> Dataset:
    """The data set of a data.yaml, or of a folder with or without one. Raises BadInput.

    A picture whose size cannot be read, or a .txt without its picture, is listed without size and annotations.
    """
    data_file = path if path.is_file() else _data_file(path)
    root = path.parent if path.is_file() else path
    data = _yaml(data_file) if data_file else {}
    if isinstance(named := data.get("path"), str) and (root / named).is_dir():
        root = root / named
    labels = _names(data["names"], str(data_file)) if "names" in data else _classes(root)
    listed = {
        key: _pictures_of(data[key], root, str(data_file)) for key in ("train", "val", "valid", "test") if data.get(key)
    }
    images = [
        _image(picture, split_named(key), root, labels) for key, pictures in listed.items() for picture in pictures
    ]
    if not listed:
        pictures = sorted(file for file in root.rglob("*") if file.suffix.lower() in ALL_SUFFIXES)
        images = [_image(picture, None, root, labels) for picture in pictures]
    images += _orphans(root, {_text_of(root, image.path) for image in images}, data_file is None)
    return Dataset(root=root, images=tuple(images), labels=labels)


def _image(picture: Path, split: str | None, root: Path, labels: Sequence[str]) -> LabelledImage:
    size = size_of_file(picture)
    path = picture.relative_to(root) if picture.is_relative_to(root) else picture
    text_file = _text_of(root, path)
    annotations: tuple[Annotation, ...] = ()
    if size is not None and text_file.is_file():
        annotations = parse(read_text(text_file), labels, size=size, where=str(text_file))
    return LabelledImage(
        path=path,
        width_px=size[0] if size else None,
        height_px=size[1] if size else None,
        annotations=annotations,
        split=split,
    )


def parse(text: str, labels: Sequence[str], *, size: tuple[int, int], where: str) -> tuple[Annotation, ...]:
    """The annotations of one .txt for a picture of `size`. Raises BadInput with file and line."""
    found: list[Annotation] = []
    for n, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            number, values = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            raise BadInput(f"{where}, line {n}: not `class cx cy width height` in numbers") from None
        is_outline = len(values) >= 6 and len(values) % 2 == 0
        if not (is_outline or len(values) in (4, 5)) or not all(abs(value) < float("inf") for value in values):
            raise BadInput(f"{where}, line {n}: {len(values)} numbers after the class where a box has 4")
        if not 0 <= number < len(labels):
            raise BadInput(f"{where}, line {n}: class {number}, but only {len(labels)} classes are named")
        if is_outline:
            x1, y1, x2, y2 = min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
        else:
            cx, cy, width, height = values[:4]
            x1, y1, x2, y2 = cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2
        box = box_of(x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1])
        found.append(Annotation(box=box, label=labels[number]))
    return tuple(found)


def place(image: LabelledImage) -> Path:
    """images/<split>/…, where other tools look for it."""
    path = bare(image.path)
    if image.split is None:
        return "images" / path
    inner = Path(*path.parts[1:]) if len(path.parts) > 1 and split_named(path.parts[0]) == image.split else path
    return Path("images", image.split) / inner


def render(dataset: Dataset) -> dict[str, str]:
    """The files of a data set by their names. Raises BadInput where a picture with boxes has no size."""
    files: dict[str, str] = {}
    for image in dataset.images:
        name = _label_file(Path(image.path)).as_posix()
        files[name] = render_one(image, dataset.labels)
    splits = {image.split for image in dataset.images if image.split}
    order = sorted(splits, key=lambda split: (("train", "val", "test").index(split) if split in _KNOWN else 9, split))
    data = {**{split: f"images/{split}" for split in order}, "names": dict(enumerate(dataset.labels))}
    files[DATA] = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return files


_KNOWN = ("train", "val", "test")


def render_one(image: LabelledImage, labels: Sequence[str]) -> str:
    """The .txt of one picture."""
    if image.annotations and not (image.width_px and image.height_px):
        raise BadInput(f"{image.path}: its size is not known, and YOLO boxes are shares of it")
    width, height = image.width_px or 1, image.height_px or 1
    lines: list[str] = []
    for one in image.annotations:
        cx, cy = one.box.centre
        shares = (cx / width, cy / height, one.box.width / width, one.box.height / height)
        lines.append(" ".join([str(labels.index(one.label)), *(f"{share:.{_DIGITS}f}" for share in shares)]))
    return "".join(f"{line}\n" for line in lines)


def _text_of(root: Path, picture: Path) -> Path:
    """The .txt of a picture: where it belongs, else beside the picture (labelImg puts it there)."""
    belongs, beside = root / _label_file(picture), (root / picture).with_suffix(".txt")
    return beside if beside.is_file() and not belongs.is_file() else belongs


def _label_file(picture: Path) -> Path:
    """The place of the .txt of a picture: beside it, or below `labels` where the last `images` of its path stands."""
    beside = picture.with_suffix(".txt")
    parts = list(beside.parts)
    if "images" not in parts:
        return beside
    last = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:last], LABELS, *parts[last + 1 :])


def _orphans(root: Path, known: set[Path], is_flat: bool) -> list[LabelledImage]:
    """The .txt files without a picture, as pictures that are not there."""
    folders = [folder for folder in root.rglob(LABELS) if folder.is_dir()] or ([root] if is_flat else [])
    found = {file for folder in folders for file in folder.rglob("*.txt")} - known
    return [
        LabelledImage(path=_picture_file(file.relative_to(root)), width_px=None, height_px=None)
        for file in sorted(found)
        if _LOOKS_LIKE_BOXES.match(read_text(file))
    ]


def _picture_file(text_file: Path) -> Path:
    parts = ["images" if part == LABELS else part for part in text_file.parts]
    return Path(*parts).with_suffix(".jpg")


def _pictures_of(value: object, root: Path, where: str) -> list[Path]:
    """The pictures that `train:` and the like of a data.yaml mean: a folder, a list in a file, or several of them."""
    if isinstance(value, list):
        return [picture for one in value for picture in _pictures_of(one, root, where)]
    said = Path(str(value))
    place = root / said
    if not place.exists() and said.parts[0] == "..":
        place = root / Path(*said.parts[1:])  # Roboflow writes paths from one folder too deep
    if place.is_dir():
        return sorted(file for file in place.rglob("*") if file.suffix.lower() in ALL_SUFFIXES)
    if place.is_file():
        lines = [line.strip() for line in read_text(place).splitlines()]
        return [place.parent / line if line.startswith("./") else root / line for line in lines if line]
    raise BadInput(f"{where}: {value} is neither a folder of pictures nor a list of them")


def _yaml(path: Path) -> Mapping[str, object]:
    try:
        document = yaml.safe_load(read_text(path))
    except yaml.YAMLError as exc:
        raise BadInput(f"{path}: not YAML ({' '.join(str(exc).split())})") from exc
    return document if isinstance(document, dict) else {}


def _data_file(folder: Path) -> Path | None:
    files: Iterable[Path] = [folder / DATA, *sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))]
    return next((file for file in files if file.is_file() and "names" in _yaml(file)), None)


def _names(names: object, where: str) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        return tuple(str(names[n]) for n in range(len(names)))
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    raise BadInput(f"{where}: `names` is a list of classes, or a mapping of 0, 1, … to them")


def _classes(root: Path) -> tuple[str, ...]:
    for name in CLASSES:
        if (root / name).is_file():
            return tuple(line.strip() for line in read_text(root / name).splitlines() if line.strip())
    raise BadInput(f"{root}: no names of the classes: neither {DATA} nor {' nor '.join(CLASSES)}")
