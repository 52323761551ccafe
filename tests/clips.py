"""Builders of tiny H.264 clips: a bright square runs over a dark ground, a white corner says which way is up."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

WIDTH_PX, HEIGHT_PX, FPS = 160, 120, 25
BIT_PX = 8  # side of a square of the frame counter


def a_picture(number: int) -> npt.NDArray[np.uint8]:
    """HxWx3 uint8 BGR: white top left corner, the frame's number in binary at the bottom, a red square in motion."""
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 40, np.uint8)
    image[:20, :20] = 255
    left = 3 * number % (WIDTH_PX - 20)
    image[50:70, left : left + 20] = (0, 0, 220)
    for bit in range(12):
        if number >> bit & 1:
            image[-BIT_PX:, bit * BIT_PX : (bit + 1) * BIT_PX] = 255
    return image


def number_in(image: npt.NDArray[np.uint8]) -> int:
    """The number that `a_picture` wrote."""
    squares = image[-BIT_PX:, : 12 * BIT_PX].reshape(BIT_PX, 12, BIT_PX, 3).mean(axis=(0, 2, 3))
    return sum(1 << bit for bit, level in enumerate(squares) if level > 128)


def a_clip(
    path: Path,
    *,
    frames: int = 50,
    stamps: Iterable[int] | None = None,
    rotation: int = 0,
    created_at: str = "",
    b_frames: int = 0,
) -> Path:
    """Writes an MP4 with its index in front; `stamps` are times in 1/FPS seconds, `rotation` is counterclockwise."""
    with av.open(str(path), "w", format="mp4", container_options={"movflags": "+faststart"}) as container:
        if created_at:
            container.metadata["creation_time"] = created_at
        options = {"preset": "ultrafast", "crf": "18", "g": "10", "bf": str(b_frames)}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, stamp in enumerate(range(frames) if stamps is None else stamps):
            frame = av.VideoFrame.from_ndarray(a_picture(number), "bgr24")
            frame.pts, frame.time_base = stamp, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut(path: Path, *, to: float) -> Path:
    """A copy of `path` that ends after a share `to` of its bytes."""
    data = path.read_bytes()
    short = path.with_name(f"cut_{path.name}")
    short.write_bytes(data[: round(len(data) * to)])
    return short


def damaged(path: Path, *, share: tuple[float, float], every: int) -> Path:
    """A copy of `path` with a byte inverted at each `every` bytes within the `share` of it."""
    data = bytearray(path.read_bytes())
    for place in range(round(len(data) * share[0]), round(len(data) * share[1]), every):
        data[place] ^= 0xFF
    copy = path.with_name(f"damaged_{path.name}")
    copy.write_bytes(data)
    return copy
