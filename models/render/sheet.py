"""Contact sheets: many small pictures with a caption each in one picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.render.plate import Image

_TILE = (206, 112)
_PICTURE = (200, 90)


def sheet(pictures: Sequence[tuple[Image, str]], *, columns: int = 6) -> Image:
    """Pictures (HxWx3 uint8 BGR, any size) row by row, each fitted into 200x90 px over its caption (ASCII)."""
    tiles = [_tile(picture, caption) for picture, caption in pictures]
    blank = np.zeros((_TILE[1], _TILE[0], 3), np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[row : row + columns]) for row in range(0, len(tiles), columns)])


def _tile(picture: Image, caption: str) -> Image:
    height, width = picture.shape[:2]
    scale = min(_PICTURE[0] / width, _PICTURE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    tile = np.full((_TILE[1], _TILE[0], 3), 40, np.uint8)
    tile[: size[1], : size[0]] = fitted
    cv2.putText(tile, caption, (2, _TILE[1] - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return tile
