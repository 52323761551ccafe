"""`anpr config` and `anpr doctor`."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from commands import Ran, run
from servers import TestServers

from anpr.errors import BadConfig
from cli import config_check, doctor
from storage import migrate

CAMERAS = """
database_url: postgresql://anpr:geheim@db/anpr
redis_url: redis://:geheim@queue:6379/0
cameras:
  north: {url: "rtsp://op:geheim@10.0.0.1/live?token=geheim", fps: 2}
  south: {url: /data/south.mp4, start: "2026-05-01T08:00+02:00", motion: 0.002}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def a_file(text: str, name: str = "settings.yaml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def config(*args: object, **env: str) -> Ran:
    return run(config_check.app, *args, **env)


def test_config_check_sums_up_the_cameras_without_their_secrets() -> None:
    ran = config("check", a_file(CAMERAS))
    assert ran.status == 0
    assert ran.out.startswith("settings.yaml: ok\n")
    for told in ("north", "south", "rtsp://***@10.0.0.1/live", "/data/south.mp4", "postgresql://***@db/anpr"):
        assert told in ran.out
    assert "geheim" not in ran.out


def test_config_check_takes_the_file_of_the_directory_or_the_defaults() -> None:
    assert config("check").out.startswith("defaults (there is no anpr.yaml): ok\n")
    a_file("cameras: {east: {url: east.mp4}}", "anpr.yaml")
    ran = config("check")
    assert ran.out.startswith("anpr.yaml: ok\n")
    assert "east.mp4" in ran.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("camera: {}", "settings.yaml: unknown key `camera` (did you mean `cameras`?)"),
        ("cameras: {a: {url: x, start: noon}}", "settings.yaml: `cameras.a.start`: "),
        ("redis_url: queue:6379", "the Redis address is not one of Redis"),
        ("database_url: nonsense", "the database address is not one of Postgres"),
        ("cameras: [", "settings.yaml, line 1: not valid YAML"),
    ],
)
def test_config_check_tells_what_is_wrong_in_one_line(text: str, told: str) -> None:
    error = config("check", a_file(text)).error
    assert isinstance(error, BadConfig)
    assert str(error).startswith(told)
    assert len(str(error).splitlines()) == 1


def test_config_show_prints_all_settings_without_their_secrets() -> None:
    ran = config("show", "--config", a_file(CAMERAS))
    shown = yaml.safe_load(ran.out)
    assert "geheim" not in ran.out
    assert shown["database_url"] == "postgresql://***@db/anpr"
    assert shown["redis_url"] == "redis://***@queue:6379/0"
    assert shown["cameras"]["north"]["url"] == "rtsp://***@10.0.0.1/live?token=***"
    assert shown["cameras"]["north"]["fps"] == 2
    assert shown["queue"]["max_frames"] == 128


def test_config_show_hides_the_password_of_a_keyword_address() -> None:
    ran = config("show", DATABASE_URL="host=db password=geheim dbname=anpr")
    assert "geheim" not in ran.out
    assert yaml.safe_load(ran.out)["database_url"] == "db:5432/anpr"


def examined(**env: str) -> tuple[int, dict[str, dict[str, str]]]:
    ran = run(doctor.doctor, "--format", "json", **env)
    told = json.loads(ran.out)
    assert told["ok"] == (ran.status == 0)
    return ran.status, {check["name"]: check for check in told["checks"]}


def test_doctor_finds_all_that_is_needed_where_no_server_is_set() -> None:
    status, checks = examined()
    assert {name: check["state"] for name, check in checks.items() if check["state"] == "problem"} == {}
    assert status == 0
    assert list(checks) == [
        "Python",
        "machine",
        "settings",
        "FFmpeg",
        "TFLite runtime",
        "detector",
        "reader",
        "Tesseract",
        "Postgres",
        "Redis",
        "evidence",
    ]
    assert "ms a 1080p frame" in checks["detector"]["found"]
    assert "PostgreSQL" in checks["Postgres"]["found"]
    assert "Redis server v=" in checks["Redis"]["found"]


@pytest.fixture
def empty_database_url(running_servers: TestServers) -> Iterator[str]:
    with running_servers.fresh_database() as url:
        yield url


def test_doctor_asks_the_servers_that_are_set(empty_database_url: str, redis_url: str) -> None:
    status, checks = examined(DATABASE_URL=empty_database_url, REDIS_URL=redis_url)
    assert (status, checks["Postgres"]["state"], checks["Redis"]["state"]) == (1, "ok", "ok")
    assert checks["database"] == {
        "name": "database",
        "state": "problem",
        "found": f"not up to date, lacks {', '.join(migrate.names())}",
        "advice": "anpr db migrate",
    }
    with psycopg.connect(empty_database_url) as conn:
        assert conn.execute("select to_regclass('migrations')").fetchone() == (None,)
        migrate.migrate(conn)
    status, checks = examined(DATABASE_URL=empty_database_url, REDIS_URL=redis_url)
    assert (status, checks["database"]["found"]) == (0, "up to date")


def test_doctor_tells_what_to_do_about_servers_that_do_not_answer() -> None:
    status, checks = examined(
        DATABASE_URL="postgresql://a:geheim@127.0.0.1:1/anpr", REDIS_URL="redis://:geheim@127.0.0.1:1/0"
    )
    assert status == 1
    for name in ("Postgres", "Redis"):
        assert checks[name]["state"] == "problem"
        assert "127.0.0.1:1" in checks[name]["found"]
        assert "correct" in checks[name]["advice"]
    assert "geheim" not in json.dumps(checks)


def test_doctor_names_broken_settings_and_models() -> None:
    a_file("detect: {model: none.tflite}\nread: {model: broken.tflite}\n", "anpr.yaml")
    a_file("no network", "broken.tflite")
    a_file("", "broken.yaml")
    status, checks = examined()
    assert status == 1
    assert "none.yaml: No such file" in checks["detector"]["found"]
    assert checks["reader"]["state"] == "problem"
    a_file("detects: {}", "anpr.yaml")
    status, checks = examined()
    assert (status, checks["settings"]["state"]) == (1, "problem")
    assert checks["detector"]["state"] != "problem"  # a busy machine is slow, of which it takes note


def test_doctor_finds_an_evidence_directory_that_cannot_be() -> None:
    a_file("")
    a_file("evidence_dir: settings.yaml/evidence", "anpr.yaml")
    status, checks = examined()
    assert (status, checks["evidence"]["state"]) == (1, "problem")
    assert checks["evidence"]["advice"] != ""


def test_doctor_leaves_nothing_behind() -> None:
    examined()
    assert list(Path().iterdir()) == []


def test_doctor_prints_a_table_with_advice_under_each_problem() -> None:
    a_file("unknown: 1", "anpr.yaml")
    ran = run(doctor.doctor)
    assert ran.status == 1
    assert "→ correct it, then `anpr config check`" in ran.out
    assert "1 problem: see → above" in ran.out
