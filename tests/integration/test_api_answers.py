"""What the API answers besides events: counts, cameras, checks, lists, plates of pictures."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import cv2
import httpx
import numpy as np
import pytest
from api_server import T0, a_key, an_event, asking, held_for
from redis import Redis

from anpr.types import VerdictStatus
from cli.demo.scene import Scene
from storage import sessions
from storage.db import Database
from storage.sessions import IngestCounters
from workers import rates

LIST = "toll_country,plate,kind,valid_from,valid_to\nCZ,1A23456,year,2026-01-01,2026-12-31\n"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def client(database: Database, database_url: str) -> Iterator[httpx.Client]:
    with held_for(database_url, read_at_once=2) as held, asking(held, a_key(database)) as one:
        yield one


def test_events_are_counted_by_hour_camera_and_verdict(database: Database, client: httpx.Client) -> None:
    an_event(database, at=T0)
    an_event(database, at=T0 + timedelta(minutes=59))
    an_event(database, at=T0 + timedelta(minutes=59), status=VerdictStatus.SUSPECT)
    an_event(database, at=T0 + timedelta(hours=1), camera="south", status=None)
    an_event(database, at=T0 + timedelta(days=1))
    query = {"from": "2026-05-01T12:00:00+02:00", "to": "2026-05-01T12:00:00Z"}
    found = client.get("/api/stats", params=query).json()
    assert found["from"] == "2026-05-01T10:00:00Z"
    assert [(one["hour"], one["camera"], one["verdict"], one["events"]) for one in found["counts"]] == [
        ("2026-05-01T10:00:00Z", "north", "SUSPECT", 1),
        ("2026-05-01T10:00:00Z", "north", "VALID", 2),
        ("2026-05-01T11:00:00Z", "south", None, 1),
    ]
    south = client.get("/api/stats", params=query | {"camera": "south"}).json()["counts"]
    assert [one["events"] for one in south] == [1]
    assert client.get("/api/stats", params={"from": "2026-01-01T00:00:00Z"}).status_code == 422
    backwards = client.get("/api/stats", params={"from": query["to"], "to": query["from"]})
    assert (backwards.status_code, backwards.json()["detail"]) == (422, "from, to: must be in this order")


def test_cameras_say_how_they_stand_and_where_their_frames_went(database: Database, client: httpx.Client) -> None:
    with database.transaction() as conn:
        sessions.camera_id(conn, "never", toll_country="AT")
        for name, is_live in (("north", True), ("south", False)):
            camera = sessions.camera_id(conn, name, toll_country="CZ")
            one = sessions.start(conn, camera=camera, source="x", key=name, is_live=is_live, expected_frames=None)
            counters = IngestCounters(offered=100, sampled_out=80, sampled=20)
            sessions.report(conn, one, counters, ended=not is_live)
            now = datetime.now(UTC)
            sessions.record(conn, one, [(0, now, sessions.FrameOutcome.READ), (1, now, sessions.FrameOutcome.SHED)])
    never, north, south = client.get("/api/cameras").json()["cameras"]
    assert (never["name"], never["state"], never["counters"]) == ("never", "never ran", None)
    assert (north["name"], north["state"], north["is_live"]) == ("north", "running", True)
    assert 0 <= north["lag_s"] < 60
    assert north["health"] == 0.5
    counters = north["counters"]
    assert (counters["offered"], counters["read"], counters["shed"], counters["waiting"]) == (100, 1, 1, 18)
    assert (south["state"], south["lag_s"], south["last_frame_at"] is not None) == ("finishing", None, True)
    with database.transaction() as conn:
        conn.execute("update sessions set seen_at = now() - interval '1 minute'")
    assert client.get("/api/cameras").json()["cameras"][1]["state"] == "gone"


def test_a_camera_that_sends_no_frames_is_silent_though_its_ingest_runs(
    database: Database, database_url: str, redis: Redis
) -> None:
    with database.transaction() as conn:
        camera = sessions.camera_id(conn, "north", toll_country="CZ")
        one = sessions.start(conn, camera=camera, source="x", key="north", is_live=True, expected_frames=None)
        sessions.report(conn, one, IngestCounters())
        running = sessions.unsettled(conn)
    rates.note(redis, running)
    [(entry, noted)] = cast("list[tuple[bytes, dict[Any, Any]]]", redis.xrange(rates.NOTES))
    redis.delete(rates.NOTES, rates.NOTED)
    redis.xadd(rates.NOTES, noted, id=f"{int(entry.split(b'-')[0]) - 20_000}-0")
    rates.note(redis, running)
    with held_for(database_url) as held, asking(replace(held, redis=redis), a_key(database)) as client:
        [north] = client.get("/api/cameras").json()["cameras"]
    assert (north["state"], north["fps"]) == ("silent", {"offered": 0.0, "processed": 0.0})


def test_a_list_is_imported_all_or_nothing_and_checks_go_by_it(client: httpx.Client) -> None:
    query = {"plate": "1a2 3456", "country": "cz", "at": "2026-05-01T08:00:00+02:00"}
    assert client.get("/api/check", params=query).json()["answer"] == "unknown"
    told = client.post("/api/vignettes/import", content=LIST, headers=CSV)
    assert told.status_code == 200, told.text
    assert told.json()["told"][0].startswith("imported 1 vignette for CZ as of ")
    assert " from upload by " in told.json()["told"][0]
    assert "anpr-list-" not in told.text
    checked = client.get("/api/check", params=query).json()
    assert (checked["plate"], checked["answer"]) == ("1A23456", "valid")
    assert checked["vignette"]["kind"] == "year"
    other = client.get("/api/check", params=query | {"plate": "IA23456"}).json()
    assert (other["answer"], [one["plate"] for one in other["look_alikes"]]) == ("no vignette", ["1A23456"])

    wrong = client.post("/api/vignettes/import", content=LIST + "CZ,!,year,x,y\n", headers=CSV)
    assert (wrong.status_code, wrong.json()["detail"].startswith("upload.csv")) == (422, True)
    assert client.post("/api/vignettes/import", content=LIST, headers={"Content-Type": "text/plain"}).status_code == 415
    refused = client.post("/api/vignettes/import", params={"rows": "2"}, content=LIST, headers=CSV)
    assert refused.status_code == 422
    signed = client.post("/api/vignettes/import", content=LIST, headers=CSV | {"X-Signature": "c2lnbmVk"})
    assert (signed.status_code, signed.json()["detail"].startswith("upload.csv")) == (422, True)
    assert client.get("/api/check", params=query).json()["answer"] == "valid"
    assert client.get("/api/check", params=query | {"country": "XX"}).status_code == 422


def test_a_list_of_json_updates_the_one_in_force(client: httpx.Client) -> None:
    client.post("/api/vignettes/import", content=LIST, headers=CSV)
    new = {"plate": "5B67890", "kind": "year", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}
    told = client.post("/api/vignettes/import", params={"update": "true", "country": "CZ"}, json=[new])
    assert told.status_code == 200, told.text
    for plate in ("1A23456", "5B67890"):
        query = {"plate": plate, "at": "2026-05-01T08:00:00Z"}
        assert client.get("/api/check", params=query).json()["answer"] == "valid"


def test_the_plates_of_a_picture_come_in_the_form_of_the_field(client: httpx.Client) -> None:
    frame = Scene(7).frame(44)
    jpeg = cv2.imencode(".jpg", frame)[1].tobytes()
    reply = client.post("/api/read", files={"upload": ("car.jpg", jpeg, "image/jpeg")}).json()
    assert (reply["filename"], reply["version"]) == ("car.jpg", 1)
    assert reply["processing_time"] > 0
    datetime.fromisoformat(reply["timestamp"])
    assert reply["results"]
    best = reply["results"][0]
    assert set(best) == {"plate", "score", "dscore", "box", "region", "candidates"}
    assert best["plate"] == best["candidates"][0]["plate"]
    assert 0 <= best["box"]["xmin"] < best["box"]["xmax"] <= frame.shape[1]
    assert 0 <= best["box"]["ymin"] < best["box"]["ymax"] <= frame.shape[0]
    raw = client.post("/api/read", content=jpeg, headers={"Content-Type": "image/jpeg"}).json()
    assert (raw["filename"], raw["results"]) == ("", reply["results"])


def test_what_is_no_picture_or_a_giant_one_is_refused(client: httpx.Client) -> None:
    giant = cv2.imencode(".png", np.zeros((8000, 8000), np.uint8))[1].tobytes()
    whole = cv2.imencode(".jpg", np.zeros((90, 90, 3), np.uint8))[1].tobytes()
    cases = {b"": 415, b"no picture": 415, b"\xff\xd8\xff\xe0": 415, whole[:200]: 415, giant: 413}
    for data, status in cases.items():
        answer = client.post("/api/read", content=data, headers={"Content-Type": "image/jpeg"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), data[:9]
    assert client.post("/api/read", files={"other": b"x"}).status_code == 422
    assert client.post("/api/read", data={"upload": "x"}).status_code == 415
    assert client.post("/api/read", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_plate_is_corrected_and_the_event_judged_again(database: Database, client: httpx.Client) -> None:
    event_id = an_event(database)
    path = f"/api/events/{event_id}/correction"
    corrected = client.post(path, json={"plate": "1a2 3466", "reason": "the 5 is a 6"})
    assert (corrected.status_code, corrected.json()["corrected_plate"]) == (200, "1A23466")
    assert corrected.json()["revision"] == 3
    assert client.post(path, json={"plate": None, "reason": "no"}).json()["corrected_plate"] is None
    assert client.post(path, json={"plate": None, "reason": "no"}).status_code == 422
    assert client.post(path, json={"plate": "1A23466"}).status_code == 422
    assert client.post("/api/events/999/correction", json={"plate": "1A23466", "reason": "x"}).status_code == 404
