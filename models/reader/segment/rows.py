"""Where the lines of text are on the crop of a plate: grey, blur, top-hat, Otsu, contours, and those that make a row.

Otsu: "A Threshold Selection Method from Gray-Level Histograms", IEEE Transactions on Systems, Man, and Cybernetics
9(1), 1979.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.reader.crops import trimmed

Grey = NDArray[np.uint8]  # HxW
Boxes = NDArray[np.int32]  # Nx4: x, y, width, height

WIDTH_PX = 400  # that every crop is scaled to: letters come to 45-90 px
LEAST_PX, MOST_PX = 24, 400  # height of a scaled crop
BLUR_PX = 5
HAT_PX = 25  # wider than any stroke: bodywork, frames and country bands are taken for ground
LEVELS = (0.8, 1.2)  # of Otsu's level: faint letters, and letters that touch
LEAST_HEIGHT, MOST_HEIGHT = 18, 0.9  # of a character: pixels, share of the crop
NARROWEST, WIDEST = 0.08, 5.0  # width in heights: an I, several characters that touch
SOLID = 0.92  # share of ink above which a box is no character, unless it is narrow
NARROW = 0.35  # in heights: an I or a 1
MOST_BOXES = 40
STEEPEST = 0.5  # a row's rise over its run
SLOPES_DIFFER = 0.15  # between two lines of a plate
HEIGHTS_DIFFER = 0.28  # of the height of a row's characters: their difference from it
OFF_LINE = 0.17  # of that height: the distance of their centres from the row's line
TWO_LINES_ASPECT = 2.6  # crops wider than this hold one line
SECOND_HEIGHT = (0.6, 1.7)  # of the other line's height: frames and slogans have smaller letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Characters in line, in pixels of the scaled crop: the line's height at x = 0, its slope, theirs, their extent."""

    y: float  # of their centres at x = 0
    slope: float
    height: float
    left: float
    right: float
    score: float  # grows with the number and the size of characters


def find_rows(crop: NDArray[np.uint8]) -> tuple[Grey, list[Row]]:
    """The scaled crop in grey, its ink bright, and its one or two rows from top to bottom; none where there is no text.

    crop: HxWx3 uint8 BGR. Light letters on dark ground and dark on light are tried, the better is kept.
    """
    grey = _scaled(crop)
    best: tuple[Grey, list[Row]] = grey, []
    for ink in (grey, 255 - grey):
        for mask in _masks(ink):
            rows = _rows(mask)
            if sum(row.score for row in rows) > sum(row.score for row in best[1]):
                best = ink, rows
    return best


def top_hat(ink: Grey) -> Grey:
    """Ink (bright) without the light and dark areas behind it: 0 where there is no stroke."""
    soft = cv2.GaussianBlur(ink, (BLUR_PX, BLUR_PX), 0)
    return _grey(cv2.morphologyEx(soft, cv2.MORPH_TOPHAT, np.ones((HAT_PX, HAT_PX), np.uint8)))


def binary(grey: Grey, level: float) -> Grey:
    """255 where grey is above a level, 0 elsewhere."""
    return _grey(cv2.threshold(grey, level, 255, cv2.THRESH_BINARY)[1])


def otsu(grey: Grey) -> float:
    """The level that parts the values best."""
    return cv2.threshold(np.ascontiguousarray(grey), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]


def shapes(mask: Grey) -> Boxes:
    """The boxes of all connected shapes but solid blocks; holes are none, what lies in them is."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 4), np.int32)
    is_outer = np.asarray(hierarchy)[0, :, 3] < 0
    boxes = np.array([cv2.boundingRect(one) for one in contours], np.int32)[is_outer]
    return boxes[[not _is_solid(mask[y : y + height, x : x + width]) for x, y, width, height in boxes]]


def _is_solid(part: Grey) -> bool:
    height, width = part.shape
    return width > NARROW * height and cv2.countNonZero(part) > SOLID * part.size


def _scaled(crop: NDArray[np.uint8]) -> Grey:
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    height = min(MOST_PX, max(LEAST_PX, round(grey.shape[0] * WIDTH_PX / grey.shape[1])))
    how = cv2.INTER_AREA if grey.shape[1] > WIDTH_PX else cv2.INTER_CUBIC
    return _grey(cv2.resize(grey, (WIDTH_PX, height), interpolation=how))


def _masks(ink: Grey) -> Iterator[Grey]:
    hat = top_hat(ink)
    level = otsu(trimmed(hat, 0.1))
    return (binary(hat, level * share) for share in LEVELS)


def _rows(mask: Grey) -> list[Row]:
    boxes = _characters(mask)
    first = _row(boxes)
    if first is None:
        return []
    if mask.shape[1] > TWO_LINES_ASPECT * mask.shape[0]:
        return [first]
    x, y, width, height = boxes.T
    beside = np.abs(y + height / 2 - first.y - first.slope * (x + width / 2)) > 0.9 * first.height
    low, high = (first.height * share for share in SECOND_HEIGHT)
    second = _row(boxes[beside & (height > low) & (height < high)], slope=first.slope)
    middle = mask.shape[1] / 2
    return sorted([first, second] if second else [first], key=lambda row: row.y + row.slope * middle)


def _characters(mask: Grey) -> Boxes:
    """Boxes that may be a character, or several that touch."""
    boxes = shapes(mask)
    _, _, width, height = boxes.T
    fit = (height >= LEAST_HEIGHT) & (height <= MOST_HEIGHT * mask.shape[0]) & (width <= 0.6 * mask.shape[1])
    fit &= (width >= NARROWEST * height) & (width <= WIDEST * height)
    boxes = boxes[fit]
    return boxes[np.argsort(-boxes[:, 3], kind="stable")][:MOST_BOXES]


def _row(boxes: Boxes, *, slope: float | None = None) -> Row | None:
    """The line through two boxes with most boxes of one height on it; of about one slope where that is given."""
    x, y, width, height = boxes.T.astype(np.float64)
    middle, centre = x + width / 2, y + height / 2
    one, other = np.nonzero(middle - middle[:, np.newaxis] > 0.3 * height[:, np.newaxis])
    slopes = (centre[other] - centre[one]) / (middle[other] - middle[one])
    heights = (height[one] + height[other]) / 2
    fit = (np.abs(slopes) <= STEEPEST) & (np.abs(height[one] - height[other]) <= HEIGHTS_DIFFER * heights)
    if slope is not None:
        fit &= np.abs(slopes - slope) <= SLOPES_DIFFER
    if not fit.any():
        return None
    slopes, heights = slopes[fit, np.newaxis], heights[fit, np.newaxis]
    starts = centre[one[fit], np.newaxis] - slopes * middle[one[fit], np.newaxis]
    off, differ = np.abs(centre - starts - slopes * middle) / heights, np.abs(height - heights) / heights
    on_line = (off < OFF_LINE) & (differ < HEIGHTS_DIFFER)
    scores = (on_line * (1 - 0.1 * (off + differ))).sum(axis=1) * np.sqrt(heights[:, 0])
    best = int(scores.argmax())
    kept, rise = on_line[best], float(slopes[best, 0])
    return Row(
        y=float((centre[kept] - rise * middle[kept]).mean()),
        slope=rise,
        height=float(heights[best, 0]),
        left=float(x[kept].min()),
        right=float((x + width)[kept].max()),
        score=float(scores[best]),
    )


def _grey(image: NDArray[np.generic]) -> Grey:
    return np.asarray(image, np.uint8)
