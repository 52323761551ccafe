"""The boxes that the detector's outputs are relative to, and their coding, as TFLite_Detection_PostProcess has it.

An anchor is ycenter, xcenter, height, width in shares of the input; a box is ymin, xmin, ymax, xmax, in shares too.
A whole frame is stretched into the input, so a plate's shape in shares does not depend on the input's.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Box coding of Faster R-CNN (Ren et al., 2015) with the scales of the TF Object Detection API's SSDs.
SCALES = (10.0, 10.0, 5.0, 5.0)  # of ty, tx, th, tw


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One map of the network: an anchor of each size and aspect in each of its cells."""

    stride_px: int
    sizes: tuple[float, ...]  # √(width × height) in strides
    aspects: tuple[float, ...]  # width / height, in shares of the input

    @property
    def anchors_a_cell(self) -> int:
        return len(self.sizes) * len(self.aspects)


# A European plate is 4.6 times as wide as it is high, 2.6 in shares of a 16:9 frame, less from the side; American and
# two-line ones 1.1. Plates of few pixels have no clear shape: two aspects and a size will do there.
_ASPECTS = (1.0, 1.9, 3.5)
_SIZES = (1.25, 1.77)
LEVELS = (
    Level(stride_px=4, sizes=(1.55,), aspects=(1.3, 2.6)),
    *(Level(stride_px=stride, sizes=_SIZES, aspects=_ASPECTS) for stride in (8, 16, 32, 64)),
)


def anchors(width_px: int, height_px: int) -> Floats:
    """N×4 for an input of that size: level by level, row by row, cell by cell, size by size, aspect by aspect."""
    rows: list[Floats] = []
    for level in LEVELS:
        down, across = -(-height_px // level.stride_px), -(-width_px // level.stride_px)
        aspects, sizes = np.array(level.aspects), np.array(level.sizes)[:, np.newaxis] * level.stride_px
        # In an input of another shape than a square anchors keep their area in pixels, and their aspect in shares.
        side = sizes / np.sqrt(width_px * height_px)
        shapes = np.stack([side / np.sqrt(aspects), side * np.sqrt(aspects)], axis=-1).reshape(-1, 2)
        y, x = np.meshgrid((np.arange(down) + 0.5) / down, (np.arange(across) + 0.5) / across, indexing="ij")
        centres = np.repeat(np.stack([y, x], axis=-1).reshape(-1, 2), len(shapes), axis=0)
        rows.append(np.concatenate([centres, np.tile(shapes, (down * across, 1))], axis=1).astype(np.float32))
    return np.concatenate(rows)


def corners(anchors: Floats) -> Floats:
    """N×4 of ymin, xmin, ymax, xmax."""
    half = anchors[:, 2:] / 2
    return _side_by_side(anchors[:, :2] - half, anchors[:, :2] + half)


_SCALES: Floats = np.array(SCALES, np.float32)


def encode(boxes: Floats, anchors: Floats) -> Floats:
    """The codes (N×4: ty, tx, th, tw) of boxes that have an area, one for each anchor."""
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    moved = (centres - anchors[:, :2]) / anchors[:, 2:]
    return _side_by_side(moved, np.log(sides / anchors[:, 2:])) * _SCALES


def decode(codes: Floats, anchors: Floats) -> Floats:
    """The boxes (N×4: ymin, xmin, ymax, xmax) that the codes stand for."""
    moved = codes / _SCALES
    centres = moved[:, :2] * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(moved[:, 2:]) * anchors[:, 2:] / 2
    return _side_by_side(centres - half, centres + half)


def _side_by_side(left: NDArray[Any], right: NDArray[Any]) -> Floats:
    return np.concatenate([left, right], axis=1).astype(np.float32, copy=False)


def write(path: Path, width_px: int, height_px: int) -> None:
    """Tell in a JSON file which anchors weights were trained with; `anchors` gives them."""
    facts = {
        "width_px": width_px,
        "height_px": height_px,
        "scales": SCALES,
        "levels": [asdict(level) for level in LEVELS],
        "anchors": len(anchors(width_px, height_px)),
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
