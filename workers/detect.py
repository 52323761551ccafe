# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""Stage 1: frames → plates. One job looks at a few frames of one session."""

from dataclasses import dataclass, field
from datetime import datetime

import cv2

from anpr import log
from anpr.types import Box, FrameOutcome, PlateOutcome
from models.detector.inference import Detector
from models.recognise import MARGIN, crop
from storage import plate_reads, sessions
from storage.plate_reads import DetectedPlate
from workers import frames, queues, traces
from workers.frames import PlateKey, StoredFrame
from workers.process import current, job

_log = log.get(__name__)
CROP_JPEG_QUALITY = 95  # a plate's letters are a few pixels wide; at 95 its reading does not change
EDGE = 0.04  # of its width: a box that comes this near to the picture's edge goes on beyond it; boxes err as much
READ_BATCH = 8  # plates a reading job carries: with Tesseract on a small board 4 s of work


@dataclass(slots=True, kw_only=True)
class Found:
    """What a job found, as it is stored."""

    outcomes: list[tuple[int, datetime | None, FrameOutcome]]
    plates: list[DetectedPlate]
    crops: dict[PlateKey, bytes]  # JPEG
    traces: dict[int, str] = field(default_factory=dict[int, str])  # contexts of frames with crops, by number


@job
def detect(session_id: int, frame_nos: list[int]) -> None:
    """Find the plates of these frames, hand them to the readers, and account for every frame."""
    process = current()
    settings = process.settings.detect
    margin = MARGIN if settings.margin is None else settings.margin
    found = Found(outcomes=[], plates=[], crops={})
    stored = frames.claim(process.redis, session_id, frame_nos)
    for frame_no in frame_nos:
        if frame_no in stored:
            with traces.follow("detect", stored[frame_no].trace, session=session_id, frame=frame_no) as span:
                look(process.detector, stored[frame_no], found, margin=margin, min_plate_px=settings.min_plate_px)
                crops = sum(key[0] == frame_no for key in found.crops)
                span.note(crops=crops)
            if crops:
                found.traces[frame_no] = span.context
        else:
            found.outcomes.append((frame_no, None, FrameOutcome.EXPIRED))

    # The order matters: a plate that Postgres knows has its crop in Redis, and a frame leaves Redis when all is stored.
    frames.add_crops(process.redis, session_id, found.crops)
    for frame_no, context in found.traces.items():
        traces.keep(process.redis, traces.frame_key(session_id, frame_no), context)
    with process.database.transaction() as conn:
        sessions.record(conn, session_id, found.outcomes)
        plate_reads.add_detected(conn, session_id, found.plates)
    pipe = process.redis.pipeline()
    keys = list(found.crops)
    for first in range(0, len(keys), READ_BATCH):
        queues.read_later(process.redis, session_id, keys[first : first + READ_BATCH], pipe=pipe)
    frames.drop(pipe, session_id, frame_nos)
    pipe.execute()
    _log.debug("frames.detected", session=session_id, frames=len(frame_nos), plates=len(found.plates))


def look(detector: Detector, frame: StoredFrame, found: Found, *, margin: float, min_plate_px: int) -> None:
    """Add what one frame holds to `found`."""
    image = frames.decode(frame.jpeg)
    if image is None:
        _log.warning("frame.broken", frame=frame.frame_no)
        found.outcomes.append((frame.frame_no, frame.captured_at, FrameOutcome.FAILED))
        return
    detections = detector.detect(image)
    outcome = FrameOutcome.READ if detections else FrameOutcome.NO_PLATE
    found.outcomes.append((frame.frame_no, frame.captured_at, outcome))
    for plate_no, detection in enumerate(detections):
        plate_outcome = hopeless(detection.box, image.shape[1], image.shape[0], min_plate_px)
        found.plates.append(
            DetectedPlate(
                frame_no=frame.frame_no,
                plate_no=plate_no,
                captured_at=frame.captured_at,
                box=detection.box.shifted(frame.left_px, frame.top_px),
                score=detection.score,
                outcome=plate_outcome,
            )
        )
        if plate_outcome is None:
            pixels = crop(image, detection.box, margin=margin)
            _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, CROP_JPEG_QUALITY])
            found.crops[frame.frame_no, plate_no] = jpeg.tobytes()


def hopeless(box: Box, width_px: int, height_px: int, min_plate_px: int) -> PlateOutcome | None:
    """Why no reader need look: the plate is too narrow, or cut by the picture's edge (half a text is a wrong one)."""
    if box.width < min_plate_px:
        return PlateOutcome.TOO_SMALL
    gap = min(box.x1, box.y1, width_px - box.x2, height_px - box.y2)
    return None if gap > EDGE * box.width else PlateOutcome.UNREADABLE
