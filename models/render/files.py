"""Rendered plates as data sets in files."""

import csv
import errno
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput, BadSource, StorageFull
from anpr.types import Box
from models.datasets import coco, formats
from models.datasets.pictures import ALL_SUFFIXES
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, number
from models.render.fonts import Fonts
from models.render.plate import Image
from models.render.sample import DEFAULT, Options, Sample
from models.render.scene import Pasted, paste

PLATE = "plate"
MOST_PLATES = 3  # pasted into one picture
_COLUMNS = ("file", "text", "country", "hard", "lines")
_QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 92)  # the samples have been through worse


def write_picture(path: Path, image: Image) -> None:
    """Write a picture (HxWx3 uint8 BGR) in the format of its suffix; raises BadInput or StorageFull."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        done, encoded = cv2.imencode(path.suffix, image, _QUALITY if path.suffix == ".jpg" else ())
        if not done:
            raise BadInput(f"{path}: no picture can be written under this name; use .png or .jpg")
        path.write_bytes(encoded.tobytes())
    except cv2.error as exc:
        raise BadInput(f"{path}: no picture can be written under this name; use .png or .jpg") from exc
    except OSError as exc:
        raise _told(path, exc) from exc


def write_crops(folder: Path, samples: Iterable[Sample]) -> int:
    """Samples as crops/NNNNNN.jpg and labels.csv (file, text, country, hard, lines) in a new or empty folder.

    How many there were. Raises BadInput, StorageFull.
    """
    _new(folder)
    rows: list[tuple[str, str, str, int, int]] = []
    for place, one in enumerate(samples):
        name = f"crops/{place:06}.jpg"
        write_picture(folder / name, one.image)
        rows.append((name, one.text, one.country, 0, one.lines))
    path = folder / "labels.csv"
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
    except OSError as exc:
        raise _told(path, exc) from exc
    return len(rows)


def pictures_of(source: Path) -> Dataset:
    """A data set with its boxes, or a folder of pictures that hold no plates; raises BadInput."""
    if any(module.claims(source) for module in formats.MODULES.values()):
        return formats.read(source)
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in ALL_SUFFIXES) if source.is_dir() else []
    if not files:
        raise BadInput(f"{source}: holds no pictures")
    images = tuple(LabelledImage(path=path.relative_to(source), width_px=None, height_px=None) for path in files)
    return Dataset(root=source, images=images, labels=())


def write_scenes(
    folder: Path, source: Dataset, fonts: Fonts, *, seed: int, count: int, difficulty: float, options: Options = DEFAULT
) -> Dataset:
    """COCO in a new or empty folder: `count` pictures of a data set, in turn, with 1 to 3 plates pasted into each.

    The boxes of the source stay, and nothing is pasted over them. Raises BadInput, BadSource, StorageFull.
    """
    _new(folder)
    images: list[LabelledImage] = []
    for place in range(count):
        original = source.images[place % len(source.images)]
        rng = np.random.default_rng((seed, place))
        picture, pasted = paste(
            rng,
            _loaded(source.file(original)),
            fonts,
            number=1 + int(rng.random() * MOST_PLATES),
            taken=[one.box for one in original.annotations],
            difficulty=difficulty,
            options=options,
        )
        name = Path(f"images/{place:06}.jpg")
        write_picture(folder / name, picture)
        images.append(
            LabelledImage(
                path=name,
                width_px=picture.shape[1],
                height_px=picture.shape[0],
                annotations=(
                    *(replace(one, extra={}) for one in original.annotations),
                    *(_annotation(one, picture.shape[1], picture.shape[0]) for one in pasted),
                ),
            )
        )
    dataset = Dataset(root=folder, images=tuple(images), labels=tuple(dict.fromkeys((PLATE, *source.labels))))
    for name, text in coco.render(dataset).items():
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as exc:
            raise _told(folder / name, exc) from exc
    return dataset


def _annotation(one: Pasted, width_px: int, height_px: int) -> Annotation:
    inside: Box = one.box.grown(0, width_px=width_px, height_px=height_px)
    return Annotation(
        box=box_of(inside.x1, inside.y1, inside.x2, inside.y2),
        label=PLATE,
        text=one.text,
        extra={
            "country": one.country,
            "lines": one.lines,
            "segmentation": [[number(float(value)) for value in one.corners.ravel()]],
        },
    )


def _loaded(path: Path) -> Image:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise BadSource(f"{path}: {exc.strerror}") from exc
    image: NDArray[np.uint8] | None = None
    if data:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # pyright: ignore[reportAssignmentType]
    if image is None:
        raise BadSource(f"{path}: not a picture that can be decoded")
    return image


def _new(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInput(f"{folder} is not empty: give a new folder")
    except OSError as exc:
        raise _told(folder, exc) from exc


def _told(path: Path, exc: OSError) -> BadInput | StorageFull:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"{path}: no space left")
    return BadInput(f"{path}: {exc.strerror}")
