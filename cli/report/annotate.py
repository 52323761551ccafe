"""A file once more, with its plates, texts and verdicts drawn in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from anpr.config import Camera
from anpr.types import Box, PlateRead
from cli.report.draw import Canvas
from cli.report.table import local
from cli.report.tracks import Playback, tracks
from ingest.encode import VideoWriter, encode_jpeg
from ingest.run import MOTION_WIDTH_PX
from ingest.sample import MotionGate, Sampler
from ingest.source import Source, open_source
from storage.plate_events import EventRow

PICTURES_FPS = 1.0  # pictures have no rate of their own; one a second can be looked at
POSTER_QUALITY = 80
CRF = 24  # half the size of 20, and the plates stay legible


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An annotated video: the second in which each event appears, and the JPEG of a frame that shows most events."""

    camera: str
    path: Path
    appears_s: Mapping[int, float]
    poster: bytes


def annotate(
    name: str,
    camera: Camera,
    out: Path,
    reads: Sequence[tuple[PlateRead, int | None]],
    events: Sequence[EventRow],
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> Video:
    """Write camera `name`'s file as an H.264 MP4, at most WIDEST_PX wide, with the `reads` of its session drawn in.

    `reads` come in order of frames with their events' ids, as `plate_reads.of_session` gives them. `progress` is told
    (frames done, frames in all); if it raises, nothing is left behind.

    Raises what open_source and VideoWriter raise.
    """
    rows = {row.event.id: row for row in events}
    began = began_at(camera, reads[0][0]) if reads else None
    found = [] if began is None else tracks(reads, began)
    appears_s: dict[int, float] = {}
    poster, most_shown = b"", -1
    with open_source(camera.url) as source:
        fps = source.fps or PICTURES_FPS
        canvas = _canvas(name, source)
        playback = Playback(found, hold_s=max(1 / fps, 1 / camera.fps if camera.fps else 0.0))
        height_px, width_px = canvas.pixels.shape[:2]
        with VideoWriter(out, width_px=width_px, height_px=height_px, fps=fps, crf=CRF) as video:
            for number, frame in enumerate(source):
                canvas.begin(frame.image())
                shown = _draw(canvas, playback.at(frame.time_s), rows)
                for event_id in shown:
                    appears_s.setdefault(event_id, number / fps)
                canvas.draw_bar(f"{_clock(frame.time_s, began, camera.toll_country)}   cars: {len(appears_s)}")
                video.write(canvas.pixels)
                if len(shown) > most_shown:
                    poster, most_shown = encode_jpeg(canvas.pixels, POSTER_QUALITY), len(shown)
                if progress:
                    progress(number + 1, source.frame_count)
    return Video(camera=name, path=out, appears_s=appears_s, poster=poster)


def began_at(camera: Camera, read: PlateRead) -> datetime | None:
    """The moment that this read's session took for that of its file's first frame.

    Found by sampling the file as ingest did, up to the frame of the read; None where the file has no such frame.
    """
    sampler = Sampler(camera.fps)
    gate = None if camera.motion is None else MotionGate(threshold=camera.motion, hold_s=camera.motion_hold_s)
    sampled = 0
    with open_source(camera.url) as source:
        for frame in source:
            if sampler.keep(frame.time_s) and (gate is None or gate.is_open(frame.grey(MOTION_WIDTH_PX), frame.time_s)):
                if sampled == read.frame_no:
                    return read.captured_at - timedelta(seconds=frame.time_s)
                sampled += 1
    return None


def _draw(canvas: Canvas, plates: Sequence[tuple[int | None, Box]], rows: Mapping[int, EventRow]) -> list[int]:
    """Draw the plates of a frame; returns the events among them."""
    shown: list[int] = []
    for event_id, box in plates:
        row = None if event_id is None else rows.get(event_id)
        if row is None:
            canvas.draw_unread(box)
        else:
            canvas.draw_event(box, row)
            shown.append(row.event.id)
    return shown


def _canvas(name: str, source: Source) -> Canvas:
    if source.width_px is None or source.height_px is None:
        raise ValueError(f"{source.name} is live: only files can be shown again")
    return Canvas(name, width_px=source.width_px, height_px=source.height_px)


def _clock(time_s: float, began: datetime | None, toll_country: str) -> str:
    """The time of day in the toll country to a tenth of a second; minutes and seconds of the file where unknown."""
    tenths = round(10 * time_s)
    if began is None:
        return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"
    moment = local(began + timedelta(seconds=tenths / 10), toll_country)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000} {moment:%Z}"
