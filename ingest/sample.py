"""Which frames, and which part of them, are worth looking at. Pure: no I/O, time is an argument."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from anpr.errors import BadInput

Image = npt.NDArray[np.uint8]
Point = tuple[float, float]

SMOOTHING = 0.1  # share of the newest gap between frames in their mean
NOISE = 12  # grey levels: sensor noise and coding at night stay below
LEARN_PER_S = 10.0  # grey levels: a car that is gone in a second leaves no ghost, a parked one is background in 15 s


class Sampler:
    """Keeps the frame nearest to each moment of a grid of 1/fps seconds that starts with the first frame.

    The grid does not drift and each moment is served once: at most `fps` frames a second over any length. A source that
    gives fewer is kept whole.
    """

    def __init__(self, fps: float | None) -> None:
        """`fps`: frames a second wanted, above 0; None keeps all."""
        if fps is not None and not 0 < fps < math.inf:
            raise ValueError(f"fps must be above 0, not {fps}")
        self._fps = fps
        self._first_s: float | None = None
        self._last_s = 0.0
        self._gap_s: float | None = None  # mean, from frame to frame
        self._due = 0  # the moment to serve next, in steps of the grid

    def keep(self, time_s: float) -> bool:
        """Whether to keep the frame at `time_s`; frames come in order."""
        if self._fps is None:
            return True
        if self._first_s is None:
            self._first_s = time_s
        else:
            gap_s = time_s - self._last_s
            mean_s = gap_s if self._gap_s is None else self._gap_s
            self._gap_s = mean_s + SMOOTHING * (min(gap_s, 2 * mean_s) - mean_s)  # an outage is not a rate
        self._last_s = time_s
        # the next frame comes a gap later: up to half a gap before the moment this one is the nearer
        early = min(0.5, (self._gap_s or 0.0) / 2 * self._fps)
        step = (time_s - self._first_s) * self._fps + early
        if step < self._due:
            return False
        self._due = math.floor(step) + 1
        return True


class MotionGate:
    """Opens when enough of the picture differs from what it has been showing, and stays open for `hold_s`."""

    def __init__(self, *, threshold: float, hold_s: float) -> None:
        """`threshold`: share of the picture that must move, 0..1; 0 keeps the gate open."""
        self._threshold = threshold
        self._hold_s = hold_s
        self._background: npt.NDArray[np.float32] | None = None
        self._learned_s = 0.0
        self._open_until_s = -math.inf

    def is_open(self, grey: Image, time_s: float) -> bool:
        """Whether the frame at `time_s` may pass; `grey` is its HxW uint8 thumbnail. Frames come in order.

        A change of the whole picture's brightness (a cloud, the camera's exposure) is not motion.
        """
        if self._background is None or self._background.shape != grey.shape:
            # what the first picture shows is not known to be still
            self._background = grey.astype(np.float32)
            self._open_until_s = time_s + self._hold_s
        else:
            change = grey - self._background
            moved = np.abs(change - np.median(change)) > NOISE
            if float(moved.mean()) >= self._threshold:
                self._open_until_s = time_s + self._hold_s
            # approximated median: McFarlane & Schofield, Machine Vision and Applications 8, 1995
            step = LEARN_PER_S * max(0.0, time_s - self._learned_s)
            self._background += np.clip(change, -step, step)
        self._learned_s = time_s
        return time_s <= self._open_until_s


class RegionOfInterest:
    """The part of the picture to look at: polygons of (x, y) in 0..1 of width and height; none means all of it."""

    def __init__(self, polygons: Sequence[Sequence[Point]] = ()) -> None:
        """Raises BadInput for a polygon of fewer than three points or of no area, or a point outside the picture."""
        for number, polygon in enumerate(polygons, start=1):
            _check(polygon, number)
        self._polygons = [np.array(polygon, np.float32) for polygon in polygons]

    def contains(self, point: Point) -> bool:
        """Whether `point`, (x, y) in 0..1, lies in or on one of the polygons."""
        if not self._polygons:
            return True
        return any(cv2.pointPolygonTest(polygon, point, measureDist=False) >= 0 for polygon in self._polygons)

    def rectangle(self, *, width_px: int, height_px: int) -> tuple[int, int, int, int]:
        """The smallest (left, top, right, bottom) in whole pixels, right and bottom outside, round all polygons."""
        if not self._polygons:
            return 0, 0, width_px, height_px
        points = np.concatenate(self._polygons).astype(np.float64) * (width_px, height_px)
        # float32 corners that stand for a pixel edge may lie a hair beyond it
        left, top = np.floor(points.min(axis=0) + 1e-3).astype(int)
        right, bottom = np.ceil(points.max(axis=0) - 1e-3).astype(int)
        return int(left), int(top), int(right), int(bottom)

    def cut(self, image: Image) -> Image:
        """As `crop`, with everything outside the polygons black; `image` itself stays as it is."""
        if not self._polygons:
            return image
        height, width = image.shape[:2]
        left, top, _, _ = self.rectangle(width_px=width, height_px=height)
        corners = [np.rint(polygon * (width, height) - (left, top)).astype(np.int32) for polygon in self._polygons]
        part = self.crop(image)
        mask = cv2.fillPoly(np.zeros(part.shape[:2], np.uint8), corners, 255)
        return cv2.bitwise_and(part, part, mask=mask).astype(np.uint8, copy=False)

    def crop(self, image: Image) -> Image:
        """The rectangle of an HxWx3 (or HxW) image, as a view; its place is `rectangle()[:2]`."""
        left, top, right, bottom = self.rectangle(width_px=image.shape[1], height_px=image.shape[0])
        return image[top:bottom, left:right]


def _check(polygon: Sequence[Point], number: int) -> None:
    if len(polygon) < 3:
        raise BadInput(f"region {number} has {len(polygon)} points, a polygon needs 3 or more")
    for x, y in polygon:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise BadInput(f"region {number}: the point ({x}, {y}) lies outside the picture, x and y go from 0 to 1")
    if cv2.contourArea(np.array(polygon, np.float32)) < 1e-6:
        raise BadInput(f"region {number} encloses no area")
