from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import FPS, a_clip

from anpr.config import Camera
from anpr.errors import BadSource
from anpr.types import Box, Candidate, PlateEvent, PlateOutcome, PlateRead, VerdictStatus
from cli.report.annotate import annotate, began_at
from cli.report.draw import WIDEST_PX, Canvas, Image
from ingest.encode import VideoWriter
from ingest.source import open_source
from storage.plate_events import EventRow

SIZE = (1600, 900)
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
GREY = 60


def a_grey_clip(path: Path, *, frames: int, size: tuple[int, int] = SIZE) -> Path:
    picture = np.full((size[1], size[0], 3), GREY, np.uint8)
    with VideoWriter(path, width_px=size[0], height_px=size[1], fps=FPS) as video:
        for _ in range(frames):
            video.write(picture)
    return path


def a_read(frame_no: int, box: Box, *, after_s: float = 0.0) -> PlateRead:
    return PlateRead(
        session_id=1,
        frame_no=frame_no,
        plate_no=0,
        captured_at=NOON + timedelta(seconds=after_s),
        box=box,
        detection_score=0.9,
        outcome=PlateOutcome.READ,
        candidates=(Candidate(text="1A23456", confidence=0.9),),
    )


def a_row(status: VerdictStatus | None = VerdictStatus.SUSPECT, *, id: int = 7) -> EventRow:
    event = PlateEvent(
        id=id,
        session_id=1,
        camera="gate",
        plate="1A23456",
        confidence=0.97,
        candidates=(),
        reads=2,
        agreeing=2,
        first_seen=NOON,
        last_seen=NOON + timedelta(seconds=1),
        toll_country="CZ",
        state="closed",
        revision=1,
    )
    return EventRow(event=event, status=status, reason="", picture=None)


def images(path: Path) -> list[Image]:
    with open_source(str(path)) as source:
        return [frame.image() for frame in source]


def reds(image: Image) -> tuple[int, int] | None:
    """The middle (x, y) of what is red in the picture, without the bar's legend."""
    picture = image[: round(image.shape[1] * 9 / 16)].astype(np.int16)
    ys, xs = np.nonzero((picture[:, :, 2] > 130) & (picture[:, :, 1] < 110) & (picture[:, :, 0] < 110))
    return None if not len(xs) else (round((xs.min() + xs.max()) / 2), round((ys.min() + ys.max()) / 2))


def test_a_plate_is_framed_where_it_is_and_moves_between_reads(tmp_path: Path) -> None:
    clip = a_grey_clip(tmp_path / "clip.mp4", frames=25)
    camera = Camera(url=str(clip), fps=5.0)
    reads = [
        (a_read(1, Box(x1=200, y1=500, x2=300, y2=530)), 7),
        (a_read(2, Box(x1=700, y1=500, x2=800, y2=530), after_s=0.2), 7),
    ]

    video = annotate("gate", camera, tmp_path / "out.mp4", reads, [a_row()])

    drawn = [reds(image) for image in images(tmp_path / "out.mp4")]
    shown = {number: place[0] for number, place in enumerate(drawn) if place is not None}
    # frames 5 and 10 were sampled, with the plate's middle at 250 and 750 of 1600 px: 200 and 600 of 1280
    want = {number: 200 + 80 * min(number - 5, 5) for number in range(5, 15)}
    assert shown.keys() == want.keys()
    assert all(abs(shown[number] - want[number]) <= 2 for number in want)
    assert video.appears_s == {7: 5 / FPS}


def test_the_result_is_no_wider_than_the_web_needs_and_as_long_as_the_file(tmp_path: Path) -> None:
    clip = a_grey_clip(tmp_path / "clip.mp4", frames=10)
    annotate("gate", Camera(url=str(clip)), tmp_path / "out.mp4", [], [])
    with open_source(str(tmp_path / "out.mp4")) as source:
        assert (source.width_px, source.fps) == (WIDEST_PX, FPS)
        assert len(list(source)) == 10


@pytest.mark.parametrize(("fps", "frame_no", "time_s"), [(5.0, 3, 0.6), (None, 3, 0.12), (5.0, 0, 0.0)])
def test_a_read_tells_when_its_file_began(tmp_path: Path, fps: float | None, frame_no: int, time_s: float) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=20)
    read = a_read(frame_no, Box(x1=1, y1=1, x2=2, y2=2))
    assert began_at(Camera(url=str(clip), fps=fps), read) == NOON - timedelta(seconds=time_s)


def test_frames_that_the_motion_gate_held_back_are_not_counted(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, width_px=160, height_px=90, fps=FPS) as video:
        for _ in range(50):
            video.write(np.full((90, 160, 3), GREY, np.uint8))
        moved = np.full((90, 160, 3), GREY, np.uint8)
        moved[:45] = 200
        video.write(moved)
    camera = Camera(url=str(clip), fps=None, motion=0.01, motion_hold_s=1.0)
    # the gate is open for the first second, its ends included, and again when something moves
    assert began_at(camera, a_read(26, Box(x1=1, y1=1, x2=2, y2=2))) == NOON - timedelta(seconds=2)


def test_a_read_of_a_frame_that_the_file_does_not_have_tells_nothing(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=20)
    assert began_at(Camera(url=str(clip), fps=5.0), a_read(4, Box(x1=1, y1=1, x2=2, y2=2))) is None


def test_a_directory_of_pictures_of_several_sizes_becomes_a_video(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    _save(pictures / "1.png", np.full((200, 300, 3), 255, np.uint8))
    _save(pictures / "2.png", np.full((200, 100, 3), 255, np.uint8))
    reads = [(a_read(1, Box(x1=20, y1=100, x2=60, y2=120)), 7)]

    video = annotate("gate", Camera(url=str(pictures)), tmp_path / "out.mp4", reads, [a_row()])

    first, second = images(tmp_path / "out.mp4")
    assert first[150, 250].min() > 240
    assert second[150, 250].max() < 20
    assert video.appears_s == {7: 1.0}


def test_a_file_that_is_gone_leaves_no_video(tmp_path: Path) -> None:
    with pytest.raises(BadSource):
        annotate("gate", Camera(url=str(tmp_path / "gone.mp4")), tmp_path / "out.mp4", [], [])
    assert list(tmp_path.iterdir()) == []


def test_giving_up_leaves_no_video(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=10)

    def give_up(done: int, _total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate("gate", Camera(url=str(clip)), tmp_path / "out.mp4", [], [], progress=give_up)
    assert list(tmp_path.iterdir()) == [clip]


def test_progress_counts_the_frames_of_the_file(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=10)
    told: list[tuple[int, int | None]] = []
    annotate("gate", Camera(url=str(clip)), tmp_path / "out.mp4", [], [], progress=lambda *done: told.append(done))
    assert told == [(number, 10) for number in range(1, 11)]


def _drawn(box: Box, rows: Iterable[EventRow]) -> Image:
    canvas = Canvas("gate", width_px=640, height_px=360)
    canvas.begin(np.full((360, 640, 3), GREY, np.uint8))
    for row in rows:
        canvas.draw_event(box, row)
    canvas.draw_bar("0:00.0")
    return canvas.pixels


@pytest.mark.parametrize(
    "box",
    [
        Box(x1=-20, y1=-10, x2=30, y2=8),
        Box(x1=600, y1=340, x2=700, y2=380),
        Box(x1=0, y1=0, x2=640, y2=360),
    ],
)
def test_a_label_stays_in_the_picture_whatever_the_box(box: Box) -> None:
    assert reds(_drawn(box, [a_row()])) is not None


def test_two_labels_at_one_place_do_not_hide_each_other() -> None:
    box = Box(x1=300, y1=170, x2=380, y2=190)
    alone = (_drawn(box, [a_row()])[:360, :, 2] > 180).sum()
    both = (_drawn(box, [a_row(), a_row(id=8)])[:360, :, 2] > 180).sum()
    assert both > 1.7 * alone


def test_the_drawing_leaves_the_picture_given_alone() -> None:
    image = np.full((360, 640, 3), GREY, np.uint8)
    canvas = Canvas("gate", width_px=640, height_px=360)
    canvas.begin(image)
    canvas.draw_event(Box(x1=300, y1=170, x2=380, y2=190), a_row())
    assert (image == GREY).all()


def _save(path: Path, image: Image) -> None:
    assert cv2.imwrite(str(path), image)
