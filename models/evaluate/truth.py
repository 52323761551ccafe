"""Labelled frames and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr import log
from anpr.errors import BadInput
from anpr.types import Box
from models.datasets import formats
from models.datasets.additions import with_additions
from models.datasets.formats import Format
from models.datasets.types import Annotation, Dataset

_IGNORED = ("iscrowd", "ignore")  # COCO's own key, and that of many tools


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFrame:
    """A picture and its plates; a detection of an `ignored` one is neither right nor wrong."""

    path: Path
    plates: tuple[Box, ...]
    ignored: tuple[Box, ...] = ()


def load_frames(
    path: Path,
    *,
    form: Format | None = None,
    split: str | None,
    labels: Sequence[str] = (),
    additions: Path | None = None,
) -> list[LabelledFrame]:
    """The frames of a data set of any format, those of one split where one is named; see `frames_of`.

    additions: a file of boxes that the set lacks; see `models.datasets.additions`.
    """
    dataset = formats.read(path, form)
    if additions is not None:
        dataset = with_additions(dataset, additions)
    try:
        return frames_of(dataset, split=split, labels=labels)
    except BadInput as exc:
        raise BadInput(f"{path}: {exc}") from exc


def frames_of(dataset: Dataset, *, split: str | None, labels: Sequence[str] = ()) -> list[LabelledFrame]:
    """labels: those of the data set that are plates, by default its only one.

    Boxes without area are left out, with a warning. Raises BadInput where there is no picture, no such label, or more
    labels than one and none is named.
    """
    images = [image for image in dataset.images if split is None or image.split == split]
    if not images:
        known = ", ".join(sorted({image.split for image in dataset.images if image.split})) or "none"
        raise BadInput(f"no picture of the split {split!r} (its splits: {known})" if split else "no picture")
    unknown = [label for label in labels if label not in dataset.labels]
    if unknown or (not labels and len(dataset.labels) > 1):
        which = f"no label {unknown[0]!r}" if unknown else "several labels: say which are plates"
        raise BadInput(f"{which} (its labels: {', '.join(dataset.labels)})")
    plates = {image.path: [a for a in image.annotations if not labels or a.label in labels] for image in images}
    flat = [path for path, annotations in plates.items() for a in annotations if not _has_area(a)]
    if flat:
        log.get(__name__).warning("boxes.without_area", left_out=len(flat), first=str(flat[0]))
    return [
        LabelledFrame(
            path=dataset.file(image),
            plates=tuple(a.box for a in plates[image.path] if _has_area(a) and not _is_ignored(a)),
            ignored=tuple(a.box for a in plates[image.path] if _has_area(a) and _is_ignored(a)),
        )
        for image in images
    ]


def _has_area(annotation: Annotation) -> bool:
    return annotation.box.width > 0 and annotation.box.height > 0


def _is_ignored(annotation: Annotation) -> bool:
    return any(annotation.extra.get(key) for key in _IGNORED)


def picture(path: Path) -> NDArray[np.uint8]:
    """The picture in a file, HxWx3 uint8 BGR, upright as its EXIF says; BadInput where it cannot be read."""
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror}") from exc
    except cv2.error:
        image = None
    if image is None:
        raise BadInput(f"{path}: not a picture that can be decoded")
    return image.astype(np.uint8, copy=False)
