"""Pictures in rows: drawn examples, a caption under each."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.errors import BadInput
from anpr.types import Box
from models.detector.geometry import place, placement

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # BGR

TRUTH: Colour = (230, 170, 0)  # blue and orange: told apart by the colour-blind too
FOUND: Colour = (0, 130, 255)
PAPER: Colour = (250, 250, 250)
INK: Colour = (40, 40, 40)
WRONG: Colour = (30, 30, 220)
FONT = cv2.FONT_HERSHEY_SIMPLEX
GUTTER_PX = 8


def sheet(tiles: Sequence[Image], *, columns: int) -> Image:
    """Tiles of one size, row by row, on white; at least one."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    columns = min(columns, len(tiles))
    page = np.full((rows * (height + GUTTER_PX), columns * (width + GUTTER_PX), 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = (number // columns) * (height + GUTTER_PX), (number % columns) * (width + GUTTER_PX)
        page[y : y + height, x : x + width] = tile
    return page


def fitted(image: Image, width_px: int, height_px: int) -> Image:
    """The whole picture in its own aspect, grey round it."""
    where = placement((image.shape[1], image.shape[0]), (width_px, height_px), "letterbox")
    return place(image, where, (width_px, height_px))


def captioned(image: Image, *lines: str) -> Image:
    """The picture with lines of small text under it."""
    strip = np.full((18 * len(lines) + 6, image.shape[1], 3), PAPER, np.uint8)
    for number, line in enumerate(lines, start=1):
        write(strip, line, (2, 18 * number - 3), INK, 0.42)
    return np.concatenate([image, strip])


def write(image: Image, text: str, at: tuple[int, int], colour: Colour, size: float, *, line_px: int = 1) -> None:
    """Text with its lower left corner at (x, y); characters the font lacks become "?"."""
    cv2.putText(image, text.encode("ascii", "replace").decode(), at, FONT, size, colour, line_px, cv2.LINE_AA)


def tag(image: Image, text: str, at: tuple[int, int], colour: Colour) -> None:
    """Small text on dark, to be read on any picture."""
    (width, height), below = cv2.getTextSize(text, FONT, 0.42, 1)
    x, y = at
    cv2.rectangle(image, (x, y - height), (x + width, y + below // 2), INK, cv2.FILLED)
    write(image, text, at, colour, 0.42)


def outline(image: Image, box: Box, colour: Colour, *, line_px: int = 1) -> None:
    """Just outside the box, so that its content stays to be seen; inside the picture where the box is at its edge.

    A box that lies outside the picture is not drawn.
    """
    height, width = image.shape[:2]
    if box.x2 <= 0 or box.y2 <= 0 or box.x1 >= width or box.y1 >= height:
        return
    corner = max(0, round(box.x1) - line_px), max(0, round(box.y1) - line_px)
    opposite = min(width - line_px, round(box.x2)), min(height - line_px, round(box.y2))
    cv2.rectangle(image, corner, opposite, colour, line_px, cv2.LINE_AA)


def save(path: Path, image: Image) -> None:
    """A JPEG. Raises BadInput where it cannot be written."""
    # Full colour resolution: the common half blurs thin coloured lines.
    options = [cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, jpeg = cv2.imencode(".jpg", image, options)
    try:
        path.write_bytes(jpeg.tobytes())
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror}") from exc
