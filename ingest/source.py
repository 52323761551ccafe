"""What frames come from: video files, pictures, cameras."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt

from anpr.errors import AnprError, BadSource
from ingest import pictures
from ingest.clock import FileClock
from ingest.decode import DEFAULT_FPS, Converter, DecodedFrame, Decoder, size_px
from ingest.live import LiveSource
from ingest.pictures import Pictures
from ingest.redact import redact

Image = npt.NDArray[np.uint8]

STALL_S = 5.0  # a camera silent for so long is lost; cameras of one frame in 4 s still work
RECORDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts"}  # what an HTTP URL may name that has an end
DEVICES = "/dev/video"


class SourceFrame(Protocol):
    """One frame of a source."""

    @property
    def time_s(self) -> float:
        """Seconds since the first frame of the source; never less than that of the frame before."""
        ...

    @property
    def captured_at(self) -> datetime | None:
        """When it was taken: wall clock for cameras, from the recording's own start for files; None where unknown."""
        ...

    def image(self) -> Image:
        """HxWx3 uint8 BGR, upright; converted at each call."""
        ...

    def grey(self, width_px: int) -> Image:
        """A coarse HxW uint8 thumbnail, `width_px` wide, cheaper than `image`."""
        ...


class Source(Protocol):
    """An open source; iterate it once, in one thread."""

    @property
    def name(self) -> str:
        """The path or the URL without credentials."""
        ...

    @property
    def is_live(self) -> bool: ...

    @property
    def width_px(self) -> int | None:
        """Of the upright picture; None before the first frame of a camera. Single frames may differ."""
        ...

    @property
    def height_px(self) -> int | None: ...

    @property
    def fps(self) -> float | None: ...

    @property
    def frame_count(self) -> int | None:
        """An estimate, for progress; None where there is no end or nothing says."""
        ...

    @property
    def started_at(self) -> datetime | None:
        """When the first frame was taken; None where unknown."""
        ...

    @property
    def corrupt(self) -> int:
        """Packets, frames or pictures that could not be decoded and were skipped, so far."""
        ...

    @property
    def shed(self) -> int:
        """Frames of a camera that came while the reader was busy and were dropped, so far."""
        ...

    @property
    def reconnects(self) -> int: ...

    def __iter__(self) -> Iterator[SourceFrame]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_source(url: str, *, stop: threading.Event | None = None, stall_s: float = STALL_S) -> Source:
    """Open a video file, a picture, a directory of pictures, an rtsp(s) or http(s) URL or a /dev/video device.

    A camera connects when it is iterated, ends when `stop` is set, and is lost after `stall_s` without data.
    Raises BadSource where there is nothing to decode, Unavailable where the server of a recording does not answer;
    both at once or from the iteration.
    """
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    _check_port(url)
    if scheme in ("rtsp", "rtsps"):
        options = {"rtsp_transport": "tcp", "allowed_media_types": "video", "timeout": _microseconds(stall_s)}
        return _camera(url, options=options, stop=stop, stall_s=stall_s)
    if scheme in ("http", "https"):
        options = {"rw_timeout": _microseconds(stall_s)}
        if Path(urlsplit(url).path).suffix.lower() in RECORDINGS:
            return VideoFile(Decoder(url, live=False, options=options, timeout_s=stall_s))
        return _camera(url, options=options, stop=stop, stall_s=stall_s)
    if scheme not in ("", "file"):
        raise BadSource(f"{redact(url)}: cannot open {scheme}://, only a path, rtsp, rtsps, http, https or /dev/video*")
    path = Path(unquote(urlsplit(url).path) if scheme else url)
    if str(path).startswith(DEVICES):
        return _camera(str(path), container_format="v4l2", stop=stop, stall_s=stall_s)
    if not path.exists():
        raise BadSource(f"{path}: no such file or directory")
    if path.is_dir() or path.suffix.lower() in pictures.SUFFIXES:
        return Pictures(path)
    return VideoFile(Decoder(str(path), live=False))


class VideoFile:
    """A recording, from its first frame to its last."""

    is_live = False
    shed = 0
    reconnects = 0

    def __init__(self, decoder: Decoder) -> None:
        """Takes over `decoder`; raises BadSource where it holds no frame."""
        self.name = decoder.name
        self._decoder = decoder
        self._frames = decoder.frames()
        try:
            self._first = next(self._frames, None)
        except AnprError:
            decoder.close()
            raise
        if self._first is None:
            decoder.close()
            raise BadSource(f"{self.name}: holds no frame that can be decoded")
        self.width_px, self.height_px = size_px(self._first)
        self.fps = decoder.fps
        self.frame_count = decoder.frame_count
        self.started_at = decoder.created_at

    @property
    def corrupt(self) -> int:
        return self._decoder.corrupt

    def __iter__(self) -> Iterator[DecodedFrame]:
        clock = FileClock(frame_s=1 / (self.fps or DEFAULT_FPS))
        converter = Converter()
        first, self._first = self._first, None
        for frame in chain([first] if first else [], self._frames):
            time_s = clock.at(frame.time)
            captured_at = self.started_at + timedelta(seconds=time_s) if self.started_at else None
            yield DecodedFrame(frame, converter, time_s=time_s, captured_at=captured_at)

    def close(self) -> None:
        self._frames.close()
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_port(url: str) -> None:
    """An unquoted password may read as a port, which FFmpeg would report as an unreachable host for ever."""
    try:
        _ = urlsplit(url).port
    except ValueError as exc:
        hint = "in a password write / as %2F, ? as %3F, # as %23, % as %25"
        raise BadSource(f"{redact(url)}: the port is not a number from 0 to 65535; {hint}") from exc


def _camera(
    url: str,
    *,
    stop: threading.Event | None,
    stall_s: float,
    container_format: str | None = None,
    options: dict[str, str] | None = None,
) -> LiveSource:
    connect = partial(Decoder, url, live=True, container_format=container_format, options=options, timeout_s=stall_s)
    return LiveSource(connect, name=redact(url), stop=stop)


def _microseconds(seconds: float) -> str:
    return str(round(seconds * 1e6))
