"""Pictures and videos out: JPEG bytes and H.264 files."""

import errno
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError

from anpr.errors import AnprError, StorageFull

Image = npt.NDArray[np.uint8]


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """The HxWx3 uint8 BGR (or HxW grey) `image` as a JPEG of `quality` 0..100."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise AnprError(f"a picture of shape {image.shape} cannot be written as JPEG")
    return data.tobytes()


class VideoWriter:
    """Writes an H.264 yuv420p MP4 that browsers play while it loads.

    The file appears under its name when the `with` block ends well; if it ends with an error, nothing is left.
    Raises StorageFull where the disk is full, AnprError where the file cannot be written otherwise.
    """

    def __init__(self, path: Path, *, width_px: int, height_px: int, fps: float, crf: int = 20) -> None:
        """`crf`: 0 (lossless) to 51. An odd last row or column is cut off: yuv420p has none."""
        self._path = path
        self._partial = path.with_name(f".{path.name}.part")
        self._width_px = width_px - width_px % 2
        self._height_px = height_px - height_px % 2
        self._frames = 0
        self._container = av.open(str(self._partial), "w", format="mp4", container_options={"movflags": "+faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        options = {"crf": str(crf), "preset": "veryfast"}
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width = self._width_px
        self._stream.height = self._height_px
        self._stream.pix_fmt = "yuv420p"
        try:
            self._container.start_encoding()  # opens the file
        except (OSError, FFmpegError) as exc:
            raise self._failure(exc) from exc

    def write(self, image: Image) -> None:
        """Add the next frame, HxWx3 uint8 BGR of the size given; it is shown for 1/fps seconds."""
        cut = np.ascontiguousarray(image[: self._height_px, : self._width_px])
        frame = av.VideoFrame.from_ndarray(cut, "bgr24")
        frame.pts = self._frames
        self._frames += 1
        try:
            self._container.mux(self._stream.encode(frame))
        except (OSError, FFmpegError) as exc:
            raise self._failure(exc) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if error is None:
                self._partial.replace(self._path)
        except (OSError, FFmpegError) as exc:
            if error is None:
                raise self._failure(exc) from exc
        finally:
            self._partial.unlink(missing_ok=True)

    def _failure(self, exc: OSError | FFmpegError) -> AnprError:
        if exc.errno == errno.ENOSPC:
            return StorageFull(f"{self._path}: no space left on the device")
        return AnprError(f"{self._path}: cannot be written: {exc.strerror}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codecs:
    """The FFmpeg libraries that PyAV brings."""

    version: str  # of FFmpeg, such as "8.1.2"
    decodes_h264: bool
    encodes_h264: bool


def codecs() -> Codecs:
    """What this installation can do with H.264."""
    return Codecs(version=av.ffmpeg_version_info, decodes_h264=_has("h264", "r"), encodes_h264=_has("libx264", "w"))


def _has(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.Codec(name, mode)
    except UnknownCodecError:
        return False
    return True
