"""Metrics from the real servers: they add up, survive restarts, hold no plate, and Prometheus understands them."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import run
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from anpr import config, metrics
from anpr.errors import BadConfig, Unavailable
from anpr.types import FrameOutcome, PlateEvent, Verdict, VerdictStatus
from cli.top import top
from storage import plate_events, sessions, verdicts
from storage.db import Database
from storage.sessions import IngestCounters
from workers import frames, processes, queues, rates
from workers.endpoint import Endpoint
from workers.exposition import registry
from workers.frames import StoredFrame
from workers.measures import Measures, judged
from workers.process import Process, hold, job
from workers.reporter import Reporter
from workers.state import look
from workers.sweep import sweep

ROOT = Path(__file__).parents[2]
NO_PLATE, READ, SHED, FAILED = (
    FrameOutcome.NO_PLATE,
    FrameOutcome.READ,
    FrameOutcome.SHED,
    FrameOutcome.FAILED,
)
Labels = tuple[tuple[str, str], ...]


def scraped(database: Database, redis: Redis) -> dict[tuple[str, Labels], float]:
    """Every sample by name and labels, as Prometheus parses the text."""
    text = generate_latest(registry(database, redis))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def of(samples: dict[tuple[str, Labels], float], name: str, **labels: str) -> dict[Labels, float]:
    """The samples of a name with these labels among theirs."""
    return {
        found: value for (one, found), value in samples.items() if one == name and labels.items() <= dict(found).items()
    }


def value(samples: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    [only] = of(samples, name, **labels).values()
    return only


def a_session(conn: Any, *, camera: str = "gate", is_live: bool = True) -> int:
    number = sessions.camera_id(conn, camera, toll_country="CZ")
    return sessions.start(conn, camera=number, source=camera, key=camera, is_live=is_live, expected_frames=None)


def told(conn: Any, session_id: int, *outcomes: FrameOutcome, offered: int, sampled: int, begin: int = 0) -> None:
    counters = IngestCounters(offered=offered, sampled_out=offered - sampled, sampled=sampled, reconnects=1)
    sessions.report(conn, session_id, counters)
    sessions.record(conn, session_id, [(begin + n, datetime.now(UTC), one) for n, one in enumerate(outcomes)])


def a_process(database: Database, redis: Redis, tmp_path: Path) -> Process:
    settings = config.build({"evidence_dir": str(tmp_path / "evidence")}, where="test", environ={})
    process = Process(settings=settings, redis=redis, database=database)
    hold(process)
    return process


def a_reporter(role: str, redis: Redis, measures: Measures | None = None) -> Reporter:
    return Reporter(role, redis=redis, measures=measures or Measures(), has_jobs=True, models=lambda: {"net": "abc"})


def test_outcomes_and_what_waits_add_up_to_what_was_offered_whether_folded_or_not(database, redis) -> None:
    with database.transaction() as conn:
        first = a_session(conn)
        told(conn, first, READ, READ, NO_PLATE, SHED, offered=20, sampled=4)
        second = a_session(conn)
        told(conn, second, FAILED, NO_PLATE, offered=10, sampled=5)
    before = scraped(database, redis)
    with database.transaction() as conn:
        sessions.fold(conn, first)
    after = scraped(database, redis)
    assert of(before, "anpr_frames_total") == of(after, "anpr_frames_total")
    outcomes = {dict(labels)["outcome"]: number for labels, number in of(after, "anpr_frames_total").items()}
    assert outcomes == {
        "sampled_out": 21,
        "shed_early": 0,
        "no_plate": 2,
        "read": 2,
        "shed": 1,
        "expired": 0,
        "failed": 1,
    }
    assert value(after, "anpr_frames_waiting") == 3
    assert sum(outcomes.values()) + 3 == value(after, "anpr_frames_offered_total") == 30
    assert value(after, "anpr_reconnects_total", camera="gate") == 2


def test_what_processes_measured_outlives_them_and_adds_up(database, redis) -> None:
    for seconds in (0.02, 0.3):
        measures = Measures()
        measures.observe(metrics.JOB_DURATION, seconds, "detect")
        measures.count(metrics.JOBS, "detect", "done")
        reporter = a_reporter("detect", redis, measures)
        reporter.tell()
        reporter.leave()
    found = scraped(database, redis)
    assert value(found, "anpr_jobs_total", task="detect", outcome="done") == 2
    assert value(found, "anpr_job_duration_seconds_count", task="detect") == 2
    assert value(found, "anpr_job_duration_seconds_sum", task="detect") == pytest.approx(0.32)
    bounds = {dict(labels)["le"]: n for labels, n in of(found, "anpr_job_duration_seconds_bucket").items()}
    assert [bounds[le] for le in ("0.01", "0.025", "0.25", "0.5", "+Inf")] == [0, 1, 1, 2, 2]
    assert value(found, "anpr_processes", role="detect") == 0
    assert value(found, "anpr_process_cpu_seconds_total", role="detect") > 0


def test_a_process_is_listed_while_it_lives_and_no_longer_when_its_key_is_gone(database, redis) -> None:
    reporter = a_reporter("read", redis)
    reporter.tell(is_waiting=True)
    [one] = processes.alive(redis)
    assert (one.role, one.models, one.is_waiting, one.jobs) == ("read", {"net": "abc"}, True, 0)
    found = scraped(database, redis)
    assert value(found, "anpr_processes", role="read") == 1
    assert value(found, "anpr_model_info") == 1
    assert value(found, "anpr_process_memory_bytes", role="read") == one.memory_bytes > 1e6
    assert 0 < redis.ttl(one.key) <= processes.ALIVE_S
    redis.delete(one.key)  # as when it expires
    assert processes.alive(redis) == []
    assert redis.scard(processes.PROCESSES) == 0


def test_what_a_process_of_another_version_told_disturbs_nobody(database, redis) -> None:
    a_reporter("read", redis).tell()
    redis.set("anpr:process:x", json.dumps({"role": "read", "colour": "red"}))
    redis.sadd(processes.PROCESSES, "anpr:process:x")
    redis.hset(processes.MEASURED, json.dumps(["anpr_gone_total", "a", ""]), 3)
    redis.hset(processes.MEASURED, json.dumps(["anpr_jobs_total", "one label too few", ""]), 3)
    redis.hset(processes.MEASURED, json.dumps(["anpr_job_duration_seconds", "read", "0.017"]), 3)
    found = scraped(database, redis)
    assert value(found, "anpr_processes", role="read") == 1
    assert of(found, "anpr_jobs_total") == {}
    assert value(found, "anpr_job_duration_seconds_count", task="read") == 0


def test_measures_wait_while_redis_is_away(redis) -> None:
    measures = Measures()
    away = queues.connect("redis://127.0.0.1:9/0")
    reporter = a_reporter("read", away, measures)
    measures.count(metrics.VERDICTS, "gate", "VALID")
    reporter.tell()
    reporter.leave()
    assert measures.take()[metrics.VERDICTS.name, "gate", "VALID", ""] == 1.0


def test_jobs_are_measured_and_failures_told_apart(database, redis, tmp_path) -> None:
    process = a_process(database, redis, tmp_path)

    @job
    def good() -> None:
        pass

    @job
    def away() -> None:
        raise Unavailable("Postgres is away")

    @job
    def bad() -> None:
        raise LookupError("a bug")

    good()
    away()
    with pytest.raises(LookupError):
        bad()
    process.reporter = a_reporter("check", redis, process.measures)
    process.tell()
    found = scraped(database, redis)
    assert {tuple(dict(labels).values()): n for labels, n in of(found, "anpr_jobs_total").items()} == {
        ("done", "good"): 1,
        ("put_back", "away"): 1,
        ("failed", "bad"): 1,
    }


def test_queues_tell_depth_and_the_age_of_their_oldest_job(database, redis) -> None:
    for first in (0, 8, 16):
        queues.detect_later(redis, 1, [first])
    oldest, newest = redis.lindex("rq:queue:detect", 0).decode(), redis.lindex("rq:queue:detect", 2).decode()
    long_ago = datetime.now(UTC) - timedelta(seconds=90)
    redis.hset(f"rq:job:{oldest}", "enqueued_at", long_ago.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    redis.lmove("rq:queue:detect", "rq:queue:detect", "RIGHT", "LEFT")  # tried again: to the front
    assert redis.lindex("rq:queue:detect", 0).decode() == newest
    found = scraped(database, redis)
    assert value(found, "anpr_queue_jobs", stage="detect", state="waiting") == 3
    assert 90 <= value(found, "anpr_queue_oldest_job_seconds", stage="detect") < 100
    assert value(found, "anpr_queue_oldest_job_seconds", stage="read") == 0


def test_a_camera_that_loses_frames_is_behind_and_its_health_tells_how_far(database, redis) -> None:
    with database.transaction() as conn:
        session_id = a_session(conn)
        told(conn, session_id, offered=0, sampled=0)
        running = sessions.unsettled(conn)
    rates.note(redis, running)
    redis.delete(rates.NOTED)
    [(entry, held)] = redis.xrange(rates.NOTES)
    ms = int(entry.split(b"-")[0]) - 10_000
    redis.delete(rates.NOTES)
    redis.xadd(rates.NOTES, held, id=f"{ms}-0")  # ten seconds ago
    with database.transaction() as conn:
        told(conn, session_id, *[READ] * 30, *[NO_PLATE] * 10, *[SHED] * 10, offered=250, sampled=50)
        running = sessions.unsettled(conn)
    rates.note(redis, running)
    rates.note(redis, running)  # too early: nothing is noted
    assert redis.xlen(rates.NOTES) == 2
    state = look(database, redis)
    assert state.postgres is not None
    [camera] = state.postgres.cameras
    assert (camera.condition, camera.health) == ("behind", pytest.approx(0.8))
    found = scraped(database, redis)
    assert value(found, "anpr_camera_health_ratio", camera="gate") == pytest.approx(0.8)
    assert value(found, "anpr_camera_offered_fps", camera="gate") == pytest.approx(25, rel=0.1)
    assert value(found, "anpr_camera_processed_fps", camera="gate") == pytest.approx(4, rel=0.1)
    assert value(found, "anpr_camera_up", camera="gate") == 1


def condition(database: Database, redis: Redis) -> str:
    state = look(database, redis)
    assert state.postgres is not None
    [camera] = state.postgres.cameras
    return camera.condition


def test_a_camera_is_silent_gone_finishing_or_ended(database, redis, tmp_path) -> None:
    process = a_process(database, redis, tmp_path)
    with database.transaction() as conn:
        session_id = a_session(conn)
        sessions.report(conn, session_id, IngestCounters())
    sweep(process)
    assert condition(database, redis) == "running"  # nothing is known of the last seconds
    [(entry, held)] = redis.xrange(rates.NOTES)
    redis.delete(rates.NOTES, rates.NOTED)
    redis.xadd(rates.NOTES, held, id=f"{int(entry.split(b'-')[0]) - 20_000}-0")
    sweep(process)
    assert condition(database, redis) == "silent"
    with database.transaction() as conn:
        conn.execute("update sessions set seen_at = now() - interval '20 seconds'")
    assert condition(database, redis) == "gone"
    assert value(scraped(database, redis), "anpr_camera_up") == 0
    with database.transaction() as conn:
        sessions.report(conn, session_id, IngestCounters(offered=1, sampled=1), ended=True, complete=True)
    assert condition(database, redis) == "finishing"
    with database.transaction() as conn:
        sessions.record(conn, session_id, [(0, None, NO_PLATE)])
    sweep(process)
    assert condition(database, redis) == "ended"


def test_a_live_camera_lags_by_its_oldest_frame_that_waits_and_a_file_never(database, redis) -> None:
    with database.transaction() as conn:
        ids = [a_session(conn), a_session(conn, camera="file", is_live=False)]
        for session_id in ids:
            sessions.report(conn, session_id, IngestCounters())
    assert value(scraped(database, redis), "anpr_camera_lag_seconds", camera="gate") == 0
    for session_id in ids:
        pipe = redis.pipeline()
        for number, age_s in enumerate((40, 20)):
            at = datetime.now(UTC) - timedelta(seconds=age_s)
            frame = StoredFrame(frame_no=number, captured_at=at, left_px=0, top_px=0, jpeg=b"a picture")
            frames.add(pipe, session_id, frame)
        pipe.execute()
    found = scraped(database, redis)
    assert 40 <= value(found, "anpr_camera_lag_seconds", camera="gate") < 50
    assert of(found, "anpr_camera_lag_seconds", camera="file") == {}


def an_event(database: Database, *, is_live: bool, camera: str = "gate") -> PlateEvent:
    with database.transaction() as conn:
        session_id = a_session(conn, camera=camera, is_live=is_live)
        event_id = plate_events.create(conn, session_id, at=datetime.now(UTC) - timedelta(seconds=8))
        conn.execute("update plate_events set state = 'closed', plate = '1A23456' where id = %(id)s", {"id": event_id})
        row = plate_events.get(conn, event_id)
    assert row is not None
    return row.event


def test_latency_counts_the_first_verdict_on_a_car_of_a_live_camera_alone(database, redis) -> None:
    measures = Measures()
    live, recorded = an_event(database, is_live=True), an_event(database, is_live=False, camera="file")
    judged(measures, database, live, VerdictStatus.VALID)
    judged(measures, database, recorded, VerdictStatus.SUSPECT)
    verdict = Verdict(
        status=VerdictStatus.VALID,
        reason="paid",
        readings_tried=("1A23456",),
        vignette_id=None,
        snapshot_id=None,
        rules_version="1",
    )
    with database.transaction() as conn:
        verdicts.add(conn, live.id, live.revision, verdict)
        conn.execute("update verdicts set judged_at = now() - interval '5 minutes'")
    judged(measures, database, live, VerdictStatus.EXEMPT)  # judged again: a new list came
    a_reporter("check", redis, measures).tell()
    found = scraped(database, redis)
    assert value(found, "anpr_verdict_latency_seconds_count") == 1
    assert 8 <= value(found, "anpr_verdict_latency_seconds_sum") < 12
    given = {(dict(one)["camera"], dict(one)["status"]): n for one, n in of(found, "anpr_verdicts_total").items() if n}
    assert given == {("gate", "VALID"): 1, ("file", "SUSPECT"): 1, ("gate", "EXEMPT"): 1}
    assert value(found, "anpr_verdicts_total", camera="gate", status="SUSPECT") == 0


def test_verdicts_of_the_last_hour_are_the_newest_of_each_event(database, redis) -> None:
    event = an_event(database, is_live=True)
    with database.transaction() as conn:
        for status in (VerdictStatus.REGISTRY_UNKNOWN, VerdictStatus.VALID):
            verdict = Verdict(
                status=status,
                reason="",
                readings_tried=(),
                vignette_id=None,
                snapshot_id=None,
                rules_version="1",
            )
            verdicts.add(conn, event.id, event.revision, verdict)
    state = look(database, redis)
    assert state.postgres is not None
    assert {status: n for status, n in state.postgres.verdicts.items() if n} == {VerdictStatus.VALID: 1}
    assert set(state.postgres.verdicts) == set(VerdictStatus)


def test_no_plate_is_in_any_metric(database, redis) -> None:
    event = an_event(database, is_live=True)
    measures = Measures()
    judged(measures, database, event, VerdictStatus.SUSPECT)
    a_reporter("check", redis, measures).tell()
    text = generate_latest(registry(database, redis))
    assert b'camera="gate"' in text
    assert event.plate == "1A23456"
    assert b"1A23456" not in text
    assert not any(b"1A23456" in one for one in redis.hkeys(processes.MEASURED))


def test_where_a_server_is_away_the_rest_is_told(database, redis) -> None:
    away = Database("postgresql://anpr@127.0.0.1:9/anpr")
    queues.detect_later(redis, 1, [0])
    found = scraped(away, redis)
    assert (value(found, "anpr_postgres_up"), value(found, "anpr_redis_up")) == (0, 1)
    assert value(found, "anpr_queue_jobs", stage="detect", state="waiting") == 1
    away.close()
    with database.transaction() as conn:
        told(conn, a_session(conn), READ, offered=1, sampled=1)
    found = scraped(database, queues.connect("redis://127.0.0.1:9/0"))
    assert (value(found, "anpr_postgres_up"), value(found, "anpr_redis_up")) == (1, 0)
    assert value(found, "anpr_frames_total", outcome="read") == 1


def promtool(*words: object) -> None:
    program = shutil.which("promtool") or str(Path(sys.executable).with_name("promtool"))
    done = subprocess.run([program, *map(str, words)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_finds_nothing_wrong_with_the_text(database, redis, tmp_path) -> None:
    with database.transaction() as conn:
        told(conn, a_session(conn), READ, offered=1, sampled=1)
    measures = Measures()
    with measures.job("read"):
        pass
    a_reporter("read", redis, measures).tell()
    text = generate_latest(registry(database, redis))
    program = shutil.which("promtool") or str(Path(sys.executable).with_name("promtool"))
    done = subprocess.run([program, "check", "metrics"], input=text, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_prometheus_accepts_its_settings_the_alerts_and_what_they_should_say() -> None:
    promtool("check", "config", ROOT / "operations/prometheus.yml")
    promtool("check", "rules", ROOT / "operations/alerts.yaml")
    promtool("test", "rules", ROOT / "tests/integration/alerts_test.yaml")


def test_every_alert_has_a_test_that_it_fires() -> None:
    alerts = yaml.safe_load((ROOT / "operations/alerts.yaml").read_text(encoding="utf-8"))
    names = {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    silent, *firing = yaml.safe_load((ROOT / "tests/integration/alerts_test.yaml").read_text())["tests"]
    assert {one["alertname"] for one in silent["alert_rule_test"]} == names
    assert {name for name in names if name in yaml.safe_dump(firing)} == names


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path) -> None:
    panels = json.loads((ROOT / "operations/grafana.json").read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    filled = [one.replace("$__rate_interval", "5m").replace("$camera", ".*") for one in queries]
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(filled)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def a_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def an_endpoint(database_url: str, redis_url: str, port: int) -> Iterator[Endpoint]:
    plain = {"database_url": database_url, "redis_url": redis_url, "metrics": {"port": port}}
    endpoint = Endpoint(config.build(plain, where="test", environ={}))
    try:
        yield endpoint
    finally:
        endpoint.close()


def served(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_one_process_serves_and_another_follows_it(database_url, redis_url, database, redis) -> None:
    port = a_free_port()
    with an_endpoint(database_url, redis_url, port) as second:
        with an_endpoint(database_url, redis_url, port) as first:
            first.keep()
            second.keep()
            assert "anpr_postgres_up 1.0" in served(port)
            names = [one.get("name") for one in redis.client_list()]
            assert metrics.CLIENT in names
        end_s = time.monotonic() + 20
        while True:
            second.keep()
            try:
                assert "anpr_redis_up 1.0" in served(port)
                break
            except OSError:
                assert time.monotonic() < end_s
                time.sleep(0.1)


def test_top_prints_all_of_it_as_text_and_as_json(database_url, redis_url, database, redis) -> None:
    with database.transaction() as conn:
        told(conn, a_session(conn), READ, SHED, offered=10, sampled=3)
    a_reporter("detect", redis).tell()
    queues.detect_later(redis, 1, [0])
    env = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    text = run(top, "--once", **env)
    assert text.status == 0
    assert all(word in text.out for word in ("gate", "running", "detect", "net", "SUSPECT"))
    found = json.loads(run(top, "--json", **env).out)
    [camera] = found["cameras"]
    assert (camera["camera"], camera["condition"], camera["waiting"]) == ("gate", "running", 1)
    assert camera["frames"]["offered"] == 10
    assert {one["stage"]: one["waiting"] for one in found["queues"]}["detect"] == 1
    assert [(one["role"], one["models"]) for one in found["processes"]] == [("detect", {"net": "abc"})]
    assert found["verdicts_last_hour"]["VALID"] == 0
    assert found["failures"] == []


def test_top_says_so_where_nothing_runs(database_url, redis_url, tmp_path) -> None:
    nothing = run(top, "--once", ANPR_DATA_DIR=str(tmp_path))
    assert isinstance(nothing.error, BadConfig)
    assert str(nothing.error).startswith(f"nothing runs here: there was no `anpr run` on {tmp_path}")
    (tmp_path / "run.yaml").write_text(
        f"database_url: postgresql://anpr@/anpr?host={tmp_path}\nredis_url: unix://{tmp_path}/redis.sock\n"
    )
    ended = run(top, "--once", ANPR_DATA_DIR=str(tmp_path))
    assert isinstance(ended.error, Unavailable)
    assert str(ended.error).startswith(f"nothing runs on {tmp_path}: start `anpr run`; ")
    idle = run(top, "--once", DATABASE_URL=database_url, REDIS_URL=redis_url)
    assert "Nothing ingests and no worker runs on these servers" in idle.out
