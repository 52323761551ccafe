"""One frame of the annotated video: the picture, the plates on it, and a bar with clock and legend below."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from anpr.tones import Tone, tone_of, words_of
from anpr.types import Box
from cli.report.table import percent
from storage.plate_events import EventRow

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]  # BGR

WIDEST_PX = 1280
LEGEND_FROM_PX = 900  # narrower, the clock has no room beside it

_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (205, 205, 205)
_FILL: dict[Tone, Colour] = {
    "good": (52, 122, 22),
    "unsure": (60, 190, 255),
    "bad": (38, 38, 198),
    "open": (96, 96, 96),
}
_INK: dict[Tone, Colour] = {"good": _WHITE, "unsure": _BLACK, "bad": _WHITE, "open": _WHITE}
_LEGEND: tuple[tuple[Tone, str], ...] = (("good", "may pass"), ("unsure", "cannot tell"), ("bad", "suspect"))
_NOT_READ = "not read"
_BAR, _BAR_INK = (32, 28, 24), (235, 235, 235)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class _Area:
    x: int
    y: int
    width: int
    height: int

    def overlaps(self, other: "_Area") -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


class Canvas:
    """Reused from frame to frame: `begin`, then draw, then take `pixels`."""

    def __init__(self, name: str, *, width_px: int, height_px: int) -> None:
        """For pictures of width_px × height_px, shrunk to WIDEST_PX; `name` stands in the bar."""
        shrink = min(1.0, WIDEST_PX / width_px)
        width, height = _even(width_px * shrink), _even(height_px * shrink)
        self._unit = max(0.55, width / WIDEST_PX)  # small pictures need letters of a legible size all the same
        self._bar, self._clock_px = self._draw_bar(name, width)
        self.pixels: Image = np.zeros((height + self._bar.shape[0], width, 3), np.uint8)
        self._picture = self.pixels[:height]
        self._labels: dict[int, Image] = {}
        self._taken: list[_Area] = []
        self._scale = 1.0

    def begin(self, image: Image) -> None:
        """Start a frame with `image`, HxWx3 uint8 BGR of any size; it is shrunk to fit."""
        self._taken = []
        height, width = self._picture.shape[:2]
        self._scale = min(width / image.shape[1], height / image.shape[0])
        if image.shape == self._picture.shape:
            self._picture[:] = image
            return
        fitted = min(width, round(image.shape[1] * self._scale)), min(height, round(image.shape[0] * self._scale))
        if fitted != (width, height):
            self._picture[:] = 0
        self._picture[: fitted[1], : fitted[0]] = cv2.resize(image, fitted, interpolation=cv2.INTER_AREA)

    def draw_unread(self, box: Box) -> None:
        """A thin line round a plate that belongs to no event; `box` in pixels of the image."""
        cv2.rectangle(self._picture, *self._corners(box, 2), _GREY, 1)

    def draw_event(self, box: Box, row: EventRow) -> None:
        """A line round the plate and its label, in the colour of the verdict; `box` in pixels of the image."""
        thick = max(1, round(2 * self._unit))
        cv2.rectangle(self._picture, *self._corners(box, thick + 1), _FILL[tone_of(row.status)], thick)
        label = self._labels.get(row.event.id)
        if label is None:
            label = self._labels[row.event.id] = self._draw_label(row)
        area = self._place(label, box)
        self._picture[area.y : area.y + area.height, area.x : area.x + area.width] = label[: area.height, : area.width]
        self._taken.append(area)

    def draw_bar(self, told: str) -> None:
        """The bar, with `told` (a clock) in it."""
        self.pixels[self._picture.shape[0] :] = self._bar
        self._write(self.pixels[self._picture.shape[0] :], told, self._clock_px)

    def _corners(self, box: Box, grown_px: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (
            (round(box.x1 * self._scale) - grown_px, round(box.y1 * self._scale) - grown_px),
            (round(box.x2 * self._scale) + grown_px, round(box.y2 * self._scale) + grown_px),
        )

    def _place(self, label: Image, box: Box) -> _Area:
        """Above the box or, where there is no room, below it; over no other label where that can be."""
        height, width = min(label.shape[0], self._picture.shape[0]), min(label.shape[1], self._picture.shape[1])
        x = round(box.centre[0] * self._scale - width / 2)
        x = max(0, min(self._picture.shape[1] - width, x))
        lowest = self._picture.shape[0] - height
        above, below = round(box.y1 * self._scale) - height - 5, round(box.y2 * self._scale) + 5
        areas = [
            _Area(x, y, width, height)
            for y in (above, below, above - height - 2, below + height + 2)
            if 0 <= y <= lowest
        ]
        free = [area for area in areas if not any(area.overlaps(other) for other in self._taken)]
        return (free or areas or [_Area(x, max(0, min(lowest, above)), width, height)])[0]

    def _draw_label(self, row: EventRow) -> Image:
        """The plate over its confidence and verdict, on the verdict's colour."""
        tone = tone_of(row.status)
        plate, told = row.event.plate or "?", f"{percent(row.event.confidence)}  {words_of(row.status)}"
        big, small, pad = 0.85 * self._unit, 0.55 * self._unit, round(7 * self._unit)
        (plate_px, plate_high), (told_px, told_high) = _size(plate, big, bold=True), _size(told, small)
        label = np.full((plate_high + told_high + 3 * pad, max(plate_px, told_px) + 2 * pad, 3), _FILL[tone], np.uint8)
        _text(label, plate, (pad, pad + plate_high), big, _INK[tone], bold=True)
        _text(label, told, (pad, 2 * pad + plate_high + told_high), small, _INK[tone])
        return label

    def _draw_bar(self, name: str, width_px: int) -> tuple[Image, int]:
        """The bar without its clock, and where that begins."""
        bar = np.full((_even(40 * self._unit), width_px, 3), _BAR, np.uint8)
        left_px = self._write(bar, name[:24], round(12 * self._unit), bold=True) + round(24 * self._unit)
        if width_px >= LEGEND_FROM_PX:
            self._draw_legend(bar)
        return bar, left_px

    def _draw_legend(self, bar: Image) -> None:
        """From the right: what the colours mean."""
        middle, side, gap = bar.shape[0] // 2, round(6 * self._unit), round(18 * self._unit)
        x = bar.shape[1]
        for tone, words in reversed((*_LEGEND, (None, _NOT_READ))):
            x -= gap + _size(words, 0.55 * self._unit)[0]
            self._write(bar, words, x)
            x -= 3 * side
            colour, thick = (_GREY, 1) if tone is None else (_FILL[tone], -1)
            cv2.rectangle(bar, (x, middle - side), (x + 2 * side, middle + side), colour, thick)

    def _write(self, bar: Image, text: str, x: int, *, bold: bool = False) -> int:
        """Write into the bar; returns where the text ends."""
        size = 0.55 * self._unit
        _text(bar, text, (x, bar.shape[0] // 2 + round(6 * self._unit)), size, _BAR_INK, bold=bold)
        return x + _size(text, size, bold=bold)[0]


def _even(px: float) -> int:
    return max(2, round(px / 2) * 2)  # yuv420p has no odd sizes


def _text(image: Image, text: str, left_base: tuple[int, int], size: float, ink: Colour, *, bold: bool = False) -> None:
    cv2.putText(image, text, left_base, _FONT, size, ink, 2 if bold else 1, cv2.LINE_AA)


def _size(text: str, size: float, *, bold: bool = False) -> tuple[int, int]:
    """(width, height) of the text in pixels."""
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 2 if bold else 1)
    return width, height
