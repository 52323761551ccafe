"""What a data set of labelled pictures is, whatever the format it came in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anpr.types import Box

# Pixels are kept to 1/10000: x + width, or a share times a width, must give the same box each time it is read.
_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One labelled box of a picture, as its file has it: it may be swapped, empty or outside (`check` says so)."""

    box: Box
    label: str
    text: str | None = None  # what the plate says
    is_hard: bool = False
    extra: Mapping[str, object] = field(default_factory=dict[str, object])  # what else the file says, JSON values


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One picture with its annotations; a picture without any is a negative."""

    path: Path  # from the root of its data set; absolute where it lies outside
    width_px: int | None  # as the annotation says, else as the picture has it; None where neither does
    height_px: int | None
    annotations: tuple[Annotation, ...] = ()
    split: str | None = None  # "train", "val", "test", ...
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Pictures below one folder."""

    root: Path
    images: tuple[LabelledImage, ...]
    labels: tuple[str, ...]  # in the order of their class numbers
    extra: Mapping[str, object] = field(default_factory=dict[str, object])  # licences and the like

    def file(self, image: LabelledImage) -> Path:
        return self.root / image.path


def box_of(x1: float, y1: float, x2: float, y2: float) -> Box:
    """A box of pixels without the noise of the arithmetic that gave it."""
    return Box(x1=_rounded(x1), y1=_rounded(y1), x2=_rounded(x2), y2=_rounded(y2))


def _rounded(pixels: float) -> float:
    return round(float(pixels), _DECIMALS) + 0.0  # −0.0 becomes 0.0


def number(pixels: float) -> float | int:
    """A coordinate as files show it: 12 and not 12.0."""
    rounded = _rounded(pixels)
    return int(rounded) if rounded.is_integer() else rounded


def split_named(name: str) -> str | None:
    """The split that a file or folder name stands for ("valid", "instances_train2017"), or None."""
    lower = name.lower()
    for split, marks in (("train", ("train",)), ("val", ("val", "valid", "validation")), ("test", ("test",))):
        words = lower.replace("-", "_").split("_")
        if any(word.rstrip("0123456789") in marks for word in words):
            return split
    return None


def labels_used(images: tuple[LabelledImage, ...]) -> tuple[str, ...]:
    """The labels of all annotations, commonest first."""
    return tuple(label for label, _ in Counter(a.label for i in images for a in i.annotations).most_common())
