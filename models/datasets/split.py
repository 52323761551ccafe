"""A split into train and val that keeps what belongs together on one side."""

import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.datasets.alike import groups, near_pairs
from models.datasets.check import plates_of
from models.datasets.types import Dataset, LabelledImage

_SIZE_BANDS = 3  # small, middle and large plates, a third each
_PASSES = 5  # over all groups, moving those that bring val nearer to its share; three were enough in trials
_FAR_OFF = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SameVideo:
    """Frames of one video less than `within` apart belong together; the pattern's groups `video` and `t` say which."""

    pattern: re.Pattern[str]
    within: float  # in the unit of `t`, as a rule seconds

    def __post_init__(self) -> None:
        if not {"video", "t"} <= set(self.pattern.groupindex):
            raise BadInput(f"{self.pattern.pattern}: a pattern of frames has the groups (?P<video>…) and (?P<t>…)")

    def moment(self, path: Path) -> tuple[str, float] | None:
        """The video and the time of a frame from its path; None where the pattern is not in it. Raises BadInput."""
        match = self.pattern.search(path.as_posix())
        if match is None or match["t"] is None:
            return None
        try:
            return match["video"] or "", float(match["t"])
        except ValueError:
            raise BadInput(f"{path}: the group t of the pattern is {match['t']!r}, which is no number") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    dataset: Dataset  # every image with its split
    groups: int
    largest: int  # images in the largest group
    share: float  # of the images in train

    def is_off(self, wanted: float) -> bool:
        return abs(self.share - wanted) > _FAR_OFF


def split(
    dataset: Dataset,
    hashes: Sequence[int | None],
    *,
    share: float,
    seed: int,
    near_bits: int,
    same_video: SameVideo | None = None,
) -> Split:
    """Give every image a split, "train" for about `share` of them, else "val".

    Images that look alike (`hashes` are theirs), that show the same plate, or are of one moment of a video are on one
    side. Both sides have about the same part of negatives and of small, middle and large plates. The same input and
    seed give the same split. Raises BadInput where all images belong together.
    """
    if not 0 < share < 1:
        raise BadInput(f"a share of {share:g} for train leaves no split: it lies between 0 and 1")
    order = sorted(range(len(dataset.images)), key=lambda place: dataset.images[place].path)
    images = [dataset.images[place] for place in order]
    found = groups(len(images), ties(images, [hashes[place] for place in order], near_bits, same_video))
    if len(found) < 2:
        raise BadInput(f"all {len(images)} images belong together: nothing can be split off (fewer bits for --near?)")
    in_val = _choose(found, _traits(images), 1 - share, random.Random(seed))  # noqa: S311 - no secret
    val = {images[place].path for nth in in_val for place in found[nth]}
    placed = tuple(replace(image, split="val" if image.path in val else "train") for image in dataset.images)
    return Split(
        dataset=replace(dataset, images=placed),
        groups=len(found),
        largest=max(map(len, found)),
        share=sum(image.split == "train" for image in placed) / len(placed),
    )


def ties(
    images: Sequence[LabelledImage], hashes: Sequence[int | None], near_bits: int, same_video: SameVideo | None
) -> Iterator[tuple[int, int]]:
    """Pairs of images that belong together."""
    known = [(place, value) for place, value in enumerate(hashes) if value is not None]
    for i, j, _ in near_pairs([value for _, value in known], near_bits):
        yield known[i][0], known[j][0]
    of_plate: dict[str, int] = {}
    for place, image in enumerate(images):
        for plate in plates_of(image):
            yield of_plate.setdefault(plate, place), place
    if same_video is None:
        return
    frames: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for place, image in enumerate(images):
        if moment := same_video.moment(image.path):
            frames[moment[0]].append((moment[1], place))
    for moments in frames.values():
        moments.sort()
        for (t, place), (following_t, following) in itertools.pairwise(moments):
            if following_t - t <= same_video.within:
                yield place, following


def _traits(images: Sequence[LabelledImage]) -> NDArray[np.float64]:
    """What to share out, a row an image: the image, whether it is a negative, its plates in each band of size."""
    areas = [
        one.box.width * one.box.height / ((image.width_px or 1) * (image.height_px or 1))
        for image in images
        for one in image.annotations
    ]
    limits = np.quantile(areas, [n / _SIZE_BANDS for n in range(1, _SIZE_BANDS)]) if areas else np.zeros(0)
    rows = np.zeros((len(images), 2 + _SIZE_BANDS))
    bands = iter(np.searchsorted(limits, areas))
    for row, image in zip(rows, images, strict=True):
        row[0], row[1] = 1, not image.annotations
        for _ in image.annotations:
            row[2 + next(bands)] += 1
    return rows


def _choose(found: list[list[int]], traits: NDArray[np.float64], part: float, rng: random.Random) -> set[int]:
    """The groups for val: in random order, each where it brings the sums of all traits nearer to `part` of the whole.

    The idea of iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), with groups in place of samples.
    """
    totals = traits.sum(axis=0)
    sums = np.array([traits[group].sum(axis=0) for group in found]) / np.maximum(totals, 1)
    target = np.where(totals > 0, part, 0.0)
    weight = np.where(np.arange(len(totals)) == 0, 4.0, 1.0)  # the share of images is what was asked for
    order = list(range(len(found)))
    rng.shuffle(order)
    val: set[int] = set()
    have = np.zeros(len(totals))
    for _ in range(_PASSES):
        for nth in order:
            moved = have - sums[nth] if nth in val else have + sums[nth]
            if (weight * (moved - target) ** 2).sum() < (weight * (have - target) ** 2).sum():
                have = moved
                val ^= {nth}
    if not val:
        val.add(min(order, key=lambda nth: len(found[nth])))
    return val if len(val) < len(found) else val - {min(val, key=lambda nth: len(found[nth]))}
