"""The import of lists over HTTP, told as it goes on."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from api_server import a_key, asking, held_for
from structlog.testing import capture_logs

from anpr.vignettes import Snapshot
from api.app import CONNECTIONS
from storage import vignettes
from storage.db import Database
from storage.keys import Role

HEAD = "toll_country,plate,kind,valid_from,valid_to\n"
LINE = "CZ,1A23456,year,2026-01-01,2026-12-31\n"
PATH = "/api/vignettes/import"
STREAM = {"Content-Type": "text/csv", "Accept": "text/event-stream"}
PHASES = ("checking", "waiting", "storing", "finishing")
Event = tuple[str, dict[str, Any]]


@pytest.fixture
def client(database: Database, database_url: str) -> Iterator[httpx.Client]:
    with held_for(database_url) as held, asking(held, a_key(database)) as one:
        yield one


def events(answer: httpx.Response) -> Iterator[Event]:
    """What a stream says, as it comes."""
    name = ""
    for line in answer.iter_lines():
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)


def in_force(database: Database, country: str = "CZ") -> Snapshot | None:
    with database.transaction() as conn:
        return vignettes.in_force(conn, country)


def until(fact: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_an_import_tells_how_far_it_is_and_ends_with_what_it_did(client: httpx.Client, database: Database) -> None:
    lines = [f"{('CZ', 'SK')[n % 2]},{n:07},year,2026-01-01,2026-12-31\n" for n in range(20_000)]
    with client.stream("POST", PATH, content=HEAD + "".join(lines), headers=STREAM) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        *steps, (name, done) = list(events(answer))
    assert name == "done"
    assert [line[:31] for line in done["told"]] == [f"imported 10000 vignettes for {one}" for one in ("CZ", "SK")]
    assert steps
    assert {name for name, _ in steps} == {"progress"}
    at = [(PHASES.index(one["phase"]), one["rows"], one["share"]) for _, one in steps]
    assert at == sorted(at)
    assert all(0 <= share <= 1 for _, _, share in at)
    assert {one["total"] for _, one in steps if one["phase"] != "checking"} <= {20_000}
    assert in_force(database, "SK") is not None


def test_a_refused_list_ends_the_stream_with_the_problem_that_is_the_answer_otherwise(
    client: httpx.Client, database: Database
) -> None:
    asked: list[tuple[dict[str, str], dict[str, str], str]] = [
        ({}, {}, f"{HEAD}{LINE}CZ,!,year,2026-01-01,2026-12-31\n"),
        ({"rows": "2"}, {}, HEAD + LINE),
        ({}, {"X-Signature": "c2lnbmVk"}, HEAD + LINE),
    ]
    for params, headers, content in asked:
        plain = client.post(PATH, params=params, content=content, headers={"Content-Type": "text/csv"} | headers)
        with client.stream("POST", PATH, params=params, content=content, headers=STREAM | headers) as answer:
            name, problem = list(events(answer))[-1]
        assert (plain.status_code, name) == (422, "problem")
        assert problem == plain.json()
    assert in_force(database) is None


def test_what_is_wrong_before_the_list_is_looked_at_has_its_own_status(
    client: httpx.Client, database: Database
) -> None:
    viewer = {"Authorization": f"Bearer {a_key(database, Role.VIEWER)}"}
    for headers, status in (
        ({"Content-Type": "text/plain"}, 415),
        ({"X-Signature": "no base64"}, 422),
        (viewer, 403),
    ):
        answer = client.post(PATH, content=LINE, headers=STREAM | headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_who_imports_while_another_does_is_told_to_wait_and_comes_next(
    client: httpx.Client, database: Database
) -> None:
    with database.transaction() as conn:
        vignettes.lock(conn, "CZ")
        with client.stream("POST", PATH, content=HEAD + LINE, headers=STREAM) as answer:
            told = events(answer)
            until(lambda: next(told)[1]["phase"] == "waiting")
            conn.commit()
            assert [name for name, _ in told][-1] == "done"


def test_who_goes_away_leaves_the_list_in_force_that_was(client: httpx.Client, database: Database) -> None:
    assert client.post(PATH, content=HEAD + LINE, headers={"Content-Type": "text/csv"}).status_code == 200
    before = in_force(database)
    with database.transaction() as conn, capture_logs() as logs:
        vignettes.lock(conn, "CZ")
        with client.stream("POST", PATH, content=HEAD + LINE, headers=STREAM) as answer:
            told = events(answer)
            until(lambda: next(told)[1]["phase"] == "waiting")
        for _ in range(3):  # the server has heard of it by then
            client.get("/healthz")
        conn.commit()
        until(lambda: bool(logs))
    assert [(one["event"], one["log_level"]) for one in logs] == [("api.list_abandoned", "info")]
    assert in_force(database) == before


def test_imports_that_wait_leave_the_connections_to_others(client: httpx.Client, database: Database) -> None:
    with database.transaction() as conn, ExitStack() as waiting:
        vignettes.lock(conn, "CZ")
        for _ in range(CONNECTIONS):
            stream = client.stream("POST", PATH, content=HEAD + LINE, headers=STREAM)
            told = events(waiting.enter_context(stream))
            until(lambda told=told: next(told)[1]["phase"] == "waiting")
        assert client.get("/api/cameras").status_code == 200


def test_a_list_that_breaks_off_on_its_way_is_no_failure_of_the_server(
    client: httpx.Client, database: Database
) -> None:
    host, port = urlsplit(str(client.base_url)).netloc.split(":")
    head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.headers['authorization']}\r\n"
    with capture_logs() as logs, socket.create_connection((host, int(port))) as line:
        line.sendall(f"{head}Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\n{HEAD}{LINE}".encode())
        until(lambda: client.get("/healthz").status_code == 200)
        line.close()
        until(lambda: bool(logs))
    assert [(one["event"], one["log_level"]) for one in logs] == [("api.list_abandoned", "info")]
    assert in_force(database) is None
