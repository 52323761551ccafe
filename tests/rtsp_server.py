"""An RTSP server for tests:

    /usr/bin/python3 tests/rtsp_server.py --port 8554 [--clip FILE.mp4] [--user NAME --password WORD]

Serves rtsp://127.0.0.1:PORT/camera: an H.264 clip over and over, or a moving ball. Prints "ready" when it listens.
Runs on the system's Python, which has the GStreamer bindings (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi,
gstreamer1.0-plugins-base, -good, -bad, -ugly).
"""

import argparse
import itertools
from collections.abc import Iterator

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402 - GstApp gives appsink its methods

BALL = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! timeoverlay "
    "! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=15 ! rtph264pay name=pay0 pt=96 )"
)
CLIP = (
    "( appsrc name=clip is-live=true format=time ! h264parse ! video/x-h264,alignment=au ! rtph264pay name=pay0 pt=96 )"
)


def load(path: str) -> tuple[Gst.Caps, list[Gst.Buffer]]:
    """The access units of the video track, in the order of decoding."""
    pipeline = Gst.parse_launch(
        "filesrc name=file ! qtdemux ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au "
        "! appsink name=units sync=false"
    )
    pipeline.get_by_name("file").set_property("location", path)
    units = pipeline.get_by_name("units")
    pipeline.set_state(Gst.State.PLAYING)
    buffers, caps = [], None
    while (sample := units.pull_sample()) is not None:
        caps = sample.get_caps()
        buffers.append(sample.get_buffer())
    pipeline.set_state(Gst.State.NULL)
    return caps, buffers


class Camera(GstRtspServer.RTSPMediaFactory):
    """Feeds the clip to each client from its beginning."""

    def __init__(self, clip: str | None) -> None:
        super().__init__()
        self.set_launch(CLIP if clip else BALL)
        if clip:
            self._caps, self._buffers = load(clip)
            self.connect("media-configure", self._configure)

    def _configure(self, _factory: object, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_child_by_name("clip")
        source.set_property("caps", self._caps)
        source.connect("need-data", self._feed, itertools.count())

    def _feed(self, source: GstApp.AppSrc, _size: int, count: Iterator[int]) -> None:
        number = next(count)
        unit = self._buffers[number % len(self._buffers)]
        buffer = Gst.Buffer.new_wrapped(unit.extract_dup(0, unit.get_size()))
        buffer.duration = unit.duration
        buffer.pts = buffer.dts = number * unit.duration
        source.emit("push-buffer", buffer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--clip")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=options.port)
    camera = Camera(options.clip)
    if options.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
        server.set_auth(auth)
        role = Gst.Structure.new_empty("viewer")
        role.set_value("media.factory.access", True)
        role.set_value("media.factory.construct", True)
        camera.add_role_from_structure(role)
    server.get_mount_points().add_factory("/camera", camera)
    if not server.attach(None):
        raise SystemExit(f"cannot listen on port {options.port}")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
