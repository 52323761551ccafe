"""The pages of the dashboard as a server sends them: to whom, with nothing in them, and when something is wrong."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from api_server import JPEG, T0, a_key, a_verdict, an_event, held_for, serving
from redis import Redis

from anpr.types import VerdictStatus
from storage import erasures, previews, stats, verdicts
from storage.db import Database
from storage.keys import Role
from workers import preview_frames
from workers.preview_frames import PreviewFrame

PAGES = ("/", "/events", "/review", "/cameras", "/charts", "/registry")
HTML = {"Accept": "text/html"}
BEGIN, END = T0 - timedelta(hours=1), T0 + timedelta(hours=9)


@contextmanager
def browsing(
    database: Database, database_url: str, role: Role = Role.ADMIN, redis: Redis | None = None
) -> Iterator[httpx.Client]:
    """A client that has logged in and asks for pages."""
    with (
        held_for(database_url) as held,
        serving(replace(held, redis=redis)) as address,
        httpx.Client(base_url=address, headers=HTML, timeout=30) as client,
    ):
        said = client.post("/api/session", json={"key": a_key(database, role)})
        client.headers["X-CSRF-Token"] = said.json()["csrf_token"]
        yield client


def test_every_page_says_so_where_there_is_nothing_to_show(database: Database, database_url: str) -> None:
    with browsing(database, database_url) as client:
        for path in PAGES:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert re.search(r'class="(panel )?empty"', answer.text), path
        assert client.post("/review/next").status_code == 204


def test_no_page_holds_a_script_or_a_style_or_asks_another_server(database: Database, database_url: str) -> None:
    event_id = an_event(database, status=VerdictStatus.SUSPECT)
    with browsing(database, database_url) as client:
        for path in (*PAGES, f"/events/{event_id}", "/events/0", "/login"):
            text = client.get(path).text
            assert "<html" in text, path
            assert re.findall(r"<script(?![^>]* src=\"/static/)|<style|\sstyle=|\son\w+=", text) == [], path
            assert re.findall(r'(?:src|href|action)="(?!/|#|events\?)', text) == [], path


def test_pages_are_for_people_who_may_look_and_the_queue_for_those_who_may_work(
    database: Database, database_url: str
) -> None:
    wanted = {Role.VIEWER: {"/review"}, Role.REVIEWER: set(), Role.CAMERA: set(PAGES)}
    for role, refused in wanted.items():
        with browsing(database, database_url, role) as client:
            got = {path for path in PAGES if client.get(path).status_code == 403}
            assert got == refused, role
            assert (client.post("/review/next").status_code == 403) == ("/review" in refused), role


def test_nothing_is_handed_out_to_a_page_of_another_site(database: Database, database_url: str) -> None:
    with browsing(database, database_url) as client:
        del client.headers["X-CSRF-Token"]
        assert client.post("/review/next").status_code == 403


def test_a_form_of_our_own_page_logs_in_though_it_tells_no_origin(database: Database, database_url: str) -> None:
    key = a_key(database)
    with held_for(database_url) as held, serving(held) as address:
        ours = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        assert httpx.post(f"{address}/login", data={"key": key}, headers=ours).status_code == 303
        for others in ({"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}):
            assert httpx.post(f"{address}/login", data={"key": key}, headers=others).status_code == 403


def test_what_goes_wrong_is_a_page_for_browsers_and_a_problem_for_programs(
    database: Database, database_url: str
) -> None:
    with browsing(database, database_url) as client:
        page = client.get("/events/7")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no event 7." in page.text
        problem = client.get("/events/7", headers={"Accept": "*/*"})
        assert problem.json()["detail"] == "There is no event 7."
        assert client.get("/api/events/7").headers["content-type"] == "application/problem+json"


def test_a_page_says_that_the_database_is_away() -> None:
    with held_for("postgresql://nobody@127.0.0.1:9/none") as held, serving(held) as address:
        answer = httpx.get(f"{address}/", headers=HTML | {"Cookie": "anpr_session=x"}, timeout=30)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert 'role="alert"' in answer.text
    assert "does not answer" in answer.text
    assert "127.0.0.1" not in answer.text  # where it is concerns nobody who has not logged in
    assert 'href="?"' in answer.text


def test_styles_are_open_to_all_and_sent_once(database_url: str) -> None:
    with held_for(database_url) as held, serving(held) as address:
        first = httpx.get(f"{address}/static/style.css")
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        again = httpx.get(f"{address}/static/style.css", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert httpx.get(f"{address}/static/docs.css").status_code == 401


def test_what_was_erased_is_told_as_erased(database: Database, database_url: str) -> None:
    event_id = an_event(database, plate="ZZ98765")
    with database.transaction() as conn:
        conn.execute(
            "update plate_events set plate = '', candidates = '[]', erased_at = now() where id = %s", [event_id]
        )
        conn.execute("update plate_reads set text = '', candidates = '[]' where event_id = %s", [event_id])
        conn.execute("update verdicts set reason = '', readings_tried = '{}' where event_id = %s", [event_id])
        assert erasures.erased_at(conn, event_id) is not None
    with browsing(database, database_url) as client:
        text = client.get(f"/events/{event_id}").text
    assert "was erased on" in text
    assert "ZZ98765" not in text
    assert "Correct the plate" not in text


def test_charts_count_confidence_and_the_time_to_the_first_verdict_of_live_cameras(database: Database) -> None:
    sure = [an_event(database, plate=f"AAA{n}", at=T0 + timedelta(hours=n), confidence=0.97) for n in range(3)]
    an_event(database, plate="BBB1", camera="south", confidence=1.0)
    erased = an_event(database, plate="CCC1", camera="south", confidence=0.2)
    with database.transaction() as conn:
        conn.execute(
            "update sessions set is_live = id <> (select session_id from plate_events where id = %s)", sure[2:]
        )
        conn.execute(
            "update verdicts v set judged_at = last_seen + interval '4 s' from plate_events e where e.id = event_id"
        )
        verdicts.add(conn, sure[0], 3, a_verdict(VerdictStatus.SUSPECT))
        conn.execute("update plate_events set plate = '', erased_at = now() where id = %s", [erased])
        counted = stats.confidences(conn, since=BEGIN, until=END)
        assert {place: count for place, count in enumerate(counted) if count} == {4: 1, 19: 4}
        assert sum(stats.confidences(conn, since=BEGIN, until=END, camera="south")) == 2
        late = stats.latencies(conn, since=BEGIN, until=END, camera="north")
    assert [(one.hour, one.events, one.median_s, one.p95_s) for one in late] == [
        (T0, 1, 4.0, 4.0),
        (T0 + timedelta(hours=1), 1, 4.0, 4.0),
    ]


def test_the_preview_of_a_camera_is_its_newest_event_that_has_a_picture(database: Database, tmp_path: Path) -> None:
    an_event(database, at=T0 - timedelta(hours=1), evidence_dir=tmp_path)
    pictured = an_event(database, at=T0, evidence_dir=tmp_path)
    an_event(database, at=T0 + timedelta(hours=1))
    an_event(database, camera="south", at=datetime.now(UTC))
    with database.transaction() as conn:
        assert previews.newest(conn) == {"north": pictured}


def test_the_cameras_page_shows_what_a_camera_sees_and_else_its_newest_plate(
    database: Database, database_url: str, redis: Redis, tmp_path: Path
) -> None:
    plates = [an_event(database, camera=name, evidence_dir=tmp_path) for name in ("n & s", "south")]
    taken_at = datetime.now(UTC) - timedelta(seconds=12)
    preview_frames.put(redis, "n & s", PreviewFrame(taken_at=taken_at, jpeg=JPEG))
    with browsing(database, database_url, Role.VIEWER, redis) as client:
        sources, text = pictures_of(client)
        assert re.search(r"<small>seen 1[2-9] s ago</small>", text)
        assert (client.get(sources[0]).content, sources[1]) == (JPEG, f"/api/events/{plates[1]}/pictures/1")
    with browsing(database, database_url, Role.REVIEWER) as client:
        sources, text = pictures_of(client)
        assert sources == [f"/api/events/{one}/pictures/1" for one in plates]
        assert "seen" not in text


def pictures_of(client: httpx.Client) -> tuple[list[str], str]:
    text = client.get("/cameras").text
    return [html.unescape(one) for one in re.findall(r'<img src="([^"]+)"', text)], text
