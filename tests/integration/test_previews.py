"""What a camera sees, from its ingest through Redis to whoever asks the API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from api_server import JPEG, a_key, asking, held_for
from clips import HEIGHT_PX, WIDTH_PX, a_clip
from pipeline import until
from redis import Redis

from anpr import config
from ingest.pictures import Picture
from ingest.preview import Preview, shrunk
from ingest.run import run
from ingest.sample import RegionOfInterest
from storage import sessions
from storage.db import Database
from storage.keys import Role
from workers import preview_frames, queues
from workers.frames import decode
from workers.preview_frames import KEPT_S, PreviewFrame

LOWER_HALF = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]
TAKEN_AT = datetime(2026, 5, 1, 8, 0, 0, 123456, tzinfo=UTC)


@contextmanager
def ingesting(database_url: str, redis_url: str, clip: Path, **camera: object) -> Iterator[None]:
    """The ingest of a file that waits for workers after its first frames."""
    plain = {"database_url": database_url, "redis_url": redis_url, "queue": {"max_frames": 8, "batch": 2}}
    plain |= {"cameras": {"gate": {"url": str(clip), **camera}}}
    settings = config.build(plain, where="test", environ={})
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settings, settings.cameras, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def frames_in(redis: Redis) -> int:
    return sum(redis.xlen(key) for key in redis.scan_iter(match="anpr:frames:*"))


def a_frame(grey: int) -> Picture:
    return Picture(np.full((60, 80, 3), grey, np.uint8), time_s=0.0)


def is_bright(redis: Redis, camera: str) -> bool:
    kept = preview_frames.get(redis, camera)
    image = None if kept is None else decode(kept.jpeg)
    assert image is not None
    return float(image.mean()) > 128


def test_ingest_shows_the_region_of_a_camera_for_two_minutes(
    database: Database, database_url: str, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    before = datetime.now(UTC)
    with ingesting(database_url, redis_url, a_clip(tmp_path / "clip.mp4"), regions=[LOWER_HALF]):
        found = until(lambda: preview_frames.get(redis, "gate"), within_s=20, what="a preview")
        assert 0 < redis.ttl("anpr:preview:gate") <= KEPT_S
    assert found is not None
    image = decode(found.jpeg)
    assert image is not None
    assert image.shape == (HEIGHT_PX // 2, WIDTH_PX, 3)
    assert before <= found.taken_at <= datetime.now(UTC)


def test_ingest_goes_on_where_redis_refuses_previews(
    database: Database, database_url: str, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    redis.set("anpr:preview:gate", "no hash")
    with ingesting(database_url, redis_url, a_clip(tmp_path / "clip.mp4")):
        until(lambda: frames_in(redis) == 8, within_s=20, what="frames in Redis")
        with database.transaction() as conn:
            assert [one.ended_at for one in sessions.unsettled(conn)] == [None]
    assert redis.get("anpr:preview:gate") == b"no hash"


def test_a_preview_is_taken_once_in_a_while_and_replaces_the_one_before(redis: Redis) -> None:
    rare = Preview("rare", redis=redis, region=RegionOfInterest())
    often = Preview("often", redis=redis, region=RegionOfInterest(), every_s=0)
    for grey in (0, 255):
        for one in (rare, often):
            one.offer(a_frame(grey))
            one.send()
    assert {name: is_bright(redis, name) for name in ("rare", "often")} == {"rare": False, "often": True}


def test_a_preview_that_cannot_be_sent_is_let_go_of(redis: Redis) -> None:
    away = queues.connect("redis://127.0.0.1:9/0")
    one = Preview("gate", redis=away, region=RegionOfInterest(), every_s=0)
    one.offer(a_frame(20))
    one.send()
    away.close()
    assert preview_frames.get(redis, "gate") is None


def test_a_preview_is_shrunk_by_the_width_of_the_whole_picture() -> None:
    image = np.full((1080, 1920, 3), 255, np.uint8)
    assert shrunk(image, RegionOfInterest()).shape == (135, 240, 3)
    triangle = shrunk(image, RegionOfInterest([[(0.5, 0.0), (1.0, 0.0), (1.0, 1.0)]]))
    assert triangle.shape == (135, 120, 3)
    assert (triangle[-10, 10].max(), triangle[10, -10].min()) == (0, 255)
    assert shrunk(image[:, :200], RegionOfInterest()).shape == (1080, 200, 3)


def test_the_api_hands_out_the_preview_of_a_camera_and_says_when_it_was_taken(
    database: Database, database_url: str, redis: Redis
) -> None:
    name = "gate/north & south"
    with database.transaction() as conn:
        for one in ("a", name):
            sessions.camera_id(conn, one, toll_country="CZ")
    preview_frames.put(redis, name, PreviewFrame(taken_at=TAKEN_AT, jpeg=JPEG))
    with held_for(database_url) as held, asking(replace(held, redis=redis), a_key(database, Role.VIEWER)) as client:
        cameras = client.get("/api/cameras").json()["cameras"]
        assert [one["preview_at"] for one in cameras] == [None, "2026-05-01T08:00:00.123456Z"]
        answer = asked(client, name, since=cameras[1]["preview_at"])
        assert (answer.status_code, answer.content) == (200, JPEG)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
        assert asked(client, name).content == JPEG
        assert asked(client, name, since=(TAKEN_AT + timedelta(microseconds=1)).isoformat()).status_code == 404
        assert asked(client, "a").status_code == 404


def test_previews_are_for_those_who_may_look(database: Database, database_url: str, redis: Redis) -> None:
    preview_frames.put(redis, "gate", PreviewFrame(taken_at=TAKEN_AT, jpeg=JPEG))
    wanted = {Role.VIEWER: 200, Role.REVIEWER: 200, Role.ADMIN: 200, Role.CAMERA: 403}
    with held_for(database_url) as held, asking(replace(held, redis=redis)) as client:
        for role, status in wanted.items():
            headers = {"Authorization": f"Bearer {a_key(database, role)}"}
            assert client.get("/api/cameras/preview?camera=gate", headers=headers).status_code == status, role
        assert client.get("/api/cameras/preview?camera=gate").status_code == 401


def test_cameras_are_told_though_redis_is_away(database: Database, database_url: str) -> None:
    with database.transaction() as conn:
        sessions.camera_id(conn, "gate", toll_country="CZ")
    key = a_key(database)
    for redis in (None, queues.connect("redis://127.0.0.1:9/0")):
        with held_for(database_url) as held, asking(replace(held, redis=redis), key) as client:
            assert client.get("/api/cameras").json()["cameras"][0]["preview_at"] is None
            assert asked(client, "gate").status_code == 404


def asked(client: httpx.Client, camera: str, **more: str) -> httpx.Response:
    return client.get("/api/cameras/preview", params={"camera": camera, **more})
