"""Boxes that a data set lacks, kept in a file of their own: pictures that are another's, labels that are ours.

The file is JSON: `info` (what set, who labelled it, how), `label`, and `images` with `file_name` (without its folder)
and `annotations`, each a `bbox` (x, y, width, height in pixels) and whether it is to be left out of counts (`ignore`).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from anpr.errors import BadInput
from models.datasets.files import first_wrong, read_text
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of

_Side = Annotated[FiniteFloat, Field(gt=0)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Annotation(_Record):
    bbox: tuple[FiniteFloat, FiniteFloat, _Side, _Side]
    ignore: bool


class _Image(_Record):
    file_name: str
    annotations: list[_Annotation]


class _File(_Record):
    info: dict[str, str]
    label: str
    images: list[_Image]


def with_additions(dataset: Dataset, additions: Path) -> Dataset:
    """The data set with the boxes of a file added to its pictures, those to ignore with the key `ignore`.

    Pictures are found by their names without folders. Raises BadInput where the file is not as it should be, has a
    picture twice, or names a picture or a label that the set does not have, or a picture's name that it has twice.
    """
    try:
        file = _File.model_validate_json(read_text(additions))
    except ValidationError as exc:
        raise BadInput(f"{additions}: {first_wrong(exc)}") from exc
    if file.label not in dataset.labels:
        known = ", ".join(dataset.labels)
        raise BadInput(f"{additions}: the data set has no label {file.label!r} (its labels: {known})")
    try:
        added = _by_path(file, dataset.images)
    except BadInput as exc:
        raise BadInput(f"{additions}: {exc}") from exc
    return replace(
        dataset,
        images=tuple(
            replace(image, annotations=(*image.annotations, *added.get(image.path, ()))) for image in dataset.images
        ),
    )


def _by_path(file: _File, images: tuple[LabelledImage, ...]) -> Mapping[Path, tuple[Annotation, ...]]:
    paths: dict[str, list[Path]] = {}
    for image in images:
        paths.setdefault(image.path.name, []).append(image.path)
    added: dict[Path, tuple[Annotation, ...]] = {}
    for image in file.images:
        found = paths.get(image.file_name, [])
        if len(found) != 1:
            raise BadInput(f"the data set has {'several pictures' if found else 'no picture'} named {image.file_name}")
        if found[0] in added:
            raise BadInput(f"{image.file_name} is listed twice")
        added[found[0]] = tuple(_annotation(one, file.label) for one in image.annotations)
    return added


def _annotation(one: _Annotation, label: str) -> Annotation:
    x, y, width, height = one.bbox
    return Annotation(box=box_of(x, y, x + width, y + height), label=label, extra={"ignore": 1} if one.ignore else {})
