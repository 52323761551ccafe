"""GET /api/events: what is found, in which order, in which form."""

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import JPEG, T0, a_key, a_verdict, an_event, asking, held_for

from anpr.types import Region, VerdictStatus
from api.forms import EVENT_COLUMNS
from storage import corrections, event_search, plate_events, verdicts
from storage.db import Database
from storage.event_search import EventSearch, Match, plate_query


@pytest.fixture
def client(database: Database, database_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    with held_for(database_url, evidence_dir=tmp_path) as held, asking(held, a_key(database)) as one:
        yield one


def plates(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/api/events", params=query)
    assert answer.status_code == 200, answer.text
    return [one["plate"] for one in answer.json()["events"]]


def some(database: Database, *texts: str) -> list[int]:
    """Events of these plates, a minute apart, the first one newest."""
    return [an_event(database, plate=text, at=T0 - timedelta(minutes=n)) for n, text in enumerate(texts)]


def test_a_plate_is_found_exactly_by_its_beginning_by_a_pattern_and_by_its_look_alikes(
    database: Database, client: httpx.Client
) -> None:
    some(database, "1A23456", "1A23457", "1A234560", "IA23456", "IA2345G", "5B67890", "X1A23456")
    assert plates(client, plate="1a2 3456") == ["1A23456"]
    assert plates(client, plate="1A2", match="prefix") == ["1A23456", "1A23457", "1A234560"]
    assert plates(client, plate="1A2*6") == ["1A23456"]
    assert plates(client, plate="1A?3456") == ["1A23456"]
    assert plates(client, plate="*23456") == ["1A23456", "IA23456", "X1A23456"]
    assert plates(client, plate="*A23*") == ["1A23456", "1A23457", "1A234560", "IA23456", "IA2345G", "X1A23456"]
    assert plates(client, plate="*A2?45*") == ["1A23456", "1A23457", "1A234560", "IA23456", "IA2345G", "X1A23456"]
    assert plates(client, plate="?A2*56*") == ["1A23456", "1A234560", "IA23456"]
    assert plates(client, plate="*B6*") == ["5B67890"]
    assert plates(client, plate="*5B67890*") == ["5B67890"]
    assert plates(client, plate="*789*5B6*") == []
    fuzzy = client.get("/api/events", params={"plate": "1A23456", "match": "fuzzy"}).json()["events"]
    assert [one["plate"] for one in fuzzy] == ["1A23456", "1A23457", "1A234560", "IA23456", "IA2345G", "X1A23456"]
    assert fuzzy[0]["distance"] == 0
    assert all(one["distance"] > 0 for one in fuzzy[1:])


def test_a_pattern_finds_what_it_means_whichever_index_serves_it(database: Database) -> None:
    rng = random.Random(5)
    known = {"".join(rng.choices("AB12", k=rng.randint(2, 7))) for _ in range(40)}
    for text in sorted(known):
        an_event(database, plate=text)
    for _ in range(200):
        pattern = "".join(rng.choices("AB12*?", weights=(4, 4, 4, 4, 3, 2), k=rng.randint(3, 7)))
        if len(re.findall("[AB12]", pattern)) < 2:
            continue
        meant = re.compile(pattern.replace("*", ".*").replace("?", "."))
        wanted = EventSearch(plate=plate_query(pattern, Match.WILDCARD))
        with database.transaction() as conn:
            found = {row.event.plate for row in event_search.search(conn, wanted, limit=100)}
        assert found == {text for text in known if meant.fullmatch(text)}, pattern


def test_events_are_chosen_by_camera_time_verdict_and_confidence(database: Database, client: httpx.Client) -> None:
    an_event(database, plate="AAA111", camera="north", at=T0)
    an_event(database, plate="BBB222", camera="south", at=T0 + timedelta(hours=1), status=VerdictStatus.SUSPECT)
    an_event(database, plate="CCC333", camera="north", at=T0 + timedelta(hours=2), status=None, confidence=0.5)
    assert plates(client) == ["CCC333", "BBB222", "AAA111"]
    assert plates(client, camera="north") == ["CCC333", "AAA111"]
    assert plates(client, camera=["south", "north"]) == ["CCC333", "BBB222", "AAA111"]
    assert plates(client, camera="nowhere") == []
    assert plates(client, **{"from": "2026-05-01T13:00:00+02:00"}) == ["CCC333", "BBB222"]
    assert plates(client, to="2026-05-01T11:00:00Z") == ["AAA111"]
    assert plates(client, verdict=["SUSPECT", "VALID"]) == ["BBB222", "AAA111"]
    assert plates(client, confidence=0.6) == ["BBB222", "AAA111"]
    assert plates(client, plate="BBB222", verdict="VALID") == []
    assert plates(client, plate="BB*", verdict="SUSPECT", camera="south") == ["BBB222"]


def test_the_verdict_in_force_is_the_one_that_counts(database: Database, client: httpx.Client) -> None:
    event_id = an_event(database, status=VerdictStatus.SUSPECT)
    with database.transaction() as conn:
        verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.VALID))
    assert plates(client, verdict="SUSPECT") == []
    assert plates(client, verdict="VALID") == ["1A23456"]


def test_a_corrected_plate_is_found_by_both_texts_and_once(database: Database, client: httpx.Client) -> None:
    event_id = an_event(database)
    with database.transaction() as conn:
        corrections.add(conn, event_id, "1A23466", who="me", reason="look")
    for query in (
        {"plate": "1A23456"},
        {"plate": "1A23466"},
        {"plate": "1A2346", "match": "prefix"},
        {"plate": "*466"},
        {"plate": "*2346*"},
        {"plate": "1A23456", "match": "fuzzy"},
    ):
        assert plates(client, **query) == ["1A23456"], query


def test_pages_hold_every_event_once_also_where_some_are_of_the_same_moment(
    database: Database, client: httpx.Client
) -> None:
    ids = [an_event(database, at=T0 + timedelta(minutes=n // 3)) for n in range(8)]
    for query in (
        {},
        {"plate": "1A23456"},
        {"plate": "1A2*"},
        {"plate": "*456"},
        {"plate": "1A2345", "match": "fuzzy"},
    ):
        found: list[int] = []
        cursor: dict[str, str] = {}
        for _ in range(4):
            answer = client.get("/api/events", params=query | cursor | {"limit": "3"})
            page = answer.json()
            found += [one["id"] for one in page["events"]]
            if page["next"] is None:
                assert "link" not in answer.headers
                break
            assert f"cursor={page['next']}" in answer.headers["link"]
            cursor = {"cursor": page["next"]}
        assert found == [ids[n] for n in (7, 6, 5, 4, 3, 2, 1, 0)], query


def test_events_come_as_csv_by_the_accept_header_or_the_parameter(database: Database, client: httpx.Client) -> None:
    event_id = an_event(database)
    by_header = client.get("/api/events", headers={"Accept": "text/csv"})
    by_parameter = client.get("/api/events", params={"format": "csv"})
    assert by_header.text == by_parameter.text
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(by_header.text))
    assert (row["id"], row["plate"], row["verdict"]) == (str(event_id), "1A23456", "VALID")
    assert row["first_seen"] == "2026-05-01T10:00:00Z"
    assert tuple(row) == EVENT_COLUMNS


def test_csv_names_the_likeliest_country_of_a_plate(database: Database, client: httpx.Client) -> None:
    event_id = an_event(database)
    with database.transaction() as conn:
        regions = (Region(country="CZ", probability=0.75), Region(country="", probability=0.25))
        plate_events.correct(conn, event_id, None, regions)
    (row,) = csv.DictReader(io.StringIO(client.get("/api/events", params={"format": "csv"}).text))
    assert (row["plate_country"], row["plate_country_probability"]) == ("CZ", "0.75")


def test_an_event_is_shown_with_its_reads_verdicts_pictures_and_words(
    database: Database, client: httpx.Client, tmp_path: Path
) -> None:
    event_id = an_event(database, status=VerdictStatus.SUSPECT, evidence_dir=tmp_path)
    with database.transaction() as conn:
        verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.VALID))
        corrections.add(conn, event_id, "1A23466", who="me", reason="look")
    shown = client.get(f"/api/events/{event_id}").json()
    assert shown["event"]["plate"] == "1A23456"
    assert shown["event"]["corrected_plate"] == "1A23466"
    assert [one["status"] for one in shown["verdicts"]] == ["VALID", "SUSPECT"]
    assert [one["frame_no"] for one in shown["reads"]] == [0, 1]
    assert shown["reads"][0]["box"] == {"x1": 10, "y1": 20, "x2": 110, "y2": 45}
    assert [(one["plate"], one["who"], one["reason"]) for one in shown["corrections"]] == [("1A23466", "me", "look")]
    assert shown["explanation"]
    assert [one["frame_no"] for one in shown["pictures"]] == [1, 0]
    picture = client.get(shown["pictures"][0]["url"])
    assert (picture.content, picture.headers["content-type"]) == (JPEG + b"\x01", "image/jpeg")
    assert picture.headers["cache-control"] == "no-store"
    assert shown["event"]["picture"] == shown["pictures"][0]["url"]
    assert client.get(f"/api/events/{event_id}/pictures/3").status_code == 404
    assert client.get(f"/api/events/{event_id + 1}").status_code == 404


def test_a_search_by_plate_is_recorded_and_another_is_not(database: Database, client: httpx.Client) -> None:
    client.get("/api/events", params={"camera": "north"})
    client.get("/api/events", params={"plate": "1a2*", "reason": "case 7"})
    client.get("/api/check", params={"plate": "1A23456"})
    with database.transaction() as conn:
        rows = conn.execute("select who, command, plate, reason from plate_searches order by id").fetchall()
    assert rows == [("a admin", "api events", "1A2*", "case 7"), ("a admin", "api check", "1A23456", "")]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"plate": "-"}, "plate: too few letters and digits: a search (exact) takes at least 1"),
    ({"plate": "1*"}, "a search (wildcard) takes at least 2"),
    ({"plate": "A*", "match": "prefix"}, "plate: * and ? belong to a wildcard search, and this one is prefix"),
    ({"match": "fuzzy"}, "match: says how a plate is looked for, but there is no `plate`."),
    ({"cursor": "nonsense"}, "cursor: is none that an earlier page gave"),
    ({"plate": "1A23456", "reason": "it is 1A2-3456"}, "reason names the plate"),
    ({"from": "yesterday"}, "from: "),
    ({"from": "2026-05-01T10:00:00"}, "from: "),
    ({"limit": "0"}, "limit: "),
    ({"verdict": "GUILTY"}, "verdict.0: "),
    ({"plat": "1A2"}, "plat: is no parameter here; these are: camera, confidence, cursor, format, from, "),
    ({"from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}, "from, to: must be in this order"),
]


def test_a_wrong_search_is_told_what_is_wrong(client: httpx.Client) -> None:
    for query, told in WRONG:
        answer = client.get("/api/events", params=query)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert told in answer.json()["detail"]
