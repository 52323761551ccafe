"""What is wrong with a data set: its files, its boxes, its labels, and what lies on both sides of a split."""

import difflib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from anpr.plates import MIN_LENGTH, normalise
from anpr.types import Box
from models.datasets.alike import groups, near_pairs, perceptual_hash
from models.datasets.pictures import SUFFIXES, Finder, is_cut_short, kind_of, size_of
from models.datasets.types import Dataset, LabelledImage, labels_used

# Copies at 0.7 of the size, JPEG quality 40 and a little brighter differed in at most 8 bits; of 350 photographs of
# different scenes no two in fewer than 14.
NEAR_BITS = 8
ROUNDING_PX = 1.0  # tools round outwards: a box this little outside is no fault
SAME_BOX_IOU = 0.9
_RARE = 0.1  # a label this much rarer than one spelt alike is a slip
_SPELT_ALIKE = 0.8
_LEAST_DECODED_PX = 256  # larger pictures are decoded at a quarter of their size, which is faster and hashes the same

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    severity: Severity
    kind: str  # the same words for all problems of a kind
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a picture file is."""

    kind: str | None  # a key of SUFFIXES; None where it is no picture
    size: tuple[int, int] | None  # width, height as it is shown
    is_cut_short: bool
    hash: int | None  # None where it cannot be decoded or is of one shade: such pictures look like all others


def look(path: Path) -> Look | None:
    """A picture file read and decoded once; None where there is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    kind, is_cut = kind_of(data), is_cut_short(data)
    if kind is None or is_cut:
        return Look(kind=kind, size=size_of(data), is_cut_short=is_cut, hash=None)
    size = size_of(data)
    is_large = size is not None and min(size) >= _LEAST_DECODED_PX
    grey = cv2.imdecode(
        np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_4 if is_large else cv2.IMREAD_GRAYSCALE
    )
    if grey is None:
        return Look(kind=kind, size=None, is_cut_short=False, hash=None)
    is_flat = int(grey.max()) == int(grey.min())
    return Look(
        kind=kind, size=size, is_cut_short=False, hash=None if is_flat else perceptual_hash(grey.astype(np.uint8))
    )


def check(
    dataset: Dataset,
    *,
    against: Dataset | None = None,
    near_bits: int = NEAR_BITS,
    on_picture: Callable[[], None] = lambda: None,
) -> list[Problem]:
    """All problems of a data set, errors first; `against` is another that must share no picture and no plate with it.

    `on_picture` is called after each picture that was looked at.
    """
    problems: list[Problem] = []
    entries: list[Entry] = []
    for image in dataset.images:
        seen = look(dataset.file(image))
        problems += file_problems(image, seen)
        problems += box_problems(image, seen.size if seen and seen.size else None)
        entries.append(entry(image, seen, side=image.split))
        on_picture()
    problems += listing_problems(dataset)
    problems += label_problems(dataset)
    if against is None:
        problems += leaks(entries, near_bits)
        problems += repeats(entries, near_bits)
    else:
        own = [Entry(name=one.name, side="here", hash=one.hash, plates=one.plates) for one in entries]
        for image in against.images:
            own.append(entry(image, look(against.file(image)), side=str(against.root)))
            on_picture()
        problems += leaks(own, near_bits)
    return sorted(problems, key=lambda one: (one.severity, one.kind))


def file_problems(image: LabelledImage, seen: Look | None) -> Iterator[Problem]:
    """Whether the file is there, is what its name says and has the size that its annotation says."""
    where = image.path.as_posix()
    if seen is None:
        yield Problem(severity="error", kind="missing file", where=where, what="there is no such file")
        return
    if seen.kind is None:
        yield Problem(severity="error", kind="unreadable", where=where, what="not a picture")
        return
    if seen.is_cut_short:
        yield Problem(severity="error", kind="unreadable", where=where, what=f"the end of the {seen.kind} is missing")
    elif seen.size is None:
        yield Problem(severity="error", kind="unreadable", where=where, what=f"a {seen.kind} that cannot be decoded")
    if image.path.suffix.lower() not in SUFFIXES[seen.kind]:
        right = SUFFIXES[seen.kind][0]
        yield Problem(
            severity="error",
            kind="wrong extension",
            where=where,
            what=f"named {image.path.suffix or '(no extension)'}, but is a {seen.kind}: rename to {right}",
        )
    said = (image.width_px, image.height_px)
    if seen.size is not None and None not in said and said != seen.size:
        width, height = seen.size
        turned = " (turned by its EXIF orientation, or by the tool)" if said == (height, width) else ""
        what = f"annotation says {said[0]}×{said[1]}, the picture is {width}×{height}{turned}"
        yield Problem(severity="error", kind="wrong size", where=where, what=what)


def box_problems(image: LabelledImage, size: tuple[int, int] | None) -> Iterator[Problem]:
    """Boxes that are swapped, empty, outside the picture or there twice; `size` is that of the picture, if known."""
    width, height = size or (image.width_px, image.height_px)
    where = image.path.as_posix()
    boxes: list[Box] = []
    for one in image.annotations:
        box = one.box
        if fault := _fault(box, width, height):
            kind, what = fault
            told = f"{box.x1:g},{box.y1:g} to {box.x2:g},{box.y2:g} ({one.label}) {what}"
            yield Problem(severity="error", kind=kind, where=where, what=told)
        else:
            boxes.append(box)
    for a, b in itertools.combinations(boxes, 2):
        if a.iou(b) > SAME_BOX_IOU:
            told = f"{a.x1:g},{a.y1:g} to {a.x2:g},{a.y2:g} is boxed more than once"
            yield Problem(severity="warning", kind="repeated box", where=where, what=told)


def _fault(box: Box, width: int | None, height: int | None) -> tuple[str, str] | None:
    if box.x2 < box.x1 or box.y2 < box.y1:
        return "swapped box", "has its corners the wrong way round"
    if box.width == 0 or box.height == 0:
        return "empty box", "has no area"
    if width is None or height is None:
        return None
    outside = max(-box.x1, -box.y1, box.x2 - width, box.y2 - height)
    if outside > ROUNDING_PX:
        return "box outside", f"is {outside:g} px outside the {width}×{height} picture"
    return None


def listing_problems(dataset: Dataset) -> Iterator[Problem]:
    """Pictures that are listed twice, and those in the folder that no annotation names."""
    counts = Counter(dataset.file(image).resolve() for image in dataset.images)
    for path, count in counts.items():
        if count > 1:
            yield Problem(severity="error", kind="listed twice", where=path.name, what=f"listed {count} times")
    for path in Finder(dataset.root).pictures:
        if (dataset.root / path).resolve() not in counts:
            what = "no annotation names this picture"
            yield Problem(severity="warning", kind="not annotated", where=path.as_posix(), what=what)


def label_problems(dataset: Dataset) -> Iterator[Problem]:
    """Labels that look like slips for a commoner one."""
    counts = Counter(one.label for image in dataset.images for one in image.annotations)
    common = labels_used(dataset.images)
    for place, label in enumerate(common):
        for other in common[:place]:
            is_same_word = _letters(label) == _letters(other)
            alike = difflib.SequenceMatcher(None, label.lower(), other.lower()).ratio() >= _SPELT_ALIKE
            if is_same_word or (alike and counts[label] <= _RARE * counts[other]):
                what = f"“{label}” ({counts[label]}×) looks like “{other}” ({counts[other]}×)"
                yield Problem(severity="warning", kind="label typo", where=_first_with(dataset, label), what=what)
                break


def _letters(label: str) -> str:
    return "".join(character for character in label.lower() if character.isalnum())


def _first_with(dataset: Dataset, label: str) -> str:
    return next(i.path.as_posix() for i in dataset.images if any(one.label == label for one in i.annotations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What tells whether two pictures belong together."""

    name: str
    side: str | None
    hash: int | None
    plates: frozenset[str]


def entry(image: LabelledImage, seen: Look | None, *, side: str | None) -> Entry:
    return Entry(
        name=image.path.as_posix(), side=side, hash=None if seen is None else seen.hash, plates=plates_of(image)
    )


def plates_of(image: LabelledImage) -> frozenset[str]:
    """The plates of a picture that are long enough to tell cars apart, normalised."""
    texts = {normalise(one.text) for one in image.annotations if one.text}
    return frozenset(text for text in texts if len(text) >= MIN_LENGTH)


def leaks(entries: Sequence[Entry], near_bits: int) -> Iterator[Problem]:
    """Pictures that look alike, and plates, on more than one side: results on one side say nothing of new cars then."""
    closest: dict[int, tuple[int, int]] = {}
    for i, j, bits in _near(entries, near_bits):
        a, b = entries[i].side, entries[j].side
        if a is not None and b is not None and a != b:
            closest[i] = min(closest.get(i, (bits, j)), (bits, j))
    for i, (bits, j) in closest.items():
        what = f"looks like {entries[j].name}, {bits} of 64 bits apart ({entries[i].side} / {entries[j].side})"
        yield Problem(severity="error", kind="picture on both sides", where=entries[i].name, what=what)
    of_plate: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in entries:
        for plate in one.plates:
            if one.side is not None:
                of_plate[plate][one.side].append(one.name)
    for plate, sides in sorted(of_plate.items()):
        if len(sides) > 1:
            counts = ", ".join(f"{len(names)} in {side}" for side, names in sides.items())
            what = f"plate {plate}: {counts} pictures"
            yield Problem(severity="error", kind="plate on both sides", where=next(iter(sides.values()))[0], what=what)


def repeats(entries: Sequence[Entry], near_bits: int) -> Iterator[Problem]:
    """Groups of pictures that look alike on one side: they count more than once in training and in figures."""
    pairs = [(i, j) for i, j, _ in _near(entries, near_bits) if entries[i].side == entries[j].side]
    for group in groups(len(entries), pairs):
        if len(group) > 1:
            shown = ", ".join(entries[one].name for one in group[1:4])
            more = f" and {len(group) - 4} more" if len(group) > 4 else ""
            what = f"looks like {shown}{more}"
            yield Problem(severity="warning", kind="near-duplicate", where=entries[group[0]].name, what=what)


def _near(entries: Sequence[Entry], near_bits: int) -> Iterator[tuple[int, int, int]]:
    places = [place for place, one in enumerate(entries) if one.hash is not None]
    for i, j, bits in near_pairs([entries[place].hash or 0 for place in places], near_bits):
        yield places[i], places[j], bits
