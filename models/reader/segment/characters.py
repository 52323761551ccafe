"""From the crop of a plate to pictures of its characters, by image processing alone.

Each row is straightened and cut out, its ink parted from the paper anew (blur, top-hat, Otsu, dilation), and its
contours sorted from left to right; characters that touch are cut apart where there is least ink.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from models.reader.segment.rows import Boxes, Grey, Row, binary, find_rows, otsu, shapes, top_hat

SIDE_PX = 80  # of a character's picture
CAP_PX = 60  # height of the character in it, and of those in a straightened row
MOST_WIDE_PX = 76
STRIP_PX = 84  # height of a straightened row
MOST_STRIP_PX = 4000  # its width
BAND_PX = 2  # room for ink above and below the characters: letters that touch a frame are cut off from it
LEVEL = 1.2  # of Otsu's level: characters that touch are commoner than faint ones
DILATION = np.ones((3, 1), np.uint8)  # upright: closes breaks in a stroke, joins no neighbours
LEAST_HEIGHT = 0.62  # of CAP_PX: hyphens, dots, seals and small print are lower
NARROWEST = 0.08
WIDE = 1.05  # of CAP_PX, or
WIDE_UNITS = 1.5  # of the usual width of a row's characters: several that touch
USUAL = 0.6  # width of a character where a row does not tell it
GAP = 0.1
FARTHEST = 1.3  # the gap within a row at most: a place for a seal
BAR = 0.35  # narrower than this and higher than the row: the side of a frame


def characters(crop: NDArray[np.uint8]) -> list[list[Grey]]:
    """The pictures of a plate's characters, row by row, from left to right; no row where no text is found.

    crop: HxWx3 uint8 BGR, any size. A picture: 80x80 uint8, ink bright on 0, the character 60 px high in the middle,
    its proportions kept.
    """
    ink, rows = find_rows(crop)
    found = [_cut(ink, row) for row in rows]
    return [row for row in found if row]


def _cut(ink: Grey, row: Row) -> list[Grey]:
    scale = min(CAP_PX / row.height, MOST_STRIP_PX / ink.shape[1])
    hat = top_hat(_straightened(ink, row, scale))
    top = (STRIP_PX - CAP_PX) // 2 - BAND_PX
    left, right = max(0, int(row.left * scale)), int(row.right * scale) + 1
    band = hat[top : STRIP_PX - top]
    level = otsu(band[:, left:right]) * LEVEL
    mask = np.zeros_like(hat)
    mask[top : STRIP_PX - top] = binary(band, level)
    mask = _dilated(mask)
    boxes = [box for box in _parted(_high_enough(shapes(mask)), hat) if not _is_bar(box, mask, top)]
    return [pictured(hat[y : y + height, x : x + width]) for x, y, width, height in _in_row(boxes, left, right)]


def _straightened(ink: Grey, row: Row, scale: float) -> Grey:
    """The strip round a row with its line level in the middle."""
    move = np.array(((scale, 0, 0), (-row.slope * scale, scale, STRIP_PX / 2 - scale * row.y)))
    size = round(ink.shape[1] * scale), STRIP_PX
    return np.asarray(cv2.warpAffine(ink, move, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _dilated(mask: Grey) -> Grey:
    return np.asarray(cv2.dilate(mask, DILATION), np.uint8)


def _high_enough(boxes: Boxes) -> Boxes:
    kept = boxes[(boxes[:, 3] >= LEAST_HEIGHT * CAP_PX) & (boxes[:, 2] >= NARROWEST * CAP_PX)]
    return kept[np.argsort(kept[:, 0], kind="stable")]


def _parted(boxes: Boxes, hat: Grey) -> list[tuple[int, int, int, int]]:
    """The boxes with those of several characters cut apart: by a level of their own, then where there is least ink."""
    widths = boxes[:, 2]
    plain = widths[(widths > 0.35 * CAP_PX) & (widths < 0.95 * CAP_PX)]
    unit = float(np.median(plain)) if len(plain) > 1 else USUAL * CAP_PX
    widest = max(WIDE * CAP_PX, WIDE_UNITS * unit)
    made: list[tuple[int, int, int, int]] = []
    for x, y, width, height in boxes.tolist():
        if width <= widest:
            made.append((x, y, width, height))
            continue
        part = hat[y : y + height, x : x + width]
        sharper = _high_enough(shapes(_dilated(binary(part, otsu(part[part > 0])))))
        if len(sharper) < 2 or sharper[:, 2].sum() < 0.6 * width:
            sharper = np.array(((0, 0, width, height),), np.int32)
        for dx, dy, wide, high in sharper.tolist():
            number = max(1, round((wide + GAP * CAP_PX) / (unit + GAP * CAP_PX))) if wide > widest else 1
            cuts = _cuts(part[dy : dy + high, dx : dx + wide], number)
            made += [(x + dx + start, y + dy, end - start, high) for start, end in pairwise(cuts)]
    return [box for box in made if box[2] >= NARROWEST * CAP_PX]


def _cuts(part: Grey, number: int) -> list[int]:
    """Columns, the ends included, that part it into about equal pieces with least ink on the cuts."""
    width = part.shape[1]
    ink = part.sum(axis=0, dtype=np.int64)
    reach = 0.3 * width / number
    cuts = [0]
    for middle in (width * place / number for place in range(1, number)):
        start = int(middle - reach)
        cuts.append(start + int(ink[start : int(middle + reach) + 1].argmin()))
    return [*cuts, width]


def _is_bar(box: tuple[int, int, int, int], mask: Grey, top: int) -> bool:
    """Whether it is the side of a frame: narrow, and at the strip's end or as high as the strip of ink."""
    x, _, width, height = box
    if width > BAR * CAP_PX:
        return False
    return x <= 1 or x + width >= mask.shape[1] - 1 or height >= mask.shape[0] - 2 * top - 1


def _in_row(boxes: list[tuple[int, int, int, int]], left: int, right: int) -> list[tuple[int, int, int, int]]:
    """The boxes between left and right, and those beyond as long as there is no gap."""
    boxes = sorted(boxes)
    inside = [number for number, (x, _, width, _) in enumerate(boxes) if left - 3 < x + width / 2 < right + 3]
    if not inside:
        return []
    first, last = inside[0], inside[-1]
    while first > 0 and boxes[first][0] - boxes[first - 1][0] - boxes[first - 1][2] < FARTHEST * CAP_PX:
        first -= 1
    while last + 1 < len(boxes) and boxes[last + 1][0] - boxes[last][0] - boxes[last][2] < FARTHEST * CAP_PX:
        last += 1
    return boxes[first : last + 1]


def pictured(part: Grey) -> Grey:
    """A character cut out to its ink (bright on 0, any size) as `characters` gives it."""
    bright = cv2.convertScaleAbs(part, alpha=255 / max(1.0, float(np.percentile(part, 95))))
    size = min(MOST_WIDE_PX, max(1, round(part.shape[1] * CAP_PX / part.shape[0]))), CAP_PX
    picture = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    left, top = (SIDE_PX - size[0]) // 2, (SIDE_PX - CAP_PX) // 2
    picture[top : top + CAP_PX, left : left + size[0]] = cv2.resize(bright, size, interpolation=cv2.INTER_LINEAR)
    return picture
