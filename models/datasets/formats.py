"""Any format: which one a path holds, reading it, writing it with its pictures."""

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from anpr.errors import BadInput, StorageFull
from models.datasets import coco, csvs, dataturks, voc, yolo
from models.datasets.types import Dataset, LabelledImage


class Format(StrEnum):
    COCO = "coco"
    VOC = "voc"
    YOLO = "yolo"
    CSV = "csv"
    DATATURKS = "dataturks"


class FormatModule(Protocol):
    """What a module of a format offers; `place` is where its tools look for a picture."""

    @staticmethod
    def claims(path: Path) -> bool: ...
    @staticmethod
    def read(path: Path) -> Dataset: ...
    @staticmethod
    def place(image: LabelledImage) -> Path: ...
    @staticmethod
    def render(dataset: Dataset) -> dict[str, str]: ...


MODULES: Mapping[Format, FormatModule] = {
    Format.COCO: coco,
    Format.VOC: voc,
    Format.YOLO: yolo,
    Format.CSV: csvs,
    Format.DATATURKS: dataturks,
}
_ONE_TEXT_A_STEM = (Format.VOC, Format.YOLO)
_HOLDS_TEXT = (Format.COCO, Format.VOC, Format.CSV, Format.DATATURKS)
_HOLDS_HARD = (Format.COCO, Format.VOC, Format.DATATURKS)
_HOLDS_EXTRA = (Format.COCO, Format.VOC, Format.DATATURKS)


def detect(path: Path) -> Format:
    """The format of a file or folder. Raises BadInput where there is none, or more than one."""
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder")
    found = [form for form, module in MODULES.items() if module.claims(path)]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(f"{path} holds {' and '.join(found)}: say which one to read (--from {found[0]})")
    raise BadInput(f"{path}: no annotations there in any format that is known ({', '.join(Format)})")


def read(path: Path, form: Format | None = None) -> Dataset:
    """The data set at a path, of a format that is found out unless said. Raises BadInput."""
    form = form or detect(path)
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder")
    dataset = MODULES[form].read(path)
    if not dataset.images:
        raise BadInput(f"{path}: no pictures are listed there")
    return dataset


def losses(dataset: Dataset, form: Format) -> list[str]:
    """What of a data set the format has no place for, in words."""
    annotations = [one for image in dataset.images for one in image.annotations]
    texts = 0 if form in _HOLDS_TEXT else sum(one.text is not None for one in annotations)
    hard = 0 if form in _HOLDS_HARD else sum(one.is_hard for one in annotations)
    is_kept = form in _HOLDS_EXTRA
    keys = set() if is_kept else {key for one in (*annotations, *dataset.images) for key in one.extra} - {"id"}
    told = [f"the texts of {texts} plates"] if texts else []
    told += [f"that {hard} plates are hard"] if hard else []
    return told + ([f"the attributes {', '.join(sorted(keys))}"] if keys else [])


def write(dataset: Dataset, folder: Path, form: Format, *, link: bool = False) -> Dataset:
    """Write a data set with its pictures into a new or empty folder; returns it as it lies there.

    Pictures are copied, or hard-linked where `link` says so and the file system can. Raises BadInput, StorageFull.
    """
    module = MODULES[form]
    placed = replace(
        dataset, root=folder, images=tuple(replace(image, path=module.place(image)) for image in dataset.images)
    )
    _must_differ(dataset, placed, form)
    if missing := next((one for one in map(dataset.file, dataset.images) if not one.is_file()), None):
        raise BadInput(f"{missing}: there is no such picture (`check` lists all of them)")
    files = module.render(placed)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not empty: give a new folder")
    try:
        for source, image in zip(dataset.images, placed.images, strict=True):
            _bring(dataset.file(source), _inside(folder, image.path), link=link)
        for name, text in files.items():
            target = _inside(folder, Path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"{folder}: no space left") from exc
        raise BadInput(f"{exc.filename or folder}: {exc.strerror}") from exc
    return placed


def _must_differ(dataset: Dataset, placed: Dataset, form: Format) -> None:
    """No two pictures, nor the texts of two, may fall onto one file."""
    taken: dict[str, Path] = {}
    for source, image in zip(dataset.images, placed.images, strict=True):
        key = image.path.with_suffix("") if form in _ONE_TEXT_A_STEM else image.path
        other = taken.setdefault(key.as_posix(), source.path)
        if other is not source.path:
            raise BadInput(f"{other} and {source.path} would both become {image.path} in {form}: rename one")


def _inside(folder: Path, name: Path) -> Path:
    if name.is_absolute() or ".." in name.parts:
        raise BadInput(f"{name} would lie outside {folder}")
    return folder / name


def _bring(source: Path, target: Path, *, link: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError as exc:
            if exc.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
        else:
            return
    shutil.copyfile(source, target)
