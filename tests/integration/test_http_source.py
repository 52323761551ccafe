"""Cameras and recordings behind HTTP, served by Python's own server."""

import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import pytest

from ingest.source import open_source
from tests.clips import FPS, a_clip, a_picture, number_in

MJPEG_GAP_S = 0.1


class Handler(SimpleHTTPRequestHandler):
    """Files, and at /mjpeg a camera that sends pictures for ever."""

    def do_GET(self) -> None:
        if self.path != "/mjpeg":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        number = 0
        try:
            while True:
                data = cv2.imencode(".jpg", a_picture(number))[1].tobytes()
                head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                number += 1
                time.sleep(MJPEG_GAP_S)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path) -> Iterator[str]:
    class Site(Handler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_recording_on_a_server_is_read_to_its_end(site, tmp_path):
    a_clip(tmp_path / "road.mp4")
    with open_source(f"{site}/road.mp4?token=secret") as source:
        numbers = [number_in(frame.image()) for frame in source]
    assert (source.is_live, source.name) == (False, f"{site}/road.mp4?token=***")
    assert numbers == list(range(50))


def test_a_camera_of_jpegs_has_times_of_its_arrival(site):
    with open_source(f"{site}/mjpeg") as source:
        seen = []
        for frame in source:
            seen.append((number_in(frame.image()), frame.time_s))
            if len(seen) == 25:
                break
    numbers, times_s = zip(*seen, strict=True)
    assert source.is_live
    assert list(numbers) == list(range(numbers[0], numbers[0] + 25))
    assert times_s[24] - times_s[14] == pytest.approx(10 * MJPEG_GAP_S, rel=0.4)


def test_a_live_playlist_flows_at_the_pace_it_was_taken(site, tmp_path):
    _playlist(tmp_path / "live.m3u8", ended=False)
    with open_source(f"{site}/live.m3u8") as source:
        seen = []
        for frame in source:
            seen.append((number_in(frame.image()), frame.time_s))
            if len(seen) == 50:
                break
    numbers, times_s = zip(*seen, strict=True)
    assert (source.is_live, source.shed) == (True, 0)
    assert list(numbers) == list(range(numbers[0], numbers[0] + 50))
    assert times_s[-1] == pytest.approx(49 / FPS, abs=0.3)


def test_an_ended_playlist_is_read_once_and_whole(site, tmp_path):
    _playlist(tmp_path / "done.m3u8", ended=True)
    with open_source(f"{site}/done.m3u8") as source:
        assert [number_in(frame.image()) for frame in source] == list(range(150))
    assert (source.shed, source.reconnects) == (0, 0)


def _playlist(path: Path, *, ended: bool) -> None:
    """Six segments of 25 frames."""
    options = {"hls_time": "1", "hls_list_size": "0"} | ({} if ended else {"hls_flags": "omit_endlist"})
    with av.open(str(path), "w", format="hls", container_options=options) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": "25", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(150):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(a_picture(number), "bgr24")))
        container.mux(stream.encode(None))
