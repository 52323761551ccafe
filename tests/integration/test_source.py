from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from anpr.errors import AnprError, BadSource, Unavailable
from ingest.decode import PACKETS_WITHOUT_FRAME
from ingest.encode import VideoWriter, encode_jpeg
from ingest.source import open_source
from tests.clips import HEIGHT_PX, WIDTH_PX, a_clip, a_picture, cut, damaged, number_in


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _without_pictures(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no pictures here")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return a_clip(tmp_path_factory.mktemp("clip") / "road.mp4", frames=50, created_at="2026-05-04T10:00:00Z")


def test_a_file_gives_every_frame_with_its_time_and_pixels(clip):
    with open_source(str(clip)) as source:
        facts = source.is_live, source.width_px, source.height_px, source.fps, source.frame_count
        frames = [(number_in(frame.image()), round(frame.time_s, 3)) for frame in source]
    assert facts == (False, WIDTH_PX, HEIGHT_PX, 25.0, 50)
    assert frames == [(n, n / 25) for n in range(50)]
    assert (source.corrupt, source.shed, source.reconnects) == (0, 0, 0)


def test_colours_and_shape_are_those_of_the_scene(clip):
    with open_source(str(clip)) as source:
        image = next(iter(source)).image()
    assert (image.shape, image.dtype) == ((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    assert float(np.abs(image.astype(int) - a_picture(0)).mean()) < 4


def test_a_thumbnail_is_grey_and_shows_the_same_scene(clip):
    with open_source(str(clip)) as source:
        grey = next(iter(source)).grey(64)
    want = cv2.cvtColor(cv2.resize(a_picture(0), (64, 48), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    assert grey.shape == (48, 64)
    assert float(np.abs(grey.astype(int) - want).mean()) < 8


def test_a_recording_that_knows_its_start_dates_its_frames(clip):
    start = datetime(2026, 5, 4, 10, tzinfo=UTC)
    with open_source(str(clip)) as source:
        captured = [frame.captured_at for frame in source]
    assert source.started_at == start
    assert captured[25] == start + timedelta(seconds=1)


def test_frames_of_a_b_frame_clip_come_in_the_order_of_time(tmp_path):
    with open_source(str(a_clip(tmp_path / "b.mp4", b_frames=2))) as source:
        assert [number_in(frame.image()) for frame in source] == list(range(50))


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    stamps = [0, 1, 2, 10, 11, 40, 41, 75]
    with open_source(str(a_clip(tmp_path / "vfr.mp4", stamps=stamps))) as source:
        assert [round(frame.time_s * 25) for frame in source] == stamps


@pytest.mark.parametrize(
    ("rotation", "turn"), [(90, cv2.ROTATE_90_COUNTERCLOCKWISE), (-90, cv2.ROTATE_90_CLOCKWISE), (180, cv2.ROTATE_180)]
)
def test_a_video_held_sideways_comes_upright(tmp_path, rotation, turn):
    want = cv2.rotate(a_picture(0), turn)
    with open_source(str(a_clip(tmp_path / "phone.mp4", frames=3, rotation=rotation))) as source:
        frame = next(iter(source))
        image, grey = frame.image(), frame.grey(60)
    assert (source.height_px, source.width_px) == image.shape[:2] == want.shape[:2]
    assert float(np.abs(image.astype(int) - want).mean()) < 4
    assert grey.shape == (round(60 * want.shape[0] / want.shape[1]), 60)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: folder / "none.mp4", "no such file"),
        (lambda folder: _written(folder / "text.mp4", b"a shopping list\n" * 99), "not a video"),
        (lambda folder: _written(folder / "text.txt", b"a shopping list\n" * 99), "holds no video"),
        (lambda folder: _written(folder / "empty.mp4", b""), "not a video"),
        (lambda folder: _written(folder / "text.jpg", b"a shopping list"), "not a picture"),
        (lambda folder: cut(a_clip(folder / "clip.mp4"), to=0.02), "not a video|holds no"),
        (_without_pictures, "holds no jpg, png or webp"),
        (lambda folder: f"ftp://joe:secret@{folder.name}/x.mp4", r"cannot open ftp://"),
        (lambda _: "rtsp://joe:pass/word@cam/live", r"port is not a number"),
    ],
)
def test_what_is_no_source_gets_one_clear_line(tmp_path, make, complaint):
    with pytest.raises(BadSource, match=complaint) as caught:
        open_source(str(make(tmp_path)))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_clip_cut_short_gives_what_is_left_and_counts_the_rest_once(tmp_path):
    with open_source(str(cut(a_clip(tmp_path / "clip.mp4", frames=100), to=0.6))) as source:
        numbers = [number_in(frame.image()) for frame in source]
    assert 20 < len(numbers) < 90
    assert numbers == list(range(len(numbers)))
    assert source.corrupt == 1


def test_damage_in_the_middle_is_counted_and_the_rest_still_comes(tmp_path):
    broken = damaged(a_clip(tmp_path / "clip.mp4", frames=100), share=(0.5, 0.6), every=7)
    with open_source(str(broken)) as source:
        numbers = [number_in(frame.image()) for frame in source]
    assert numbers[:30] == list(range(30))
    assert numbers[-30:] == list(range(70, 100))
    assert source.corrupt > 0


def test_a_file_that_stays_broken_is_given_up(tmp_path):
    clip = a_clip(tmp_path / "clip.mp4", frames=PACKETS_WITHOUT_FRAME + 400)
    with (
        pytest.raises(BadSource, match=r"no frame in \d+ packets"),
        open_source(str(damaged(clip, share=(0.35, 1.0), every=1))) as source,
    ):
        for _ in source:
            pass


def test_pictures_come_in_the_order_people_count(tmp_path):
    for number in (2, 10, 1):
        cv2.imwrite(str(tmp_path / f"car{number}.png"), a_picture(number))
    (tmp_path / "car3.jpg").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("not one either")
    with open_source(str(tmp_path)) as source:
        numbers = [(number_in(frame.image()), frame.time_s) for frame in source]
    assert numbers == [(1, 0.0), (2, 1.0), (10, 3.0)]
    assert (source.frame_count, source.corrupt, source.width_px, source.height_px) == (4, 1, WIDTH_PX, HEIGHT_PX)


@pytest.mark.parametrize("suffix", [".jpg", ".PNG", ".webp"])
def test_a_single_picture_is_one_frame(tmp_path, suffix):
    path = tmp_path / f"car{suffix}"
    cv2.imwrite(str(path), a_picture(5))
    with open_source(str(path)) as source:
        assert [number_in(frame.image()) for frame in source] == [5]


def test_a_recording_on_a_server_that_is_away_may_be_tried_again():
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        open_source("http://joe:secret@127.0.0.1:1/day.mp4?token=secret")
    shown = f"{caught.value} {caught.value.__cause__} {caught.value.__cause__!r}"
    assert "secret" not in shown


def test_what_the_writer_wrote_is_a_playable_video(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, width_px=WIDTH_PX + 1, height_px=HEIGHT_PX, fps=12.5) as writer:
        for number in range(20):
            writer.write(np.pad(a_picture(number), ((0, 0), (0, 1), (0, 0))))
        assert not path.exists()
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        facts = video.codec_context.name, video.pix_fmt, video.width, video.height, float(video.average_rate)
    assert facts == ("h264", "yuv420p", WIDTH_PX, HEIGHT_PX, 12.5)
    with open_source(str(path)) as source:
        assert [number_in(frame.image()) for frame in source] == list(range(20))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), VideoWriter(tmp_path / "out.mp4", width_px=32, height_px=32, fps=5) as writer:  # noqa: PT012
        writer.write(np.zeros((32, 32, 3), np.uint8))
        raise KeyError("of the caller")
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_cannot_be_written_gets_one_clear_line(tmp_path):
    with pytest.raises(AnprError, match=r"none/out\.mp4: cannot be written: No such file"):
        VideoWriter(tmp_path / "none" / "out.mp4", width_px=32, height_px=32, fps=5)


def test_a_jpeg_shows_the_picture():
    data = encode_jpeg(a_picture(7), quality=95)
    assert number_in(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)) == 7
