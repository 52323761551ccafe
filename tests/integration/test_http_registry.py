"""A registry over HTTP: a real server on this host that is slow, fails, answers wrongly, and comes back."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from builders import NOON, an_event
from redis import Redis

from anpr import config
from anpr.config import RegistrySettings
from anpr.errors import Unavailable
from anpr.registry import Answer
from anpr.types import Box, Candidate, PlateEvent, PlateOutcome, Reading, Verdict, VerdictStatus, Vote
from anpr.vignettes import JudgeRules, judge, readings
from storage import plate_events, plate_reads, sessions, verdicts
from storage.db import Conn, Database
from storage.http_registry import HttpRegistry
from storage.plate_reads import DetectedPlate
from workers import process
from workers.check import _judged_elsewhere, check
from workers.process import Process

PAID = {"vignettes": [{"kind": "year", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}]}
RULES = JudgeRules()


@dataclass
class Service:
    """What the server answers, and what it was asked."""

    url: str = ""
    status: int = 200
    content: bytes = b'{"vignettes": []}'
    paid: dict[str, object] = field(default_factory=dict)
    failing: int = 0  # so many of the next requests get status 503
    slow_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            told.tokens.append(self.headers["Authorization"])
            time.sleep(told.slow_s)
            plate = self.path.rsplit("/", 1)[1]
            status, content = told.status, told.content
            if told.failing:
                told.failing -= 1
                status = 503
            elif plate in told.paid:
                status, content = 200, json.dumps(told.paid[plate]).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                return  # the client has given up

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/v/{{country}}/{{plate}}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def a_registry(
    service: Service, *, clock: Clock | None = None, retries: int = 2, failures: int = 5, timeout_s: float = 2.0
) -> HttpRegistry:
    settings = RegistrySettings(
        url=service.url, token="secret", retries=retries, failures=failures, timeout_s=timeout_s, rest_s=30
    )
    return HttpRegistry(settings, clock=clock or time.monotonic)


def test_a_paid_plate_has_its_vignettes(service: Service) -> None:
    service.paid["1A23456"] = PAID
    answer = a_registry(service).ask("CZ", ["1A23456", "5H71964"])
    (vignette,) = answer.vignettes
    assert (vignette.toll_country, vignette.plate, vignette.kind) == ("CZ", "1A23456", "year")
    assert vignette.valid_to == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert service.asked == ["/v/CZ/1A23456", "/v/CZ/5H71964"]
    assert service.tokens == ["Bearer secret"] * 2
    assert answer.snapshot is not None
    assert datetime.now(UTC) - answer.snapshot.as_of < timedelta(minutes=1)


def test_not_found_as_json_is_not_paid(service: Service) -> None:
    service.status, service.content = 404, b'{"error": "no such plate"}'
    assert a_registry(service).ask("CZ", ["1A23456"]).vignettes == ()


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, b"<html>no such page</html>"),
        (404, json.dumps(PAID).encode()),
        (200, b"<html>welcome</html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"vignettes": [1]}'),
        (200, b'{"vignettes": [{"kind": "year", "valid_from": "2026-01-01", "valid_to": "soon"}]}'),
        (200, json.dumps({"vignettes": [PAID["vignettes"][0] | {"plate": "9Z99999"}]}).encode()),
        (302, b""),
        (401, b"{}"),
    ],
)
def test_an_answer_in_another_form_is_no_answer_and_not_asked_for_again(
    service: Service, status: int, content: bytes
) -> None:
    service.status, service.content = status, content
    with pytest.raises(Unavailable) as caught:
        a_registry(service).ask("CZ", ["1A23456"])
    assert "1A23456" not in str(caught.value)
    assert len(service.asked) == 1


def test_what_fails_for_a_moment_is_tried_again(service: Service) -> None:
    service.failing = 2
    service.paid["1A23456"] = PAID
    assert len(a_registry(service).ask("CZ", ["1A23456"]).vignettes) == 1
    service.failing = 3
    with pytest.raises(Unavailable, match=r"the registry at 127\.0\.0\.1 answers with status 503"):
        a_registry(service).ask("CZ", ["1A23456"])


def test_a_slow_registry_is_not_waited_for(service: Service) -> None:
    service.slow_s = 0.5
    with pytest.raises(Unavailable, match="does not answer"):
        a_registry(service, retries=0, timeout_s=0.1).ask("CZ", ["1A23456"])


def test_answers_are_remembered_for_a_little(service: Service) -> None:
    clock = Clock()
    registry = a_registry(service, clock=clock)
    for now_s in (0.0, 59.0, 61.0):
        clock.now_s = now_s
        registry.ask("CZ", ["1A23456"])
    assert len(service.asked) == 2


def test_a_registry_that_is_away_rests_and_recovers(service: Service) -> None:
    clock = Clock()
    registry = a_registry(service, clock=clock, retries=0, failures=2)
    service.failing = 3
    for now_s, asked in ((0, 1), (1, 2), (2, 2), (30, 2), (32, 3), (33, 3)):
        clock.now_s = now_s
        with pytest.raises(Unavailable):
            registry.ask("CZ", ["1A23456"])
        assert len(service.asked) == asked
    clock.now_s = 63
    assert registry.ask("CZ", ["1A23456"]).vignettes == ()


def judged(registry: HttpRegistry, event: PlateEvent) -> Verdict:
    def judging(answer: Answer) -> Verdict:
        return judge(event, answer.vignettes, snapshot=answer.snapshot, rules=RULES, now=datetime.now(UTC))

    return _judged_elsewhere(registry, event, readings(event, RULES), judging, again_s=60)


def test_a_paid_car_is_asked_for_once_and_an_unpaid_one_by_all_its_readings(service: Service) -> None:
    service.paid["1A23456"] = PAID
    registry = a_registry(service)
    verdict = judged(registry, an_event())
    assert (verdict.status, verdict.vignette_id, verdict.snapshot_id) == (VerdictStatus.VALID, None, None)
    assert len(service.asked) == 1
    looks_alike = judged(registry, an_event("IA23456"))
    assert (looks_alike.status, looks_alike.judge_again_at) == (VerdictStatus.AMBIGUOUS, None)
    assert len(service.asked) == len(set(service.asked)) == len({"1A23456", *looks_alike.readings_tried})


def test_a_registry_that_is_away_parks_the_check_and_never_suspects(service: Service) -> None:
    unpaid = an_event("5H71964", toll_country="HU", first_seen=NOON)
    registry = a_registry(service, retries=0)
    assert judged(registry, unpaid).status is not VerdictStatus.REGISTRY_UNKNOWN
    service.failing = 1
    before = datetime.now(UTC)
    parked = judged(a_registry(service, retries=0), unpaid)
    assert (parked.status, parked.reason) == (
        VerdictStatus.REGISTRY_UNKNOWN,
        "the registry for HU did not answer",
    )
    assert parked.judge_again_at is not None
    assert parked.judge_again_at - before >= timedelta(seconds=60)


def test_an_unreadable_plate_is_told_to_nobody(service: Service) -> None:
    verdict = judged(a_registry(service), an_event(confidence=0.2))
    assert verdict.status is VerdictStatus.UNREADABLE
    assert service.asked == []


def a_closed_event(conn: Conn) -> int:
    camera_id = sessions.camera_id(conn, "gate", toll_country="CZ")
    session_id = sessions.start(conn, camera=camera_id, source="x", key="x", is_live=False, expected_frames=None)
    box = Box(x1=0, y1=0, x2=90, y2=20)
    seen = DetectedPlate(frame_no=0, plate_no=0, captured_at=NOON, box=box, score=0.9, outcome=None)
    candidates = (Candidate(text="1A23456", confidence=0.9),)
    plate_reads.add_detected(conn, session_id, [seen])
    plate_reads.save(conn, session_id, (0, 0), PlateOutcome.READ, Reading(candidates=candidates))
    event_id = plate_events.create(conn, session_id, at=NOON)
    plate_reads.assign(conn, session_id, [(0, 0)], event_id)
    vote = Vote(plate="1A23456", confidence=0.9, candidates=candidates, agreeing=1)
    plate_events.revote(conn, event_id, vote, plate_reads.of_event(conn, event_id, most=1)[0])
    plate_events.close(conn, session_id, before=None)
    return event_id


def test_a_parked_check_is_judged_when_the_registry_is_back(service: Service, database: Database, redis: Redis) -> None:
    service.paid["1A23456"] = PAID
    service.failing = 1
    settings = config.build({}, where="test", environ={})
    registry = a_registry(service, retries=0)
    process.hold(Process(settings=settings, redis=redis, database=database, registry=registry))
    with database.transaction() as conn:
        event_id = a_closed_event(conn)
    check(event_id)
    with database.transaction() as conn:
        parked = verdicts.in_force(conn, event_id)
        assert plate_events.unjudged(conn) == []
        conn.execute("update verdicts set judge_again_at = now()")
    assert parked is not None
    assert parked.status is VerdictStatus.REGISTRY_UNKNOWN
    with database.transaction() as conn:
        assert plate_events.unjudged(conn) == [event_id]
    check(event_id)
    with database.transaction() as conn:
        assert plate_events.unjudged(conn) == []
        told = conn.execute("select status from verdicts order by id").fetchall()
    assert told == [("REGISTRY_UNKNOWN",), ("VALID",)]
