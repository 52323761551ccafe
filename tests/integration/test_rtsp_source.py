"""A camera that comes, goes, freezes and returns; the server is GStreamer's, in a process of its own."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from anpr.errors import BadSource
from ingest.source import open_source
from tests.clips import FPS, a_clip, number_in

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parent.parent / "rtsp_server.py"
GROWTH_BYTES = 40e6  # several times what the decoded frames in flight take
CLIP_FRAMES = 100


def _has_gstreamer() -> bool:
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not _has_gstreamer(), reason="needs the Debian packages gir1.2-gst-rtsp-server-1.0 and python3-gi"
)


class Server:
    """An RTSP server on one port of 127.0.0.1, that can be killed, frozen and started again."""

    def __init__(self, *options: str) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self._options = options
        self.start()

    def url(self, credentials: str = "") -> str:
        return f"rtsp://{credentials}127.0.0.1:{self.port}/camera"

    def start(self) -> None:
        command = [SYSTEM_PYTHON, str(SERVER), "--port", str(self.port), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    server = Server(*options)
    try:
        yield server
    finally:
        server.kill()


class Watcher:
    """Reads a source in a thread, as ingest does, and remembers when the last frame came."""

    def __init__(self, url: str) -> None:
        self.stop = threading.Event()
        self.source = open_source(url, stop=self.stop)
        self.frames = 0
        self.times_s: list[float] = []
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def wait_for_frames(self, count: int, *, within_s: float) -> None:
        """Until `count` more frames came."""
        wanted, limit_s = self.frames + count, time.monotonic() + within_s
        while self.frames < wanted:
            assert time.monotonic() < limit_s, f"only {self.frames} of {wanted} frames after {within_s} s"
            time.sleep(0.02)

    def wait_for_silence(self) -> None:
        """Until no frame came for a second."""
        frames = -1
        while frames != self.frames:
            frames = self.frames
            time.sleep(1)

    def close(self) -> float:
        """Stop; the seconds that took."""
        began_s = time.monotonic()
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return time.monotonic() - began_s

    def _watch(self) -> None:
        for frame in self.source:
            self.frames += 1
            self.times_s.append(frame.time_s)
            if self.frames % 5 == 0:
                frame.image()


def wait_for_threads(count: int, *, within_s: float) -> None:
    limit_s = time.monotonic() + within_s
    while threading.active_count() > count:
        assert time.monotonic() < limit_s, [thread.name for thread in threading.enumerate()]
        time.sleep(0.05)


def test_a_camera_gives_its_frames_in_order_with_wall_clock_times(tmp_path):
    clip = a_clip(tmp_path / "road.mp4", frames=CLIP_FRAMES)
    with serving("--clip", str(clip)) as server, open_source(server.url()) as source:
        seen = []
        for frame in source:
            lag_s = time.time() - frame.captured_at.timestamp()
            seen.append((number_in(frame.image()), frame.time_s, lag_s))
            if len(seen) == 75:
                break
    numbers = [number for number, _, _ in seen]
    assert numbers == [(numbers[0] + n) % CLIP_FRAMES for n in range(75)]
    times_s = [time_s for _, time_s, _ in seen]
    assert times_s == sorted(times_s)
    assert max(abs(lag_s) for _, _, lag_s in seen) < 1
    assert (source.is_live, source.width_px, source.fps, source.corrupt, source.shed) == (True, 160, FPS, 0, 0)


def test_a_busy_reader_loses_the_oldest_frames_and_they_are_counted(tmp_path):
    clip = a_clip(tmp_path / "road.mp4", frames=CLIP_FRAMES)
    with serving("--clip", str(clip)) as server, open_source(server.url()) as source:
        frames = iter(source)
        limit_s = time.monotonic() + 2.5  # past the burst at the beginning, which waits for the reader
        numbers = [number_in(next(frames).image())]
        while time.monotonic() < limit_s:
            numbers.append(number_in(next(frames).image()))
        time.sleep(1)
        numbers += [number_in(next(frames).image()) for _ in range(20)]
        skipped = sum((b - a) % CLIP_FRAMES - 1 for a, b in pairwise(numbers))
        assert skipped > 5
        assert source.shed == skipped


def test_the_right_password_opens_and_the_wrong_one_gets_a_clear_line_without_it():
    with serving("--user", "joe", "--password", "s3cr@t") as server:
        with open_source(server.url("joe:s3cr@t@")) as source:
            assert next(iter(source)).image().shape == (240, 320, 3)
        with (
            open_source(server.url("joe:wr0ng@")) as source,
            pytest.raises(BadSource, match="wrong user name") as caught,
        ):
            next(iter(source))
    shown = f"{caught.value} {caught.value.__cause__!s} {caught.value.__cause__!r} {source.name}"
    assert "wr0ng" not in shown
    assert "joe" not in shown


def test_a_camera_that_is_killed_or_freezes_is_lost_and_comes_back_in_the_same_memory(capsys):
    threads = threading.active_count()
    with serving() as server:
        watcher = Watcher(server.url("any:s3cret@"))
        try:
            watcher.wait_for_frames(30, within_s=10)
            memory = psutil.Process().memory_info().rss

            server.kill()
            watcher.wait_for_silence()
            server.start()
            watcher.wait_for_frames(20, within_s=15)
            assert watcher.source.reconnects == 1

            server.freeze()
            time.sleep(12)
            server.thaw()
            watcher.wait_for_frames(20, within_s=15)
            assert watcher.source.reconnects == 2

            server.freeze()
            watcher.wait_for_silence()
            server.kill()
            server.start()
            watcher.wait_for_frames(20, within_s=15)
            assert watcher.source.reconnects == 3

            server.freeze()
            watcher.wait_for_silence()
            assert watcher.close() < 2
        finally:
            watcher.close()
        wait_for_threads(threads, within_s=8)
    assert psutil.Process().memory_info().rss - memory < GROWTH_BYTES
    assert watcher.times_s == sorted(watcher.times_s)
    log = capsys.readouterr()
    lines = (log.out + log.err).splitlines()
    assert [sum(word in line for line in lines) for word in ("camera.lost", "camera.back")] == [3, 3]
    assert not any("s3cret" in line for line in lines)


def test_a_camera_that_is_away_from_the_start_is_waited_for():
    with serving() as server:
        server.kill()
        watcher = Watcher(server.url())
        try:
            time.sleep(1)
            server.start()
            watcher.wait_for_frames(5, within_s=15)
            assert watcher.source.reconnects == 0
        finally:
            watcher.close()


def test_connections_that_are_closed_leave_no_memory_and_no_thread(tmp_path):
    clip = a_clip(tmp_path / "road.mp4", frames=CLIP_FRAMES)
    threads = threading.active_count()
    with serving("--clip", str(clip)) as server:
        memory = 0
        for number in range(5):
            with open_source(server.url()) as source:
                next(iter(source)).image()
            if number == 1:
                memory = psutil.Process().memory_info().rss
        wait_for_threads(threads, within_s=8)
    assert psutil.Process().memory_info().rss - memory < GROWTH_BYTES
