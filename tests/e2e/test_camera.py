"""A live camera through ingest and workers: lost and found again, and seen by workers that are too slow."""

import signal
import time

import psutil
from pipeline import until

from tests.integration.test_rtsp_source import pytestmark, serving
from workers import frames

__all__ = ["pytestmark"]
BACK_S = 15.0
GROWTH_BYTES = 60e6  # a leak of every frame of the outage and after would be several times this


def test_cameras_that_are_cut_and_frozen_come_back_and_all_adds_up(pipeline, clip):
    names = ("cut", "frozen")
    with serving("--clip", str(clip.path)) as cut, serving("--clip", str(clip.path)) as frozen:
        pipeline.start(
            "cameras",
            "ingest",
            cameras={"cut": {"url": cut.url(), "fps": 4}, "frozen": {"url": frozen.url(), "fps": 4}},
        )
        for name in names:
            pipeline.started(name, frames=8)
        ingest = psutil.Process(pipeline.processes["cameras"].pid)
        memory = ingest.memory_info().rss

        cut.kill()
        frozen.freeze()
        until(lambda: len(pipeline.said("cameras", "camera.lost")) == 2, within_s=BACK_S, what="both are missed")
        before = {name: pipeline.started(name).sampled for name in names}
        cut.start()
        frozen.thaw()
        back_s = time.monotonic()
        for name in names:
            until(
                lambda name=name: pipeline.started(name).sampled > before[name] + 2,
                within_s=back_s + BACK_S - time.monotonic(),
                what=f"{name} goes on",
            )
        print(f"went on after {time.monotonic() - back_s:.1f} s")
        print(f"grew by {(ingest.memory_info().rss - memory) / 1e6:.1f} MB")
        assert ingest.memory_info().rss - memory < GROWTH_BYTES
        assert pipeline.stop("cameras") == 0
    for name in names:
        session = pipeline.settled(name)
        assert session.reconnects == 1
        assert session.sampled > before[name]


def test_frames_that_nobody_comes_to_are_shed_oldest_first_and_counted(pipeline, clip):
    with serving("--clip", str(clip.path)) as server:
        pipeline.ingest("slow", url=server.url(), queue={"max_frames": 8, "batch": 2})
        pipeline.started("slow", frames=4)
        detect = pipeline.processes["detect"]
        detect.send_signal(signal.SIGSTOP)
        try:
            session = pipeline.started("slow")
            until(lambda: pipeline.started("slow").shed > 8, within_s=20, what="8 are shed")
            waiting = frames.waiting(pipeline.redis, session.id, most=100)
            assert len(waiting) <= 8
            newest = waiting[2:]  # the detector may have been stopped with a batch of two in hand
            assert newest == list(range(newest[0], newest[0] + len(newest)))
            assert newest[0] > 8
        finally:
            detect.send_signal(signal.SIGCONT)
        pipeline.started("slow", frames=max(waiting) + 4)
        assert pipeline.stop("slow") == 0
    session = pipeline.settled("slow")
    assert session.shed > 8
    assert (session.expired, session.failed) == (0, 0)
    assert session.no_plate + session.read > 8
