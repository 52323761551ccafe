"""Antialiased shapes and warped pictures on one image; pixel coordinates count from the image's outer edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]  # BGR, 0..255
_SHIFT = 4  # OpenCV's fixed-point coordinates: 1/16 pixel


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    # pixel centres lie at whole numbers for OpenCV
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def halvings(picture: Image) -> list[Image]:
    """The picture and its halves: what is laid down small, taken from the right one, does not flicker."""
    levels = [picture]
    while min(levels[-1].shape[:2]) > 16:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    return levels


class Canvas:
    """An image under work; `image` is HxWx3 uint8 BGR and belongs to the canvas."""

    def __init__(self, image: Image) -> None:
        """Starts from a copy of `image`."""
        self.image = image.copy()

    def polygon(self, points: NDArray[np.float32], colour: Colour) -> None:
        """Fill the polygon of Nx2 pixel coordinates."""
        cv2.fillPoly(self.image, [_fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        centre = _fixed(np.array((x, y), np.float32)).tolist()
        cv2.circle(self.image, centre, round(radius * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)

    def lay(self, levels: list[Image], quad: NDArray[np.float32], *, haze: float = 0, veil: Colour = (0, 0, 0)) -> None:
        """Lay a picture on the quad (4x2, clockwise from top left), veiled by `haze` 0..1 of the colour `veil`.

        `levels`: the halvings of an HxWx4 uint8 picture, BGR multiplied by cover, then cover.
        """
        height, width = self.image.shape[:2]
        x0, y0 = np.maximum(np.floor(quad.min(axis=0)).astype(int), 0).tolist()
        x1, y1 = np.minimum(np.ceil(quad.max(axis=0)).astype(int), (width, height)).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        level = next((p for p in reversed(levels) if p.shape[1] >= np.ptp(quad[:, 0])), levels[0])
        rows, columns = level.shape[:2]
        corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - np.float32(0.5)
        matrix = cv2.getPerspectiveTransform(corners, quad - np.array((x0 + 0.5, y0 + 0.5), np.float32))
        laid = cv2.warpPerspective(level, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        bgr, cover = laid[:, :, :3], cv2.cvtColor(laid[:, :, 3], cv2.COLOR_GRAY2BGR)
        if haze:
            mist = cv2.merge([cv2.convertScaleAbs(laid[:, :, 3], alpha=part * haze / 255) for part in veil])
            bgr = cv2.addWeighted(bgr, 1 - haze, mist, 1, 0)
        patch = self.image[y0:y1, x0:x1]
        cv2.add(cv2.multiply(patch, 255 - cover, scale=1 / 255), bgr, dst=patch)
