"""Pictures in files as a source: one frame a picture."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from anpr import log
from anpr.errors import BadSource

Image = npt.NDArray[np.uint8]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SPACING_S = 1.0  # pictures have no time: each counts as a second, so that grouping by time keeps neighbours together


class Picture:
    """One picture, already decoded."""

    __slots__ = ("_image", "captured_at", "time_s")

    def __init__(self, image: Image, *, time_s: float) -> None:
        self._image = image
        self.time_s = time_s
        self.captured_at: datetime | None = None

    def image(self) -> Image:
        """HxWx3 uint8 BGR, upright as its EXIF says."""
        return self._image

    def grey(self, width_px: int) -> Image:
        """A coarse HxW uint8 thumbnail, `width_px` wide."""
        height_px = max(1, round(width_px * self._image.shape[0] / self._image.shape[1]))
        small = cv2.resize(self._image, (width_px, height_px), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)


class Pictures:
    """A picture file, or a directory of them in the order people count (2 before 10)."""

    is_live = False
    fps: float | None = None
    started_at: datetime | None = None
    shed = 0
    reconnects = 0

    def __init__(self, path: Path) -> None:
        """Raises BadSource where there is no picture, or none that can be decoded."""
        self.name = str(path)
        self.corrupt = 0  # pictures that could not be decoded
        files = [path] if path.is_file() else [f for f in path.iterdir() if f.suffix.lower() in SUFFIXES]
        if not files:
            raise BadSource(f"{self.name}: holds no jpg, png or webp picture")
        self._files = sorted(files, key=lambda file: _natural(file.name))
        self.frame_count: int | None = len(files)
        first = next((image for image in map(decode, self._files) if image is not None), None)
        if first is None:
            what = "not a picture" if path.is_file() else f"none of its {len(files)} pictures is one"
            raise BadSource(f"{self.name}: {what} that can be decoded")
        self.height_px, self.width_px = int(first.shape[0]), int(first.shape[1])

    def __iter__(self) -> Iterator[Picture]:
        for number, file in enumerate(self._files):
            image = decode(file)
            if image is None:
                self.corrupt += 1
                log.get(__name__).warning("picture.unreadable", file=str(file))
                continue
            yield Picture(image, time_s=number * SPACING_S)

    def close(self) -> None:
        """Nothing stays open between pictures."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def decode(file: Path) -> Image | None:
    """The picture in `file`, HxWx3 uint8 BGR; None where it cannot be read."""
    try:
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part.lower()) for part in re.split(r"([0-9]+)", name)]
