"""What `anpr serve` tells of itself: requests by route, who watches, and its networks once it has some."""

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import cv2
import numpy as np
from api_server import a_key, asking, held_for, serving
from prometheus_client import generate_latest
from redis import Redis

from anpr import metrics
from api.held import Held
from storage.db import Database
from storage.keys import Role
from workers.exposition import registry
from workers.measures import Field
from workers.reporter import Reporter

PLATE = "1A23456"


def requests_of(taken: Mapping[Field, float]) -> dict[tuple[str, ...], float]:
    """Requests by route, method and class of status; those that find out whether the server runs are left out."""
    counted = {field[1:-1]: number for field, number in taken.items() if field[0] == metrics.HTTP_REQUESTS.name}
    return {labels: number for labels, number in counted.items() if labels[0] != "/healthz"}


def a_reporter(held: Held, redis: Redis) -> Reporter:
    return Reporter(
        "serve",
        redis=redis,
        measures=held.measures,
        database=held.database,
        models=held.networks.in_use,
        gauges=held.gauges,
    )


def test_requests_are_counted_by_route_and_never_by_what_was_asked_for(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held, a_key(database, Role.VIEWER)) as client:
        statuses = [
            client.get("/api/events", params={"plate": PLATE}).status_code,
            client.get("/api/events/999").status_code,
            client.get(f"/api/events/{PLATE}").status_code,
            client.get(f"/{PLATE}").status_code,
            client.delete("/api/events").status_code,
            client.request(PLATE, "/api/events").status_code,
            client.post("/api/read", content=b"x").status_code,
        ]
        taken = held.measures.take()
    assert statuses == [200, 404, 422, 404, 405, 405, 403]
    assert requests_of(taken) == {
        ("/api/events", "GET", "2xx"): 1,
        ("/api/events/{event_id}", "GET", "4xx"): 2,
        ("unmatched", "GET", "4xx"): 1,
        ("/api/events", "DELETE", "4xx"): 1,
        ("/api/events", "other", "4xx"): 1,
        ("/api/read", "POST", "4xx"): 1,
    }
    assert not any(PLATE in part for field in taken for part in field)
    timed = {field[1] for field in taken if field[0] == metrics.HTTP_DURATION.name}
    assert timed == {"/api/events", "/api/events/{event_id}", "unmatched", "/api/read", "/healthz"}


def test_who_was_refused_before_any_route_is_counted_where_they_wanted_to_go(
    database: Database, database_url: str
) -> None:
    with held_for(database_url, tries_per_min=1) as held, asking(held, "anpr_wrong") as client:
        refused = [client.get("/api/events/7").status_code, client.get("/api/events").status_code]
        taken = held.measures.take()
    assert refused == [401, 429]
    assert requests_of(taken) == {("/api/events/{event_id}", "GET", "4xx"): 1, ("/api/events", "GET", "4xx"): 1}


def test_an_answer_that_says_that_something_failed_counts_as_a_failure(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held, a_key(database, Role.VIEWER)) as client:
        with database.transaction() as conn:
            conn.execute("drop table plate_events cascade")
        assert client.get("/api/events").status_code == 503
        assert requests_of(held.measures.take()) == {("/api/events", "GET", "5xx"): 1}


def test_who_watches_counts_at_once_and_only_as_long_as_it_lasts(
    database: Database, database_url: str, redis: Redis
) -> None:
    key = a_key(database, Role.VIEWER)
    with held_for(database_url) as held, serving(held) as address:
        url = urlsplit(address)
        with socket.create_connection((url.hostname or "", url.port or 0)) as client:
            client.sendall(f"GET /api/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            assert held.gauges()[metrics.LIVE_WATCHERS.name] == 1
            assert requests_of(held.measures.take()) == {("/api/live", "GET", "2xx"): 1}
            reporter = a_reporter(held, redis)
            reporter.tell()
            text = generate_latest(registry(database, redis)).decode()
            assert "\nanpr_live_watchers 1.0\n" in text
            reporter.leave()
    text = generate_latest(registry(database, redis)).decode()
    assert "\nanpr_live_watchers " not in text


def test_its_networks_are_told_of_once_it_has_loaded_them(database: Database, database_url: str, redis: Redis) -> None:
    picture = cv2.imencode(".png", np.zeros((90, 90, 3), np.uint8))[1].tobytes()
    with held_for(database_url) as held, asking(held, a_key(database)) as client:
        reporter = a_reporter(held, redis)
        reporter.tell()
        before = generate_latest(registry(database, redis)).decode()
        answer = client.post("/api/read", content=picture, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200
        reporter.leave()
        reporter = a_reporter(held, redis)
        reporter.tell()
        after = generate_latest(registry(database, redis)).decode()
        reporter.leave()
        names = list(held.networks.in_use())
    assert "anpr_model_info{model" not in before
    assert 'anpr_build_info{role="serve"' in before
    assert 'anpr_postgres_pool_connections{role="serve",state="idle"}' in before
    assert len(names) == 2
    assert [name for name in names if f'anpr_model_info{{model="{name}",role="serve"' not in after] == []
    assert "\nanpr_pictures_waiting 0.0\n" in after
