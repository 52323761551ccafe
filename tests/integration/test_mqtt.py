"""Verdicts, counts and devices reach a real Mosquitto, also after it was away, and no topic holds a plate."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import passings
import pytest
import yaml
from mosquitto import PASSWORD, Listener, Mosquitto, listening
from passings import OTHER, PLATE
from pipeline import until
from redis import Redis
from servers import open_directory

from anpr import config
from anpr.errors import BadConfig
from storage.db import Database
from workers import queues
from workers.mqtt import Broker
from workers.notify import MQTT, announce
from workers.process import Process

ENVIRON = {"MQTT_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Mosquitto]:
    with open_directory() as directory:
        one = Mosquitto(directory)
        yield one
        one.kill()


@pytest.fixture
def running(mosquitto: Mosquitto) -> Iterator[Mosquitto]:
    """A broker that has nothing retained."""
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


def plain(port: int, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "username": "anpr", "password_env": "MQTT_PASSWORD", **more}


def a_worker(database: Database, redis: Redis, tmp_path: Path, port: int, **more: Any) -> Process:
    held = passings.a_check_worker(database, redis, tmp_path)
    given = {"evidence_dir": str(tmp_path), "mqtt": plain(port, **more)}
    held.settings = config.build(given, where="test", environ=ENVIRON)
    return held


@pytest.fixture
def held(database: Database, redis: Redis, tmp_path: Path, running: Mosquitto) -> Process:
    return a_worker(database, redis, tmp_path, running.port)


@pytest.fixture
def broker(held: Process) -> Iterator[Broker]:
    one = Broker(held.settings.mqtt)
    yield one
    one.close(held)


def a_car(held: Process, *plates: str) -> None:
    session_id = passings.a_session(held)
    for number, plate in enumerate(plates or (PLATE,)):
        passings.reads(held, session_id, range(1000 * number, 1000 * number + 3), plate=plate)
    passings.closed_and_judged(held, session_id)
    announce(held)


def waiting(held: Process) -> int:
    with held.database.transaction() as conn:
        row = conn.execute("select count(*) from notifications").fetchone()
    assert row is not None
    return row[0]


def tended(broker: Broker, held: Process, heard: Listener, topic: str, *, count: int = 1) -> list[str]:
    """Tend the connection as a worker does until so many messages of a topic were heard; their payloads."""

    def look() -> bool:
        broker.tend(held)
        return len(heard.of(topic)) >= count

    until(look, within_s=30, what=f"{count} messages of {topic}, of {heard.messages}")
    return heard.of(topic)


def test_what_passes_is_told_without_its_plate(held: Process, broker: Broker, running: Mosquitto) -> None:
    a_car(held)
    with listening(running.port) as heard:
        (told,) = [json.loads(one) for one in tended(broker, held, heard, "anpr/gate/event")]
        tended(broker, held, heard, "anpr/gate/verdict")
        until(lambda: waiting(held) == 0 or broker.tend(held), within_s=20, what="nothing waits")
    assert (told["verdict"]["status"], told["event"]["camera"]) == ("SUSPECT", "gate")
    with listening(running.port) as later:
        until(lambda: len(later.retained) >= 6, within_s=20, what="all that is retained")
    assert set(later.retained) == {
        "anpr/status",
        "anpr/gate/verdict",
        "anpr/gate/counts",
        *(f"homeassistant/sensor/anpr_gate/{what}/config" for what in ("verdict", "passings", "suspects")),
    }
    assert later.retained["anpr/status"] == "online"
    assert json.loads(later.retained["anpr/gate/verdict"])["status"] == "SUSPECT"
    counts = json.loads(later.retained["anpr/gate/counts"])
    assert (counts["passings"], counts["SUSPECT"], counts["VALID"]) == (1, 1, 0)
    assert PLATE not in repr(heard.messages) + repr(later.messages)


def test_plates_are_told_where_that_is_allowed_and_never_retained(
    database: Database, redis: Redis, tmp_path: Path, running: Mosquitto
) -> None:
    held = a_worker(database, redis, tmp_path, running.port, plates=True, prefix="toll/north", discovery_prefix="")
    broker = Broker(held.settings.mqtt)
    a_car(held)
    with listening(running.port) as heard:
        (told,) = [json.loads(one) for one in tended(broker, held, heard, "toll/north/gate/event")]
        tended(broker, held, heard, "toll/north/gate/verdict")
    broker.close(held)
    assert told["event"]["plate"] == PLATE
    assert PLATE not in repr([topic for topic, _ in heard.messages])
    with listening(running.port) as later:
        until(lambda: "toll/north/status" in later.retained, within_s=20, what="what is retained")
    assert later.retained["toll/north/status"] == "offline"
    assert PLATE not in repr(later.messages)
    assert [topic for topic in later.retained if topic.startswith("homeassistant")] == []


def test_what_passes_while_the_broker_is_away_is_told_when_it_is_back(
    held: Process, broker: Broker, running: Mosquitto
) -> None:
    a_car(held)
    with listening(running.port) as heard:
        tended(broker, held, heard, "anpr/gate/event")
        until(lambda: waiting(held) == 0 or broker.tend(held), within_s=20, what="nothing waits")
    running.kill()
    passings.reads(held, 1, range(5000, 5003), plate=OTHER)
    passings.closed_and_judged(held, 1)
    announce(held)
    for _ in range(3):
        broker.tend(held)
    assert waiting(held) == 1
    running.start()
    with listening(running.port) as heard:
        (told,) = [json.loads(one) for one in tended(broker, held, heard, "anpr/gate/event")]
        tended(broker, held, heard, "anpr/gate/counts")
        tended(broker, held, heard, "homeassistant/sensor/anpr_gate/verdict/config")
        assert heard.of("anpr/status")[-1] == "online"
        until(lambda: waiting(held) == 0 or broker.tend(held), within_s=20, what="nothing waits")
    assert told["event"]["id"] == 2


def test_a_verdict_that_is_told_late_does_not_replace_a_newer_one_that_is_kept(
    held: Process, broker: Broker, running: Mosquitto
) -> None:
    a_car(held, PLATE, OTHER)
    with held.database.transaction() as conn:
        conn.execute("update notifications set due_at = now() + interval '1 h' where event_id = 1")  # as if unanswered
    with listening(running.port) as heard:
        tended(broker, held, heard, "anpr/gate/event")
        with held.database.transaction() as conn:
            conn.execute("update notifications set due_at = now()")
        tended(broker, held, heard, "anpr/gate/event", count=2)
        until(lambda: waiting(held) == 0 or broker.tend(held), within_s=20, what="nothing waits")
    assert [json.loads(one)["event"]["id"] for one in heard.of("anpr/gate/event")] == [2, 1]
    with listening(running.port) as later:
        until(lambda: "anpr/gate/verdict" in later.retained, within_s=20, what="what is retained")
    assert json.loads(later.retained["anpr/gate/verdict"])["event_id"] == 2


def test_a_broker_that_was_never_there_is_waited_for(
    database: Database, redis: Redis, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    held = a_worker(database, redis, tmp_path, mosquitto.port)
    broker = Broker(held.settings.mqtt)
    a_car(held)
    broker.tend(held)
    assert waiting(held) == 1
    mosquitto.start()
    with listening(mosquitto.port) as heard:
        tended(broker, held, heard, "anpr/gate/event")
    broker.close(held)
    mosquitto.kill()


def test_one_worker_at_a_time_speaks_to_the_broker(held: Process, broker: Broker, running: Mosquitto) -> None:
    with listening(running.port) as heard:
        tended(broker, held, heard, "anpr/status")
        held.redis.set(f"anpr:leads:{MQTT}", "another worker")
        a_car(held)
        broker.tend(held)
        assert waiting(held) == 1
        held.redis.delete(f"anpr:leads:{MQTT}")
        tended(broker, held, heard, "anpr/gate/event")
    assert queues.leads(held.redis, MQTT)


def test_a_killed_worker_is_told_of_by_the_broker_and_another_takes_over(
    database_url: str, redis_url: str, held: Process, tmp_path: Path, running: Mosquitto
) -> None:
    file = tmp_path / "anpr.yaml"
    given = {"database_url": database_url, "redis_url": redis_url, "mqtt": plain(running.port)}
    file.write_text(yaml.safe_dump(given))
    argv = [sys.executable, "-m", "cli.main", "worker", "notify", "--config", str(file)]
    with listening(running.port) as heard:
        worker = subprocess.Popen(argv, env=os.environ | ENVIRON, stderr=subprocess.DEVNULL)
        try:
            until(lambda: heard.of("anpr/status") == ["online"], within_s=90, what="the worker is online")
            a_car(held)
            until(lambda: heard.of("anpr/gate/event"), within_s=30, what="the worker tells of the car")
        finally:
            worker.kill()
            worker.wait(10)
        until(lambda: heard.of("anpr/status")[-1] == "offline", within_s=30, what="the broker says that it is gone")
        broker = Broker(held.settings.mqtt)
        broker.tend(held)
        assert heard.of("anpr/status")[-1] == "offline"
        held.redis.delete(f"anpr:leads:{MQTT}")  # as fifteen seconds would
        tended(broker, held, heard, "anpr/status", count=3)
        broker.close(held)
        until(lambda: len(heard.of("anpr/status")) == 4, within_s=20, what="it says that it is gone")
    assert heard.of("anpr/status") == ["online", "offline", "online", "offline"]


def test_a_worker_says_that_it_goes_when_it_is_told_to_stop(
    database_url: str, redis_url: str, tmp_path: Path, running: Mosquitto
) -> None:
    file = tmp_path / "anpr.yaml"
    given = {"database_url": database_url, "redis_url": redis_url, "mqtt": plain(running.port)}
    file.write_text(yaml.safe_dump(given))
    argv = [sys.executable, "-m", "cli.main", "worker", "notify", "--config", str(file)]
    with listening(running.port) as heard:
        worker = subprocess.Popen(argv, env=os.environ | ENVIRON, stderr=subprocess.DEVNULL)
        try:
            until(lambda: heard.of("anpr/status") == ["online"], within_s=90, what="the worker is online")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
        finally:
            worker.kill()
            worker.wait(10)
        until(lambda: heard.of("anpr/status") == ["online", "offline"], within_s=20, what="it has said so")


def test_a_wrong_password_is_told_and_nothing_is_lost(held: Process, running: Mosquitto, tmp_path: Path) -> None:
    given = {"evidence_dir": str(tmp_path), "mqtt": plain(running.port)}
    wrong = config.build(given, where="test", environ={"MQTT_PASSWORD": "another"})
    held = replace(held, settings=wrong)
    broker = Broker(held.settings.mqtt)
    a_car(held)
    for _ in range(5):
        broker.tend(held)
    assert waiting(held) == 1
    broker.close(held)


@pytest.mark.parametrize(
    ("more", "want"),
    [
        ({"password_env": "NOT_THERE"}, "`mqtt`: NOT_THERE is not set in the environment"),
        ({"tls": True, "ca_file": "/nowhere.pem"}, "`mqtt.ca_file`: /nowhere.pem holds no certificates: No such file"),
    ],
)
def test_settings_that_cannot_work_are_told_at_once(more: dict[str, Any], want: str) -> None:
    settings = config.build({"mqtt": plain(1883, **more)}, where="test", environ=ENVIRON)
    with pytest.raises(BadConfig) as caught:
        Broker(settings.mqtt)
    assert str(caught.value).startswith(want)
