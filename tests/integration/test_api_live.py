"""GET /api/live: who watches sees what happens, and misses nothing by a short break."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import servers
from api_server import a_key, a_verdict, an_event, asking, held_for

from anpr.types import VerdictStatus
from storage import plate_events, verdicts
from storage.db import Database


class Watching:
    """What comes of one stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.last_id = ""

    def next(self) -> tuple[str, dict[str, Any]]:
        """The kind and data of the next event."""
        kind = "message"
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                kind = value
            elif field == "data":
                return kind, json.loads(value)
        raise EOFError("the stream has ended")


@contextmanager
def watching(client: httpx.Client, last_id: str = "", **query: str) -> Iterator[Watching]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with client.stream("GET", "/api/live", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Watching(answer)


def test_an_event_is_seen_soon_after_it_is_stored_and_again_when_it_is_judged(
    database: Database, database_url: str
) -> None:
    with held_for(database_url) as held, asking(held, a_key(database)) as client, watching(client) as one:
        time.sleep(0.5)  # so that the thread listens; before that it does not promise to
        event_id = an_event(database, status=None)
        kind, told = one.next()
        assert (kind, told["id"], told["verdict"], told["state"]) == ("event", event_id, None, "closed")
        with database.transaction() as conn:
            verdicts.add(conn, event_id, 2, a_verdict(VerdictStatus.VALID))
        kind, told = one.next()
        assert (kind, told["id"], told["verdict"]) == ("event", event_id, "VALID")


def test_who_comes_back_is_sent_what_came_meanwhile(database: Database, database_url: str) -> None:
    old = an_event(database, status=None)
    with held_for(database_url) as held, asking(held, a_key(database)) as client:
        with watching(client) as one:
            time.sleep(0.5)
            an_event(database)
            one.next()
            last_id = one.last_id
        new = an_event(database)
        with database.transaction() as conn:
            verdicts.add(conn, old, 2, a_verdict(VerdictStatus.SUSPECT))
        with watching(client, last_id) as one:
            found = {told["id"]: told["verdict"] for _, told in (one.next(), one.next())}
    assert found == {old: "SUSPECT", new: "VALID"}


def test_watchers_hear_that_the_database_is_away_and_what_came_until_it_is_back(
    running_servers: servers.TestServers, database: Database, database_url: str
) -> None:
    with held_for(database_url) as held, asking(held, a_key(database)) as client, watching(client) as one:
        time.sleep(0.5)
        with running_servers.closed(database_url):
            assert one.next() == ("away", {})
        again = Database(database_url)
        event_id = an_event(again)
        again.close()
        assert one.next() == ("back", {})
        assert one.next()[1]["id"] == event_id


def test_one_may_watch_a_camera_and_a_verdict_alone(database: Database, database_url: str) -> None:
    with (
        held_for(database_url) as held,
        asking(held, a_key(database)) as client,
        watching(client, camera="north", verdict="SUSPECT") as one,
    ):
        time.sleep(0.5)
        an_event(database, camera="south", status=VerdictStatus.SUSPECT)
        an_event(database, camera="north", status=VerdictStatus.VALID)
        wanted = an_event(database, camera="north", status=VerdictStatus.SUSPECT)
        assert one.next()[1]["id"] == wanted


def test_an_event_that_was_merged_into_another_is_told_as_gone(database: Database, database_url: str) -> None:
    kept, gone = an_event(database), an_event(database)
    with held_for(database_url) as held, asking(held, a_key(database)) as client, watching(client) as one:
        time.sleep(0.5)
        with database.transaction() as conn:
            plate_events.merge(conn, kept, [gone])
        assert one.next() == ("gone", {"id": gone})


def test_no_more_than_are_allowed_watch_at_the_same_time(database: Database, database_url: str) -> None:
    with held_for(database_url, watchers=1) as held, asking(held, a_key(database)) as client, watching(client):
        answer = client.get("/api/live")
        assert (answer.status_code, answer.json()["detail"]) == (503, "Too many watch already.")
