"""The networks of this process: a picture in, its plates out, a few at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.config import Settings
from api.picture_size import picture_size
from api.problems import Problem
from models.detector import Detector
from models.reader import Reader, load_reader
from models.recognise import MARGIN, Recognition, recognise
from workers.model_info import model_of

MOST_WAITING = 16  # pictures; who comes then should come back
MOST_PIXELS = 50_000_000  # 150 MB as BGR
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A detector and a reader, for one picture at a time: neither can be used by two threads."""

    detector: Detector
    reader: Reader


class Networks:
    """Loaded when the first picture comes; at most `read.at_once` pairs of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free: SimpleQueue[Pair] = SimpleQueue()
        self._places = asyncio.Semaphore(settings.api.read_at_once)
        self._waiting = 0
        self._in_use: Mapping[str, str] = {}

    @property
    def waiting(self) -> int:
        """Pictures that are being read or wait for it."""
        return self._waiting

    def in_use(self) -> Mapping[str, str]:
        """The networks that were loaded: the first digits of their SHA-256 by name."""
        return self._in_use

    async def plates(self, data: bytes) -> Sequence[Recognition]:
        """The plates of an encoded picture. Raises Problem where it is none, or too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Problem(503, "Too many pictures wait to be read.", headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(self._plates, data)
        finally:
            self._waiting -= 1

    def _plates(self, data: bytes) -> Sequence[Recognition]:
        image = decoded(data)
        try:
            pair = self._free.get_nowait()
        except Empty:
            pair = self._load()
        try:
            detect = self._settings.detect
            margin = MARGIN if detect.margin is None else detect.margin
            return recognise(image, pair.detector, pair.reader, margin=margin, min_plate_px=detect.min_plate_px)
        finally:
            self._free.put(pair)

    def _load(self) -> Pair:
        detect, read = self._settings.detect, self._settings.read
        detector = Detector.load(_path(detect.model), threshold=detect.threshold, tiles=detect.tiles)
        pair = Pair(detector=detector, reader=load_reader(read.reader, path=_path(read.model)))
        self._in_use = {**model_of("detect", self._settings), **model_of("read", self._settings)}
        return pair


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def decoded(data: bytes) -> Image:
    """HxWx3 uint8 BGR, upright as its EXIF says. Raises Problem where it is no picture, or a giant one."""
    size = picture_size(data)
    if size is None:
        raise Problem(415, "That is no picture that can be read: send a JPEG, PNG or WebP.")
    if size[0] * size[1] > MOST_PIXELS:
        raise Problem(413, f"The picture has more than the {MOST_PIXELS // 1_000_000} million pixels that are read.")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise Problem(415, "That picture is broken.")
    return cast(Image, image)
