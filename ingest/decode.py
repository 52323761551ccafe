"""Containers and codecs: a URL in, decoded frames out, every failure one clear line without credentials."""

import errno
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Self

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from anpr.errors import AnprError, BadSource, Unavailable
from ingest.redact import redact

Image = npt.NDArray[np.uint8]

# 30 s at 25 fps: longer than the widest distance between key frames that cameras with a "smart" codec use
PACKETS_WITHOUT_FRAME = 750
DEFAULT_FPS = 25.0  # where neither container nor codec says
EARLIEST_YEAR = 1990  # creation times before are the zero of some clock
REFUSED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
GONE = (av.error.HTTPNotFoundError, av.error.HTTPBadRequestError, av.error.HTTPOtherClientError)
TEXT_ART = "tty"  # FFmpeg would draw any .txt file as a video
TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class DecodedFrame:
    """One frame as the decoder left it; pixels are converted when asked for, and only then.

    Frames of one source share their converters: convert in one thread at a time.
    """

    __slots__ = ("_converter", "_frame", "captured_at", "time_s")

    def __init__(
        self, frame: VideoFrame, converter: "Converter", *, time_s: float, captured_at: datetime | None
    ) -> None:
        self._frame = frame
        self._converter = converter
        self.time_s = time_s
        self.captured_at = captured_at

    def image(self) -> Image:
        """HxWx3 uint8 BGR, upright."""
        return self._converter.image(self._frame)

    def grey(self, width_px: int) -> Image:
        """A coarse HxW uint8 thumbnail, `width_px` wide, upright, for a fraction of the cost of `image`."""
        return self._converter.grey(self._frame, width_px)


class Converter:
    """Turns decoded frames into arrays; keeps swscale's tables from frame to frame."""

    def __init__(self) -> None:
        self._bgr = VideoReformatter()
        self._grey = VideoReformatter()

    def image(self, frame: VideoFrame) -> Image:
        converted = self._bgr.reformat(frame, format="bgr24", threads=1)
        return _upright(converted.to_ndarray(), frame.rotation)

    def grey(self, frame: VideoFrame, width_px: int) -> Image:
        across, along = (frame.height, frame.width) if _is_turned(frame) else (frame.width, frame.height)
        height_px = max(1, round(width_px * along / across))
        size = (height_px, width_px) if _is_turned(frame) else (width_px, height_px)
        converted = self._grey.reformat(
            frame, *size, format="gray8", interpolation=Interpolation.FAST_BILINEAR, threads=1
        )
        return _upright(converted.to_ndarray(), frame.rotation)


def size_px(frame: VideoFrame) -> tuple[int, int]:
    """(width, height) of the upright picture."""
    return (frame.height, frame.width) if _is_turned(frame) else (frame.width, frame.height)


class Decoder:
    """An open container with one video stream. Close it: its buffers and threads do not wait for the collector."""

    def __init__(
        self,
        url: str,
        *,
        live: bool,
        container_format: str | None = None,
        options: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """`timeout_s`: how long each of opening and reading may wait for data.

        Raises BadSource where `url` is wrong or refused and stays so, Unavailable where a server does not answer.
        """
        self.name = redact(url)
        self.corrupt = 0  # packets and frames that could not be decoded
        self._live = live
        self._remote = live or "://" in url
        self._timeout_s = timeout_s
        try:
            self._container: InputContainer = av.open(
                url, format=container_format, options=dict(options or {}), timeout=timeout_s, metadata_errors="replace"
            )
        except (OSError, FFmpegError, ValueError) as exc:
            raise self._failure(exc) from exc
        try:
            self._stream = self._video_stream()
        except AnprError:
            self._container.close()
            raise
        self._stream.thread_type = "SLICE" if live else "AUTO"  # threads by frame hold back a frame each
        if live:
            self._stream.thread_count = 1  # a process holds many cameras

    def frames(self) -> Generator[VideoFrame, None, None]:
        """Every frame that decodes, in the order of presentation.

        Raises Unavailable where a server fails or a camera's stream holds no frames any more, BadSource where a file
        does.
        """
        dry = 0  # packets since the last good frame
        is_torn = False
        for packet in self._packets():
            is_torn = packet.is_corrupt or (is_torn and not packet.size)  # the last packet is empty: it flushes
            decoded = self._decoded(packet)
            good = [frame for frame in decoded if not frame.is_corrupt]
            self.corrupt += len(decoded) - len(good)
            dry = 0 if good else dry + 1
            if dry > PACKETS_WITHOUT_FRAME:
                raise self._lost(f"{self.name}: no frame in {dry} packets, {self.corrupt} corrupt")
            yield from good
        if self._is_cut_short() and not is_torn:
            self.corrupt += 1

    @property
    def is_timed(self) -> bool:
        """Whether timestamps come from the camera; FFmpeg makes up those of a bare series of JPEGs."""
        return self._container.format.name not in ("mpjpeg", "mjpeg")

    @property
    def is_segmented(self) -> bool:
        """Whether frames come seconds at a time."""
        return self._container.format.name in ("hls", "dash")

    @property
    def fps(self) -> float | None:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def duration_s(self) -> float | None:
        """Of the whole container; None where it has no end, or does not say."""
        duration = self._container.duration
        return duration / av.time_base if duration and duration > 0 else None

    @property
    def frame_count(self) -> int | None:
        """An estimate from what the container says."""
        if self._stream.frames:
            return self._stream.frames
        if self.duration_s and self.fps:
            return round(self.duration_s * self.fps)
        return None

    @property
    def created_at(self) -> datetime | None:
        text = self._container.metadata.get("creation_time") or self._stream.metadata.get("creation_time")
        try:
            created = datetime.fromisoformat(text) if text else None
        except ValueError:
            return None
        if created is None or created.year < EARLIEST_YEAR:
            return None
        return created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _video_stream(self) -> VideoStream:
        streams = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams or self._container.format.name == TEXT_ART:
            raise self._lost(f"{self.name}: holds no video")
        if streams[0].codec_context is None:
            raise BadSource(f"{self.name}: no decoder for its kind of video")
        return streams[0]

    def _packets(self) -> Iterator[av.Packet]:
        """Every packet that can be read, the one that flushes the decoder last."""
        failures = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    yield packet
            except (OSError, FFmpegError) as exc:
                failures += 1
                self.corrupt += 1
                if self._remote or failures > PACKETS_WITHOUT_FRAME:
                    raise self._failure(exc) from exc
            else:
                return

    def _decoded(self, packet: av.Packet) -> list[VideoFrame]:
        if packet.is_corrupt:
            self.corrupt += 1
            return []
        try:
            return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
        except EOFError:  # flushed before
            return []
        except (OSError, FFmpegError):
            self.corrupt += 1
            return []

    def _is_cut_short(self) -> bool:
        """Whether the index names data beyond the end of the file."""
        if self._live or not len(self._stream.index_entries) or self._container.size <= 0:
            return False
        last = self._stream.index_entries[-1]
        return last.pos + last.size > self._container.size

    def _lost(self, text: str) -> AnprError:
        return Unavailable(text) if self._live else BadSource(text)

    def _failure(self, exc: Exception) -> AnprError:
        """What `exc` means for the caller; `exc` itself loses the URL that FFmpeg wrote into it."""
        reason = getattr(exc, "strerror", None) or str(exc)
        if isinstance(exc, FFmpegError):
            exc.args = exc.args[:2]
        if isinstance(exc, REFUSED):
            return BadSource(f"{self.name}: refused: wrong user name or password, or not allowed")
        if isinstance(exc, GONE) and not self._live:
            return BadSource(f"{self.name}: {redact(reason)}")
        if isinstance(exc, av.error.InvalidDataError) and not self._live:
            return BadSource(f"{self.name}: not a video that can be decoded, or its end is missing")
        if isinstance(exc, av.error.ExitError) or getattr(exc, "errno", None) == errno.ETIMEDOUT:
            reason = f"no data for {self._timeout_s:g} s"
        if getattr(exc, "errno", None) == errno.EIO and self._remote:
            reason = "host name not found, or connection broken"
        text = f"{self.name}: {redact(reason)}"
        return Unavailable(text) if self._remote else BadSource(text)


def _is_turned(frame: VideoFrame) -> bool:
    return round(frame.rotation / 90) % 2 != 0


def _upright(image: npt.NDArray[np.generic], rotation: int) -> Image:
    pixels = image.astype(np.uint8, copy=False)
    turn = TURNS.get(round(rotation / 90) * 90 % 360)
    return pixels if turn is None else cv2.rotate(pixels, turn).astype(np.uint8, copy=False)
