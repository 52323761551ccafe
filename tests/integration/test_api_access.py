"""Who may ask the API for what, how much, and how it refuses."""

from typing import Any

import httpx
import pytest
from api_server import a_key, an_event, asking, held_for, serving
from structlog.testing import capture_logs

from anpr.errors import BadInput
from api import access, server
from api.app import all_routes
from api.dashboard import assets
from api.openapi import roles_of
from storage import keys
from storage.db import Database
from storage.keys import Role

OPEN = {"/healthz", "/readyz", "/login", "/api/session"} | assets.PATHS
FILLED = {"{event_id}": "1", "{number}": "1"}
PROBLEM = "application/problem+json"


def addresses() -> list[tuple[str, str]]:
    """Every method and address that there is."""
    found = []
    for route in all_routes():
        path = route.path
        for name, value in FILLED.items():
            path = path.replace(name, value)
        found += [(method, path) for method in sorted(route.methods)]
    return found


def test_every_route_but_health_and_login_says_who_may_ask_and_asks_who_it_is(database_url: str) -> None:
    assert access.OPEN == OPEN
    assert [route.path for route in all_routes() if not roles_of(route) and route.path not in OPEN] == []
    with held_for(database_url) as held, asking(held) as client:
        for method, path in [*addresses(), ("GET", "/nothing"), ("PUT", "/api/events")]:
            if path in OPEN:
                continue
            for headers in ({}, {"Authorization": "Bearer anpr_wrong"}, {"Cookie": "anpr_session=wrong"}):
                answer = client.request(method, path, headers=headers)
                assert (answer.status_code, answer.headers["content-type"]) in {(401, PROBLEM), (429, PROBLEM)}, path


def test_the_key_of_a_camera_is_good_for_reading_pictures_alone(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held, a_key(database, Role.CAMERA)) as client:
        allowed = {
            path for method, path in addresses() if path not in OPEN and client.request(method, path).status_code != 403
        }
    assert allowed == {"/api/read", "/docs", "/docs/style.css", "/openapi.json"}


def test_a_viewer_changes_nothing_and_lists_are_for_admins(database: Database, database_url: str) -> None:
    event_id = an_event(database)
    correction = {"plate": "1A23466", "reason": "look"}
    wanted = {Role.VIEWER: (403, 403), Role.REVIEWER: (200, 403), Role.ADMIN: (200, 415)}
    with held_for(database_url) as held, serving(held) as address:
        for role, statuses in wanted.items():
            headers = {"Authorization": f"Bearer {a_key(database, role)}"}
            got = (
                httpx.post(f"{address}/api/events/{event_id}/correction", json=correction, headers=headers).status_code,
                httpx.post(f"{address}/api/vignettes/import", headers=headers).status_code,
            )
            assert got == statuses, role


def test_a_revoked_key_is_good_for_nothing_and_neither_is_its_login(database: Database, database_url: str) -> None:
    key = a_key(database, name="me")
    with held_for(database_url) as held, serving(held) as address:
        browser = httpx.Client(base_url=address)
        assert browser.post("/api/session", json={"key": key}).status_code == 201
        assert browser.get("/api/stats").status_code == 200
        with database.transaction() as conn:
            keys.revoke(conn, "me")
        assert browser.get("/api/stats").status_code == 401
        assert httpx.get(f"{address}/api/stats", headers={"Authorization": f"Bearer {key}"}).status_code == 401
        browser.close()


def test_no_key_and_no_cookie_is_stored(database: Database, database_url: str) -> None:
    key = a_key(database)
    with held_for(database_url) as held, asking(held) as client:
        client.post("/api/session", json={"key": key})
        token = client.cookies["anpr_session"]
    with database.transaction() as conn:
        for table in ("api_keys", "api_sessions"):
            rows = str(conn.execute(f"select t::text from {table} t").fetchall())  # noqa: S608 (a table of ours)
            assert key not in rows
            assert token not in rows


def test_a_login_needs_its_csrf_token_for_what_changes_something(database: Database, database_url: str) -> None:
    event_id = an_event(database)
    path, correction = f"/api/events/{event_id}/correction", {"plate": "1A23466", "reason": "look"}
    with held_for(database_url) as held, asking(held) as client:
        said = client.post("/api/session", json={"key": a_key(database, name="me")})
        cookie = said.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie
        token = {"X-CSRF-Token": said.json()["csrf_token"]}
        assert client.get("/api/session").json() == said.json()
        assert client.post(path, json=correction).status_code == 403
        assert client.post(path, json=correction, headers={"X-CSRF-Token": "x"}).status_code == 403
        assert client.post(path, json=correction, headers=token | {"Origin": "http://evil.test"}).status_code == 403
        assert client.post(path, json=correction, headers=token | {"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post(path, json=correction, headers=token).status_code == 200
        assert client.delete("/api/session").status_code == 403
        assert client.delete("/api/session", headers=token).status_code == 204
        assert client.get("/api/session").status_code == 401


def test_the_cookie_is_for_https_alone_where_the_login_came_by_it(database: Database, database_url: str) -> None:
    with held_for(database_url, proxies=["127.0.0.1"]) as held, asking(held) as client:
        by_https = {"X-Forwarded-Proto": "https"}
        said = client.post("/api/session", json={"key": a_key(database)}, headers=by_https)
        assert "secure" in said.headers["set-cookie"].lower()
        assert "strict-transport-security" in said.headers


def test_a_browser_is_led_to_the_login_and_back(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held) as client:
        answer = client.get("/docs", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/docs")
        page = client.get("/login", params={"next": '/docs"><script>'})
        assert "<script" not in page.text
        assert client.post("/login", data={"key": "wrong"}).status_code == 401
        key = a_key(database)
        told = client.post("/login", data={"key": key, "next": "//evil.test/"})
        assert (told.status_code, told.headers["location"]) == (303, "/")
        shown = client.get("/docs")
        assert shown.status_code == 200
        assert "GET /api/events" in shown.text


def test_every_answer_tells_browsers_to_be_careful(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held, a_key(database)) as client:
        for path in ("/healthz", "/nothing", "/docs", "/api/events", "/api/events?limit=x"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "unsafe-inline" not in policy
            assert "default-src 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


def test_too_many_wrong_keys_of_an_address_are_refused_at_once(database: Database, database_url: str) -> None:
    key = a_key(database)
    with held_for(database_url, tries_per_min=3) as held, asking(held) as client:
        wrong = [client.post("/api/session", json={"key": f"wrong {n}"}).status_code for n in range(2)]
        wrong += [client.get("/api/stats", headers={"Authorization": "Bearer x"}).status_code for _ in range(2)]
        assert wrong == [401, 401, 401, 429]
        right = client.post("/api/session", json={"key": key})
        assert (right.status_code, right.headers["content-type"]) == (429, PROBLEM)
        assert 1 <= int(right.headers["retry-after"]) <= 20


def test_wrong_keys_of_an_address_shut_nobody_out_who_has_a_right_one_there(
    database: Database, database_url: str
) -> None:
    key = a_key(database)
    with held_for(database_url, tries_per_min=3) as held, serving(held) as address:
        with httpx.Client(base_url=address) as browser:
            assert browser.post("/api/session", json={"key": key}).status_code == 201
            wrong = {"Authorization": "Bearer revoked"}
            assert [httpx.get(f"{address}/api/stats", headers=wrong).status_code for _ in range(4)][-1] == 429
            assert browser.get("/api/stats").status_code == 200
        right = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{address}/api/stats", headers=right).status_code == 200


def test_a_key_that_asks_too_often_has_to_wait_and_others_have_not(database: Database, database_url: str) -> None:
    busy, other = a_key(database, name="busy"), a_key(database, name="other")
    with held_for(database_url, rate_per_min=5) as held, asking(held, busy) as client:
        answers = [client.get("/api/stats") for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert client.get("/api/stats", headers={"Authorization": f"Bearer {other}"}).status_code == 200


def pieces() -> Any:
    for _ in range(40):
        yield b"x" * 100_000


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(database: Database, database_url: str) -> None:
    csv = {"Content-Type": "text/csv"}
    with held_for(database_url, list_mb=1, picture_mb=1) as held, asking(held, a_key(database)) as client:
        answers = [
            client.post("/api/vignettes/import", content=b"x" * 1_000_001, headers=csv),
            client.post("/api/vignettes/import", content=pieces(), headers=csv),
            client.post("/api/read", content=pieces(), headers={"Content-Type": "image/jpeg"}),
            client.post("/api/read", files={"upload": b"x" * 2_000_000}),
            client.post("/api/session", content=b'{"key": "' + b"x" * 70_000 + b'"}'),
        ]
    assert [(one.status_code, one.headers["content-type"]) for one in answers] == [(413, PROBLEM)] * 5
    assert answers[2].json()["detail"] == "The body is larger than the 1 MB that are allowed here."


def test_an_unknown_parameter_is_told_on_every_address_of_the_api(database: Database, database_url: str) -> None:
    asked = [(method, path) for method, path in addresses() if path.startswith("/api/")]
    with held_for(database_url) as held, asking(held, a_key(database)) as client:
        for method, path in asked:
            answer = client.request(method, path, params={"typo": "x"})
            assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), path
            assert [(one["in"], one["name"]) for one in answer.json()["errors"]] == [("query", "typo")], path
        assert client.get("/events", params={"typo": "x"}).status_code == 200  # a page of the dashboard


def test_a_body_that_is_no_json_is_told_where_it_breaks(database: Database, database_url: str) -> None:
    body = b'{\n  "key": nothing}'
    with held_for(database_url) as held, asking(held) as client:
        answer = client.post("/api/session", content=body, headers={"Content-Type": "application/json"})
    told = "the body is no JSON: Expecting value at line 2, column 10"
    assert (answer.status_code, answer.json()["detail"]) == (422, told)
    assert answer.json()["errors"] == [{"in": "body", "name": "", "detail": told}]


def test_health_is_told_by_head_too(database_url: str) -> None:
    with held_for(database_url) as held, asking(held) as client:
        for path in ("/healthz", "/readyz"):
            answer = client.head(path)
            assert (answer.status_code, answer.content) == (200, b""), path


def test_without_postgres_the_answer_is_503_and_the_process_lives(running_servers: Any) -> None:
    gone = running_servers.url_of("no_such_database")
    with held_for(gone) as held, asking(held, "anpr_any") as client:
        for path in ("/api/events", "/readyz"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/healthz").json() == {"status": "ok"}


def test_a_database_without_tables_is_not_ready_and_says_what_to_do(running_servers: Any) -> None:
    with running_servers.fresh_database() as url, held_for(url) as held, asking(held, "anpr_any") as client:
        told = client.get("/readyz")
        assert (told.status_code, "anpr db migrate" in told.json()["detail"]) == (503, True)
        with capture_logs():
            assert client.get("/api/events").status_code == 503


def test_a_ready_server_names_the_version_of_postgres(database_url: str) -> None:
    with held_for(database_url) as held, asking(held) as client:
        assert client.get("/readyz").json()["status"] == "ok"


def test_what_nobody_foresaw_is_a_problem_that_tells_nothing(database: Database, database_url: str) -> None:
    event_id = an_event(database, plate="SECRET1")
    with database.transaction() as conn:
        conn.execute("update plate_events set candidates = '[\"no object\"]'")
    with held_for(database_url) as held, asking(held, a_key(database)) as client, capture_logs() as logs:
        answer = client.get(f"/api/events/{event_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json()["detail"] == "This failed unexpectedly; the log of the server says why."
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["api.failed"]


def test_a_port_in_use_is_one_clear_line() -> None:
    taken = server.listening("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(BadInput, match=f"port {port} of 127.0.0.1 is in use: choose another with --port"):
        server.listening("127.0.0.1", port)
    taken.close()
