"""ANPR in one function: find the plates of an image, cut them out, read them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anpr.types import Box, Detection, Reading
from models.reader import Reader

# Of a box's width and height, added on each side before it is cut out. With the reader's second look at the box itself
# it reads 0.69 and 0.71 of the found validation plates exactly (dashcam, Open Images); 0.02–0.06 alone 0.62–0.66 and
# 0.59–0.63, 0.12 alone 0.64 and 0.51.
MARGIN = 0.08
MIN_PLATE_PX = 40  # width: eight characters of five pixels


class PlateDetector(Protocol):
    """What `recognise` needs of a detector."""

    def detect(self, frame: NDArray[np.uint8]) -> list[Detection]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """One plate of one image; the reading has no candidates where it was too small or unreadable."""

    detection: Detection
    reading: Reading


def recognise(
    image: NDArray[np.uint8],
    detector: PlateDetector,
    reader: Reader,
    *,
    margin: float = MARGIN,
    min_plate_px: int = MIN_PLATE_PX,
) -> list[Recognition]:
    """The plates of an image (HxWx3 uint8 BGR), surest reading first; those under `min_plate_px` wide are not read."""
    detections = detector.detect(image)
    readable = [detection for detection in detections if detection.box.width >= min_plate_px]
    crops = [crop(image, detection.box, margin=margin) for detection in readable]
    read = [Recognition(detection=d, reading=r) for d, r in zip(readable, reader.read(crops), strict=True)]
    small = [
        Recognition(detection=detection, reading=Reading(candidates=()))
        for detection in detections
        if detection.box.width < min_plate_px
    ]
    return sorted(read + small, key=lambda plate: (-plate.reading.confidence, -plate.detection.score))


def crop(image: NDArray[np.uint8], box: Box, *, margin: float = MARGIN) -> NDArray[np.uint8]:
    """A view of the pixels of a box, grown by `margin` of its size on each side; at least 1×1, never outside."""
    height, width = image.shape[:2]
    grown = box.grown(margin, width_px=width, height_px=height)
    x1, y1 = min(int(grown.x1), width - 1), min(int(grown.y1), height - 1)
    return image[y1 : max(y1 + 1, round(grown.y2)), x1 : max(x1 + 1, round(grown.x2))]
