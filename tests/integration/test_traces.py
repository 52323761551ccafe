"""From a frame to the verdict on its car, as a real OTLP receiver sees it; and that nothing depends on it."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import pytest
from otlp_receiver import Receiver, Seen, receiving
from redis import Redis
from structlog.testing import capture_logs

from anpr import config
from anpr.config import Camera, QueueSettings
from cli.demo.scene import Scene
from ingest.run import Ingest, ingest
from models.detector.inference import Detector
from models.reader import Reader, load_reader
from storage import plate_reads
from storage.db import Database
from workers import process, traces
from workers.check import check, group
from workers.detect import detect
from workers.process import Process
from workers.read import read
from workers.sweep import sweep

NUMBERS = [0, 1, 2, 3]
SESSION = 1  # the first of a new database


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch):
    with receiving() as one:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", one.url)
        yield one


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four looks at one road, as a camera that is a directory."""
    scene, directory = Scene(7), tmp_path / "pictures"
    directory.mkdir()
    for number in NUMBERS:
        cv2.imwrite(str(directory / f"{number}.jpg"), scene.frame(40 + 5 * number))
    return directory


@pytest.fixture(scope="module")
def networks() -> tuple[Detector, Reader]:
    return Detector.load(None), load_reader("tflite")


@pytest.fixture
def held(database: Database, redis: Redis, tmp_path: Path, networks: tuple[Detector, Reader]) -> Process:
    """This process as a worker of all stages."""
    one = Process(
        settings=config.build({"evidence_dir": str(tmp_path / "evidence")}, where="test", environ={}),
        redis=redis,
        database=database,
        loaded_detector=networks[0],
        loaded_reader=networks[1],
    )
    process.hold(one)
    return one


def ingested(held: Process, pictures: Path) -> None:
    shared = Ingest(redis=held.redis, database=held.database, queue=QueueSettings(), stop=threading.Event())
    ingest("gate", Camera(url=str(pictures), fps=None), shared)


def worked_on(held: Process, numbers: list[int]) -> None:
    """These frames up to their grouping."""
    detect(SESSION, numbers)
    with held.database.transaction() as conn:
        plates = [list(key) for key in plate_reads.unread(conn, SESSION)]
    read(SESSION, plates)
    group(SESSION)


def judged(held: Process) -> list[int]:
    """The ids of the events, all of which have passed and are judged."""
    sweep(held)
    with held.database.transaction() as conn:
        ids = [number for (number,) in conn.execute("select id from plate_events order by id").fetchall()]
    for event_id in ids:
        check(event_id)
    return ids


def texts(database: Database) -> set[bytes]:
    with database.transaction() as conn:
        rows = conn.execute("select text from plate_reads union select plate from plate_events").fetchall()
    return {text.encode() for (text,) in rows if text}


def within(spans: list[Seen], span: Seen) -> set[bytes]:
    """The ids of all spans that one comes to from `span`, by traces and by links."""
    known, ends = {span.trace}, 0
    while len(known) > ends:
        ends = len(known)
        known |= {trace for one in spans if one.trace in known for trace, _ in one.links}
    return {one.id for one in spans if one.trace in known}


def test_a_verdict_leads_back_to_every_frame_that_its_car_was_read_in(
    held: Process, pictures: Path, receiver: Receiver
) -> None:
    with traces.sent("test", os.environ):
        ingested(held, pictures)
        worked_on(held, NUMBERS[:2])
        worked_on(held, NUMBERS[2:])
        event_ids = judged(held)
    first = {one.facts["anpr.frame"]: one for one in receiver.named("ingest")}
    assert sorted(first) == NUMBERS
    assert len({one.trace for one in first.values()}) == len(NUMBERS)
    assert all(one.parent == b"" for one in first.values())
    looked = {one.facts["anpr.frame"]: one for one in receiver.named("detect")}
    assert {no: (one.trace, one.parent) for no, one in looked.items()} == {
        no: (one.trace, one.id) for no, one in first.items()
    }
    reads = receiver.named("read")
    assert {(one.trace, one.parent) for one in reads} == {(one.trace, one.id) for one in looked.values()}

    verdicts = {one.facts["anpr.event"]: one for one in receiver.named("check")}
    assert sorted(verdicts) == event_ids
    with held.database.transaction() as conn:
        seen_in = {
            event_id: {
                number
                for (number,) in conn.execute(
                    "select frame_no from plate_reads where event_id = %(id)s", {"id": event_id}
                ).fetchall()
            }
            for event_id in event_ids
        }
    assert max(map(len, seen_in.values())) == len(NUMBERS)  # a car that both halves show
    for event_id, verdict in verdicts.items():
        assert verdict.trace in {first[number].trace for number in seen_in[event_id]}
        reached = within(receiver.spans, verdict)
        assert {first[number].id for number in seen_in[event_id]} <= reached


def test_spans_tell_what_was_done_and_where_and_no_plate(held: Process, pictures: Path, receiver: Receiver) -> None:
    with traces.sent("test", os.environ):
        ingested(held, pictures)
        worked_on(held, NUMBERS)
        judged(held)
    assert {one.name for one in receiver.spans} == {"ingest", "detect", "read", "group", "check"}
    assert all(one.facts["anpr.stage"] == one.name and one.took_ns > 0 for one in receiver.spans)
    resource = receiver.spans[0].resource
    assert resource["service.name"] == "anpr"
    assert resource["service.instance.id"] == f"test:{socket.gethostname()}:{os.getpid()}"
    begun = receiver.named("ingest")[0].facts
    assert (begun["anpr.camera"], begun["anpr.session"]) == ("gate", SESSION)
    told = {one.facts["anpr.event"]: one.facts["anpr.verdict"] for one in receiver.named("check")}
    with held.database.transaction() as conn:
        assert told == dict(conn.execute("select event_id, status from verdicts").fetchall())
    assert sum(int(one.facts["anpr.crops"]) for one in receiver.named("detect")) == sum(
        int(one.facts["anpr.plates"]) for one in receiver.named("read")
    )
    plates = texts(held.database)
    assert plates
    assert [plate for plate in plates if plate in receiver.content] == []


def test_a_frame_that_the_sampler_leaves_out_leaves_no_trace_and_neither_does_one_of_an_older_version(
    held: Process, pictures: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with traces.sent("ingest", os.environ):
        ingested(held, pictures)
    [(_, entry), *_] = held.redis.xrange("anpr:frames:1")
    assert sorted(entry) == [b"at", b"jpeg", b"left", b"top"]  # as it has always been
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    with traces.sent("detect", os.environ):
        worked_on(held, NUMBERS)
        assert judged(held)
    assert receiver.spans == []
    assert held.redis.keys("anpr:trace:*") == []


def test_contexts_do_not_stay_in_redis(held: Process, pictures: Path, receiver: Receiver) -> None:
    with traces.sent("test", os.environ):
        ingested(held, pictures)
        worked_on(held, NUMBERS)
    kept = held.redis.keys("anpr:trace:*")
    assert kept
    assert all(0 < held.redis.ttl(key) <= traces.KEPT_S for key in kept)


def test_a_failure_is_told_by_its_kind_alone(receiver: Receiver) -> None:
    with traces.sent("test", os.environ), pytest.raises(LookupError), traces.begin("check"):
        raise LookupError("1A23456")
    assert [one.error for one in receiver.spans] == ["LookupError"]
    assert b"1A23456" not in receiver.content


def test_where_the_receiver_is_away_work_goes_on_and_one_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with capture_logs() as logs, traces.sent("test", os.environ):
        for _ in range(4):
            with traces.begin("ingest") as span:
                assert span.context
            time.sleep(0.1)
    assert [(one["event"], one["log_level"]) for one in logs] == [("traces.lost", "warning")]


def test_a_receiver_that_hangs_holds_nobody_up_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as logs:
        with socket.create_server(("127.0.0.1", 0)) as hanging:  # it takes connections and never answers
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{hanging.getsockname()[1]}")
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5")
            with traces.sent("test", os.environ), traces.begin("ingest"):
                pass
            [left] = [one for one in threading.enumerate() if one.name == "traces-end"]
        left.join(30)
    assert [one["event"] for one in logs] == ["traces.lost"]


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin': only otlp and none are known here"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc': only http/protobuf is known here",
        ),
    ],
)
def test_what_cannot_be_sent_is_one_warning_and_work_goes_on(variables: dict[str, str], why: str) -> None:
    with capture_logs() as logs, traces.sent("test", variables):
        assert traces.begin("ingest").context == ""
    assert [(one["event"], one["why"]) for one in logs] == [("traces.not_sent", why)]


def test_without_the_extra_one_warning_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "workers.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as if it were not there
    with capture_logs() as logs, traces.sent("test", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}):
        assert traces.begin("ingest").context == ""
    assert [(one["event"], one["why"]) for one in logs] == [
        ("traces.not_sent", "the extra is not installed: `pip install '.[traces]'`")
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "anpr"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_unless_they_are_asked_for_there_are_none(variables: dict[str, str]) -> None:
    with capture_logs() as logs, traces.sent("test", variables):
        assert traces.begin("ingest") is traces.follow("detect", f"00-{'1' * 32}-{'1' * 16}-01")
    assert logs == []


def test_unless_they_are_asked_for_nothing_that_sends_them_is_loaded() -> None:
    code = "import sys, workers.traces; sys.exit('opentelemetry.exporter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
