"""What a camera sees now, for people: from time to time a frame, shrunk."""

import time
from collections import deque
from datetime import UTC, datetime

import cv2
import numpy as np
import numpy.typing as npt
from redis import Redis
from redis.exceptions import RedisError

from anpr import log
from ingest.encode import encode_jpeg
from ingest.sample import RegionOfInterest
from ingest.source import SourceFrame
from workers import preview_frames
from workers.preview_frames import PreviewFrame

Image = npt.NDArray[np.uint8]

_log = log.get(__name__)
EVERY_S = 10.0
WIDTH_PX = 240  # of the whole picture: the plate of the nearest car of `anpr demo` can be read at 320, not at 240
QUALITY = 70


class Preview:
    """The newest frame of a camera on its way to Redis. `offer` and `send` may come from different threads.

    What cannot be sent is let go of: the next one comes soon.
    """

    def __init__(self, camera: str, *, redis: Redis, region: RegionOfInterest, every_s: float = EVERY_S) -> None:
        self._camera, self._redis, self._region, self._every_s = camera, redis, region, every_s
        self._due_s = 0.0
        self._newest: deque[PreviewFrame] = deque(maxlen=1)

    def offer(self, frame: SourceFrame) -> None:
        """Take a frame, if the one before is `every_s` old: frames that nobody looks at, too, for a quiet road."""
        now_s = time.monotonic()
        if now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            jpeg = encode_jpeg(shrunk(frame.image(), self._region), QUALITY)
            self._newest.append(PreviewFrame(taken_at=datetime.now(UTC), jpeg=jpeg))

    def send(self) -> None:
        """Give Redis what was taken since the last call."""
        if self._newest:
            try:
                preview_frames.put(self._redis, self._camera, self._newest.popleft())
            except RedisError as exc:
                _log.debug("preview.unsent", camera=self._camera, why=str(exc))


def shrunk(image: Image, region: RegionOfInterest) -> Image:
    """The part of an HxWx3 image that detectors see, at the scale at which all of it is at most WIDTH_PX wide."""
    part = region.cut(image)
    scale = WIDTH_PX / image.shape[1]
    if scale >= 1:
        return part
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
