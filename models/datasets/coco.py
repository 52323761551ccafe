"""COCO JSON (cocodataset.org/#format-data): `images`, `annotations`, `categories`; boxes are x, y, width, height.

Beyond COCO: `text` and `hard` of an annotation, `split` of an image; all other keys are kept. One file a split.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from anpr.errors import BadInput
from models.datasets.files import first_wrong, read_text
from models.datasets.pictures import Finder, bare, size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, number, split_named

_LOOKS_LIKE_COCO = re.compile(r'"images"\s*:\s*\[')
_ALL = "annotations"


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def others(self) -> dict[str, object]:
        return dict(self.model_extra or {})


class _Image(_Record):
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None
    split: str | None = None


class _Annotation(_Record):
    id: int | str | None = None
    image_id: int | str
    category_id: int | str
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    text: str | None = None
    hard: bool = Field(default=False, validation_alias=AliasChoices("hard", "is_hard", "difficult"))


class _Category(_Record):
    id: int | str
    name: str


class _File(_Record):
    images: list[_Image]
    annotations: list[_Annotation] = []
    categories: list[_Category] = []


def claims(path: Path) -> bool:
    """Whether a file is COCO JSON, or a folder (or its `annotations`) holds such files."""
    return bool(_json_files(path))


def read(path: Path) -> Dataset:
    """A COCO file, or all of them in a folder or its folder `annotations`. Raises BadInput."""
    files = _json_files(path)
    if not files:
        raise BadInput(f"{path}: no COCO JSON there (a file with `images`, `annotations` and `categories`)")
    root = path if path.is_dir() else path.parent
    root = root.parent if root.name == "annotations" else root
    finder = Finder(root)
    images: list[LabelledImage] = []
    labels: dict[str, None] = {}
    extra: dict[str, object] = {}
    for file in files:
        split = split_named(file.stem)
        folders = (split, file.stem.removeprefix("instances_"))
        part = parse(
            read_text(file),
            where=str(file),
            root=root,
            split=split,
            find=lambda name, at=folders: finder.find(name, *at),
        )
        images += part.images
        labels |= dict.fromkeys(part.labels)
        extra |= part.extra
    return Dataset(root=root, images=tuple(images), labels=tuple(labels), extra=extra)


def parse(
    text: str,
    *,
    where: str,
    root: Path = Path(),
    split: str | None = None,
    find: Callable[[str], Path] = Path,
) -> Dataset:
    """The data set of one COCO text; `split` is for images that do not say theirs. Raises BadInput with `where`."""
    try:
        file = _File.model_validate_json(text)
    except ValidationError as exc:
        raise BadInput(f"{where}: {first_wrong(exc)}") from exc
    names = {category.id: category.name for category in file.categories}
    of_image: dict[int | str, list[Annotation]] = {image.id: [] for image in file.images}
    if len(of_image) < len(file.images):
        raise BadInput(f"{where}: images: two have the same id")
    for one in file.annotations:
        if one.image_id not in of_image:
            raise BadInput(f"{where}: annotation {one.id} is of image {one.image_id}, which is not listed")
        if one.category_id not in names:
            raise BadInput(f"{where}: annotation {one.id} has category {one.category_id}, which is not listed")
        of_image[one.image_id].append(_annotation(one, names[one.category_id]))
    images: list[LabelledImage] = []
    for one in file.images:
        path = find(one.file_name)
        width, height = one.width, one.height
        if not width or not height:
            width, height = size_of_file(root / path) or (None, None)
        images.append(
            LabelledImage(
                path=path,
                width_px=width,
                height_px=height,
                annotations=tuple(of_image[one.id]),
                split=one.split or split,
                extra={"id": one.id} | one.others,
            )
        )
    extra = file.others | {"categories": [category.model_dump() for category in file.categories]}
    return Dataset(root=root, images=tuple(images), labels=tuple(names.values()), extra=extra)


def _annotation(one: _Annotation, label: str) -> Annotation:
    x, y, width, height = one.bbox
    extra = ({} if one.id is None else {"id": one.id}) | one.others
    if extra.get("iscrowd") == 0:
        del extra["iscrowd"]
    box = box_of(x, y, x + width, y + height)
    if extra.get("area") == number(box.width * box.height):
        del extra["area"]
    return Annotation(box=box, label=label, text=one.text, is_hard=one.hard, extra=extra)


def place(image: LabelledImage) -> Path:
    return "images" / bare(image.path)


def render(dataset: Dataset) -> dict[str, str]:
    """The files of a data set by their names: annotations.json, or one file for each split."""
    splits = list(dict.fromkeys(image.split for image in dataset.images)) or [None]
    categories = _categories(dataset)
    number_of = _ids(image.extra for image in dataset.images)
    first = [0]
    for image in dataset.images:
        first.append(first[-1] + len(image.annotations))
    annotation_ids = _ids(a.extra for image in dataset.images for a in image.annotations)
    files: dict[str, str] = {}
    for split in splits:
        of_split = [(place, image) for place, image in enumerate(dataset.images) if image.split == split]
        content = {
            **{key: value for key, value in dataset.extra.items() if key not in ("images", "annotations")},
            "categories": categories,
            "images": [_image_record(image, number_of[place]) for place, image in of_split],
            "annotations": [
                _annotation_record(a, annotation_ids[first[place] + nth], number_of[place], categories)
                for place, image in of_split
                for nth, a in enumerate(image.annotations)
            ],
        }
        files[f"{split or _ALL}.json"] = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    return files


def _categories(dataset: Dataset) -> list[dict[str, object]]:
    """The categories it was read with, and new numbers for the other labels."""
    kept: list[dict[str, object]] = []
    given = dataset.extra.get("categories")
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and one.get("name") in dataset.labels:
            kept.append(one)
    known = {one["name"] for one in kept}
    taken = [one["id"] for one in kept]
    following = max((n for n in taken if isinstance(n, int)), default=0) + 1
    fresh = [label for label in dataset.labels if label not in known]
    return kept + [{"id": following + n, "name": label} for n, label in enumerate(fresh)]


def _ids(extras: Iterable[Mapping[str, object]]) -> list[int | str]:
    """The ids that things were read with, so that results keep pointing at them; if two are the same, from 1."""
    listed = [extra.get("id") for extra in extras]
    given = [one for one in listed if isinstance(one, int | str)]
    return given if len(set(given)) == len(listed) else list(range(1, len(listed) + 1))


def _image_record(image: LabelledImage, number: int | str) -> dict[str, object]:
    size = {"width": image.width_px, "height": image.height_px} if image.width_px is not None else {}
    split = {"split": image.split} if image.split else {}
    return {**image.extra, "id": number, "file_name": image.path.as_posix(), **size, **split}


def _annotation_record(
    one: Annotation, own: int | str, image: int | str, categories: list[dict[str, object]]
) -> dict[str, object]:
    box = one.box
    return {
        "iscrowd": 0,
        "area": number(box.width * box.height),
        **one.extra,
        "id": own,
        "image_id": image,
        "category_id": next(category["id"] for category in categories if category["name"] == one.label),
        "bbox": [number(box.x1), number(box.y1), number(box.width), number(box.height)],
        **({"text": one.text} if one.text is not None else {}),
        **({"hard": True} if one.is_hard else {}),
    }


def _json_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and _LOOKS_LIKE_COCO.search(read_text(path)) else []
    found = sorted(path.glob("*.json")) or sorted((path / "annotations").glob("*.json"))
    return [file for file in found if _LOOKS_LIKE_COCO.search(read_text(file))]
