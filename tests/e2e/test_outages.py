"""Postgres, Redis and the disk for evidence are away for a while: one clear line, and nothing accepted is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from all_in_one import run
from pipeline import EVERY_FRAME, QUEUE, Pipeline, found, until
from servers import open_directory

AWAY_S = 5.0
RECOVERY_S = 15.0


def test_a_postgres_that_stops_in_mid_run_and_comes_back_loses_nothing(pipeline, own_servers, clip, undisturbed):
    before = {stage: len(pipeline.said(stage)) for stage in ("detect", "read", "check")}
    pipeline.ingest("postgres", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
    pipeline.started("postgres", frames=8)
    own_servers.kill("postgres", signal.SIGINT)
    time.sleep(AWAY_S)
    own_servers.embedded.poll()
    back_s = time.monotonic()
    accounted = pipeline.started("postgres").accounted
    pipeline.started("postgres", frames=accounted + 1, within_s=RECOVERY_S)
    print(f"went on {time.monotonic() - back_s:.1f} s after Postgres came back")
    session = pipeline.settled("postgres")
    assert (session.sampled, session.expired, session.failed) == (clip.frames, 0, 0)
    assert found(pipeline.database, session) == undisturbed
    for name in ("detect", "read", "check"):
        lines = [line["event"] for line in told(pipeline, name, before[name])]
        assert [event for event in lines if event.startswith("worker.")] in (
            [],
            ["worker.waits", "worker.goes_on"],
        )
    assert told(pipeline, "detect", before["detect"])
    assert [line["event"] for line in told(pipeline, "postgres")] == [
        "session.started", "ingest.postgres_away", "ingest.postgres_back", "session.ended",
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system that is full")
def test_a_full_disk_for_evidence_makes_the_readers_wait_and_nothing_is_lost(pipeline, clip, undisturbed):
    before = len(pipeline.said("read"))
    with small_disk(pipeline.evidence_dir) as enlarge:
        pipeline.ingest("disk", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
        until(lambda: told(pipeline, "read", before), within_s=40, what="the reader waits for space")
        time.sleep(AWAY_S)
        [waits] = told(pipeline, "read", before)
        assert (waits["event"], waits["level"]) == ("worker.waits", "warning")
        assert str(pipeline.evidence_dir) in waits["why"]
        enlarge()
        session = pipeline.settled("disk")
        assert (session.sampled, session.expired, session.failed) == (clip.frames, 0, 0)
        assert found(pipeline.database, session) == undisturbed
        assert [line["event"] for line in told(pipeline, "read", before)] == ["worker.waits", "worker.goes_on"]


def told(pipeline: Pipeline, name: str, skip: int = 0) -> list[dict[str, Any]]:
    """What a process said above debug, after its first lines."""
    return [line for line in pipeline.said(name)[skip:] if line["level"] != "debug"]


@contextmanager
def small_disk(directory: Path) -> Iterator[Callable[[], None]]:
    """A file system of 32 KB at `directory`; yields what makes it large."""
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "small", directory], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=16m", directory], check=True) and None
    finally:
        subprocess.run(["umount", directory], check=True)


def test_processes_that_start_before_redis_wait_for_it(pipeline, own_servers, clip):
    own_servers.kill("redis", signal.SIGTERM)
    pipeline.start("early-worker", "worker", "check")
    pipeline.ingest("early", url=str(clip.path))
    until(lambda: told(pipeline, "early-worker"), within_s=30, what="the worker says what it waits for")
    until(lambda: pipeline.said("early", "ingest.redis_away"), within_s=30, what="ingest says what it waits for")
    time.sleep(2)
    [waits] = told(pipeline, "early-worker")
    assert (waits["event"], waits["level"], "redis.sock" in waits["why"]) == ("worker.waits", "warning", True)
    own_servers.embedded.poll()
    until(lambda: pipeline.said("early-worker", "worker.ready"), within_s=RECOVERY_S, what="the worker goes on")
    session = pipeline.settled("early")
    assert (session.offered, session.complete, session.expired, session.failed) == (clip.frames, True, 0, 0)
    assert [line["event"] for line in told(pipeline, "early")] == [
        "session.started", "ingest.redis_away", "ingest.redis_back", "session.ended",
    ]  # fmt: skip
    assert pipeline.stop("early-worker") == 0


def test_a_run_on_servers_that_are_away_ends_at_once_with_one_line(own_servers, clip, tmp_path):
    nowhere = f"unix://{tmp_path}/nobody.sock"
    with open_directory() as directory:
        status, _, err = run(directory / "data", clip.path, DATABASE_URL=own_servers.database_url, REDIS_URL=nowhere)
        assert (status, len(err.splitlines()), "nobody.sock" in err) == (1, 1, True), err
        away = f"postgresql://anpr@/anpr?host={tmp_path}"
        status, _, err = run(directory / "data", clip.path, DATABASE_URL=away, REDIS_URL=own_servers.redis_url)
        assert (status, len(err.splitlines()), str(tmp_path) in err) == (1, 1, True), err


def test_a_worker_that_is_told_to_stop_as_redis_goes_away_stops(pipeline, own_servers):
    pipeline.start("stopped", "worker", "check")
    until(lambda: pipeline.said("stopped", "worker.ready"), within_s=30, what="the worker is ready")
    own_servers.kill("redis", signal.SIGKILL)
    began_s = time.monotonic()
    pipeline.stop("stopped")
    assert time.monotonic() - began_s < 8
    own_servers.embedded.poll()
