"""What a detector missed, took for a plate, and found: drawn, the worst first."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anpr.types import Box
from models.detector.geometry import Placement
from models.evaluate.detector import Look
from models.evaluate.matching import Match
from models.evaluate.sheet import FOUND, TRUTH, Image, captioned, fitted, outline, save, sheet, tag
from models.evaluate.truth import picture

CLOSE_PX = (320, 200)  # of a tile that shows one box and what is round it
WHOLE_PX = (640, 360)  # of a tile that shows a frame
ROUND = 4.0  # widths of the box that a close tile is wide
LEAST_ROUND_PX = 120
FAINT = 0.2  # detections under the threshold that are still drawn, thin
MOST_CLOSE, MOST_WHOLE = 60, 24


def write_sheets(directory: Path, looks: Sequence[Look], *, threshold: float) -> list[tuple[str, str]]:
    """Write the sheets that have something to show; returns (file name, what it shows) of each.

    Raises BadInput where a picture cannot be read or a sheet not be written.
    """
    misses = [(seen, seen.frame.plates[number]) for seen in looks for number in seen.missed(threshold)]
    misses.sort(key=lambda miss: -miss[1].width)  # a large plate is the worst to miss
    wrong = [(seen, one) for seen in looks for one in seen.false(threshold)]
    wrong.sort(key=lambda pair: -pair[1].detection.score)
    ordered = sorted(looks, key=lambda seen: (-_missed_px(seen, threshold), -len(seen.false(threshold))))
    drawn = {
        "misses.jpg": (
            f"plates missed at {threshold:g}, the largest first ({len(misses)})",
            [_miss(seen, plate, threshold) for seen, plate in misses[:MOST_CLOSE]],
            4,
        ),
        "false.jpg": (
            f"detections that are no labelled plate, the surest first ({len(wrong)})",
            [_false(seen, one, threshold) for seen, one in wrong[:MOST_CLOSE]],
            4,
        ),
        "frames.jpg": (
            f"whole frames, the worst misses first ({min(MOST_WHOLE, len(looks))} of {len(looks)})",
            [_whole(seen, threshold) for seen in ordered[:MOST_WHOLE]],
            2,
        ),
    }
    for name, (_, tiles, columns) in drawn.items():
        if tiles:
            save(directory / name, sheet(tiles, columns=columns))
        else:
            (directory / name).unlink(missing_ok=True)  # that of an earlier run
    return [(name, what) for name, (what, tiles, _) in drawn.items() if tiles]


def _missed_px(seen: Look, threshold: float) -> float:
    return sum(seen.frame.plates[number].width for number in seen.missed(threshold))


def _miss(seen: Look, plate: Box, threshold: float) -> Image:
    near = max((one for one in seen.matches), key=lambda one: one.detection.box.iou(plate), default=None)
    iou = near.detection.box.iou(plate) if near else 0.0
    nearest = f"nearest: IoU {iou:.2f}, score {near.detection.score:.2f}" if near and iou > 0 else "nothing near"
    return captioned(
        _close(seen, plate, threshold), f"{plate.width:.0f}x{plate.height:.0f} px, {nearest}", seen.frame.path.name
    )


def _false(seen: Look, match: Match, threshold: float) -> Image:
    box = match.detection.box
    said = f"score {match.detection.score:.2f}, {box.width:.0f}x{box.height:.0f} px, IoU {match.iou:.2f}"
    return captioned(_close(seen, box, threshold), said, seen.frame.path.name)


def _whole(seen: Look, threshold: float) -> Image:
    image = picture(seen.frame.path)
    scale = min(WHOLE_PX[0] / image.shape[1], WHOLE_PX[1] / image.shape[0])
    small = fitted(image, round(image.shape[1] * scale), round(image.shape[0] * scale))
    _draw(small, seen, threshold, _scaled(scale))
    missed, wrong = len(seen.missed(threshold)), len(seen.false(threshold))
    told = f"plates {len(seen.frame.plates)}, missed {missed}, false {wrong}"
    return captioned(fitted(small, *WHOLE_PX), f"{told}   {seen.frame.path.name}")


def _close(seen: Look, box: Box, threshold: float) -> Image:
    """The part of the frame round a box, as large as the tile."""
    image = picture(seen.frame.path)
    height_px, width_px = image.shape[:2]
    width = min(
        float(width_px), max(LEAST_ROUND_PX, ROUND * box.width, ROUND * box.height * CLOSE_PX[0] / CLOSE_PX[1] / 2)
    )
    height = min(float(height_px), width * CLOSE_PX[1] / CLOSE_PX[0])
    x = round(min(max(0.0, box.centre[0] - width / 2), width_px - width))
    y = round(min(max(0.0, box.centre[1] - height / 2), height_px - height))
    part = np.ascontiguousarray(image[y : y + round(height), x : x + round(width)])
    scale = min(CLOSE_PX[0] / part.shape[1], CLOSE_PX[1] / part.shape[0])
    large = fitted(part, max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    _draw(large, seen, threshold, _scaled(scale, x, y))
    return fitted(large, *CLOSE_PX)


def _scaled(scale: float, left: int = 0, top: int = 0) -> Placement:
    return Placement(scale_x=scale, scale_y=scale, offset_x=-round(left * scale), offset_y=-round(top * scale))


def _draw(image: Image, seen: Look, threshold: float, where: Placement) -> None:
    for plate in seen.frame.plates:
        outline(image, where.to_input(plate), TRUTH, line_px=2)
    for plate in seen.frame.ignored:
        outline(image, where.to_input(plate), TRUTH)
    for one in seen.above(min(FAINT, threshold)):
        box = where.to_input(one.detection.box)
        outline(image, box, FOUND, line_px=2 if one.detection.score >= threshold else 1)
        above = round(box.y1) - 5
        at = round(box.x1), above if above > 12 else round(box.y2) + 14
        tag(image, f"{one.detection.score:.2f}", at, FOUND)
