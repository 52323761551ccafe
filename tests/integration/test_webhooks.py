"""Verdicts reach HTTP servers: signed, again after a failure, once dead by replay, and whatever Redis loses."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import passings
import pytest
import yaml
from commands import Ran, run
from passings import OTHER, PAID, PLATE
from pipeline import until
from receiver import SECRET, Receiver, receiving
from redis import Redis
from rq.serializers import JSONSerializer
from servers import open_directory

from anpr import config
from anpr.config import Settings
from anpr.errors import BadConfig
from anpr.types import VerdictStatus
from anpr.watch_lists import Tolerance, WatchRow
from cli import webhooks
from cli.embedded import EmbeddedServers
from cli.worker import worker
from storage import dead_letters, notifications, plate_events, watch_lists
from storage.db import Database
from workers import purge, queues
from workers.check import check
from workers.notify import announce, deliver
from workers.process import Process
from workers.worker import StageWorker, work

ENVIRON = {"KEY": SECRET, "AUTH": "Token 42"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def settings(directory: Path, hooks: dict[str, dict[str, Any]], **notifications: Any) -> Settings:
    plain = {"evidence_dir": str(directory), "webhooks": hooks, "notifications": notifications}
    return config.build(plain, where="test", environ=ENVIRON)


def a_hook(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"url": receiver.url, "allow_private": True, "secret_env": "KEY", **more}


@pytest.fixture
def held(database: Database, redis: Redis, tmp_path: Path, receiver: Receiver) -> Process:
    """This process as check and notify worker, with one webhook that is told everything."""
    one = passings.a_check_worker(database, redis, tmp_path)
    one.settings = settings(tmp_path, {"room": a_hook(receiver)}, attempts=3)
    return one


def a_car(held: Process, *plates: str) -> int:
    """Cars that passed, were judged, and whose verdicts nobody has looked at yet."""
    session_id = passings.a_session(held)
    for number, plate in enumerate(plates or (PLATE,)):
        passings.reads(held, session_id, range(1000 * number, 1000 * number + 3), plate=plate)
    passings.closed_and_judged(held, session_id)
    return session_id


def due(held: Process) -> list[int]:
    with held.database.transaction() as conn:
        return notifications.due(conn, most=100, without="")


def at_once(held: Process) -> list[int]:
    """Make all that waits due."""
    with held.database.transaction() as conn:
        conn.execute("update notifications set due_at = now()")
        conn.execute("update notification_targets set rests_until = null")
    return due(held)


def kept(held: Process) -> list[tuple[Any, ...]]:
    with held.database.transaction() as conn:
        return conn.execute("select state, attempts, why from notifications order by id").fetchall()


def work_off(held: Process) -> None:
    """Have a real worker do all jobs that wait."""
    worker = StageWorker([queues.queue(held.redis, "notify")], connection=held.redis, serializer=JSONSerializer)
    worker.held = held
    worker.work(burst=True, logging_level="CRITICAL")


def test_a_verdict_reaches_its_receiver_signed_and_leaves_nothing_behind(held: Process, receiver: Receiver) -> None:
    a_car(held)
    announce(held)
    work_off(held)
    (told,) = receiver.told
    assert told.is_signed()
    assert not told.is_signed("another secret")
    assert (told.json["event"]["plate"], told.json["verdict"]["status"]) == (PLATE, "SUSPECT")
    assert told.path == "/verdicts?from=anpr"
    assert told.headers["content-type"] == "application/json"
    assert kept(held) == []
    with held.database.transaction() as conn:
        state = notifications.states(conn)["room"]
    assert (state.delivered, state.waiting, state.dead) == (1, 0, 0)
    announce(held)
    work_off(held)
    assert len(receiver.told) == 1


def test_what_fails_is_told_again_with_the_same_id_and_body(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500, 302, 204]
    a_car(held)
    announce(held)
    (number,) = due(held)
    deliver(number)
    assert kept(held) == [("waiting", 1, "answers with status 500")]
    assert due(held) == []
    deliver(number)  # its time has not come
    assert len(receiver.told) == 1
    at_once(held)
    deliver(number)
    assert kept(held) == [("waiting", 2, "answers with status 302: a redirect is not followed")]
    at_once(held)
    deliver(number)
    assert kept(held) == []
    assert len({(told.id, told.content) for told in receiver.told}) == 1
    assert all(told.is_signed() for told in receiver.told)


def test_the_wait_before_the_next_attempt_grows(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500, 500]
    a_car(held)
    announce(held)
    (number,) = due(held)
    waits: list[float] = []
    for _ in range(2):
        deliver(number)
        with held.database.transaction() as conn:
            row = conn.execute("select extract(epoch from due_at - now()) from notifications").fetchone()
        assert row is not None
        waits.append(float(row[0]))
        at_once(held)
    assert 2 < waits[0] < 5.1
    assert 4.5 < waits[1] < 10.1


@pytest.mark.parametrize("slow", [{"slow_s": 1.0}, {"drip_s": 0.05}])
def test_a_receiver_that_is_too_slow_is_asked_again_later(
    held: Process, receiver: Receiver, tmp_path: Path, slow: dict[str, float]
) -> None:
    held.settings = settings(tmp_path, {"room": a_hook(receiver, timeout_s=0.3)})
    receiver.slow_s, receiver.drip_s = slow.get("slow_s", 0.0), slow.get("drip_s", 0.0)
    a_car(held)
    announce(held)
    (number,) = due(held)
    deliver(number)
    assert kept(held) == [("waiting", 1, "does not answer in time")]


def test_after_the_last_attempt_it_is_dead_until_it_is_replayed(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500, 500, 500]
    a_car(held)
    announce(held)
    for _ in range(3):
        deliver(*at_once(held))
    assert kept(held) == [("dead", 3, "answers with status 500")]
    assert at_once(held) == []
    with held.database.transaction() as conn:
        (letter,) = dead_letters.find(conn, target=None, most=9)
        assert (letter.target, letter.camera, letter.status) == ("room", "gate", "SUSPECT")
        assert dead_letters.replay(conn, ids=[letter.id + 1], target=None) == 0
        assert dead_letters.replay(conn, ids=None, target="other") == 0
        assert dead_letters.replay(conn, ids=[letter.id], target=None) == 1
    deliver(*due(held))
    assert kept(held) == []
    assert len({told.id for told in receiver.told}) == 1


def test_a_delivery_whose_worker_was_killed_is_made_again(held: Process, receiver: Receiver) -> None:
    a_car(held)
    announce(held)
    (number,) = due(held)
    with held.database.transaction() as conn:
        assert notifications.claim(conn, number, lease_s=20) is not None
        assert notifications.claim(conn, number, lease_s=20) is None
    at_once(held)  # the lease is over
    deliver(number)
    assert [told.json["event"]["plate"] for told in receiver.told] == [PLATE]


def test_a_delivery_that_ends_its_worker_each_time_is_given_up(held: Process, receiver: Receiver) -> None:
    a_car(held)
    announce(held)
    for _ in range(3):
        with held.database.transaction() as conn:
            notifications.claim(conn, at_once(held)[0], lease_s=20)
    deliver(*at_once(held))
    assert kept(held) == [("dead", 4, "ended its worker each time")]
    assert receiver.told == []


def test_a_redis_that_loses_everything_loses_no_notification(held: Process, receiver: Receiver) -> None:
    a_car(held, PLATE, OTHER)
    announce(held)
    held.redis.flushall()
    announce(held)
    work_off(held)
    assert sorted(told.json["event"]["plate"] for told in receiver.told) == sorted([PLATE, OTHER])


def test_a_redis_that_is_killed_and_started_again_loses_no_notification(held: Process, receiver: Receiver) -> None:
    with open_directory() as directory, EmbeddedServers(directory / "data", postgres=False) as embedded:
        held.redis = queues.connect(embedded.redis_url)
        a_car(held, PLATE, OTHER)
        announce(held)
        pid = embedded.pids()["redis"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: (embedded.poll(), embedded.pids().get("redis", pid) != pid)[1], within_s=20, what="Redis is back")
        until(lambda: queues.ping(held.redis), within_s=20, what="Redis answers")
        held.redis.delete(*held.redis.keys("anpr:asked:*"), "none")  # as time would
        announce(held)
        work_off(held)
        held.redis.close()
    assert {told.json["event"]["plate"] for told in receiver.told} == {PLATE, OTHER}
    assert kept(held) == []


def test_where_nobody_delivers_the_queue_stays_short(held: Process) -> None:
    queue = queues.queue(held.redis, "notify")
    held.redis.rpush(queue.key, *(f"job {number}" for number in range(queues.MOST_DELIVERIES)))
    queues.deliver_later(held.redis, [1, 2])
    assert queue.count == queues.MOST_DELIVERIES
    held.redis.lpop(queue.key)
    queues.deliver_later(held.redis, [1])
    queues.deliver_later(held.redis, [1])
    assert queue.count == queues.MOST_DELIVERIES


def test_each_target_is_told_what_passes_its_filters(held: Process, receiver: Receiver, tmp_path: Path) -> None:
    hooks = {
        "suspects": a_hook(receiver, verdicts=["SUSPECT"]),
        "paid": a_hook(receiver, verdicts=["VALID"], format="platerecognizer", authorization_env="AUTH"),
        "bridge": a_hook(receiver, cameras=["bridge"]),
        "stolen": a_hook(receiver, watch_lists=["stolen"], format="openalpr"),
    }
    held.settings = settings(tmp_path, hooks)
    with held.database.transaction() as conn:
        row = WatchRow(number=1, plate="8CB1928", tolerance=Tolerance.LOOK_ALIKE, note="red van", until=None)
        watch_lists.add(conn, "stolen", [row], by="test")
    a_car(held, PLATE, PAID)
    announce(held)
    work_off(held)
    by_kind = {next(iter(told.json)): told for told in receiver.told}
    assert len(receiver.told) == 3
    assert by_kind["type"].json["event"]["plate"] == PLATE
    assert by_kind["hook"].json["data"]["results"][0]["plate"] == PAID.lower()
    assert by_kind["hook"].headers["authorization"] == "Token 42"
    assert by_kind["data_type"].json["best_plate_number"] == PAID
    assert by_kind["data_type"].json["custom_data"]["watch_lists"] == ["stolen"]


def test_hits_of_watch_lists_are_kept_with_the_event_and_told(held: Process, receiver: Receiver) -> None:
    with held.database.transaction() as conn:
        rows = [
            WatchRow(number=1, plate="IA23457", tolerance=Tolerance.LOOK_ALIKE, note="red van", until=None),
            WatchRow(number=2, plate="7A23457", tolerance=Tolerance.EXACT, note="", until=None),
            WatchRow(
                number=3,
                plate=PLATE,
                tolerance=Tolerance.EXACT,
                note="",
                until=datetime.now(UTC) - timedelta(seconds=1),
            ),
        ]
        watch_lists.add(conn, "stolen", rows, by="test")
    a_car(held)
    announce(held)
    work_off(held)
    (told,) = receiver.told
    hit = {"list": "stolen", "match": "look-alike", "plate": "IA23457", "note": "red van"}
    assert told.json["watch_hits"] == [hit]
    with held.database.transaction() as conn:
        assert watch_lists.remove(conn, "stolen", ["IA23457"]) == 1
        assert conn.execute("select count(*) from watch_hits").fetchone() == (0,)
        assert watch_lists.forget_expired(conn, now=datetime.now(UTC)) == 1


def test_a_verdict_that_says_the_same_again_is_no_news_and_another_one_is(held: Process, receiver: Receiver) -> None:
    a_car(held)
    announce(held)
    work_off(held)
    (event,) = [row.event for row in passings.rows(held.database)]
    passings.a_session(held)  # a newer list, which says the same
    check(event.id)
    announce(held)
    assert due(held) == []
    with held.database.transaction() as conn:
        plate_events.correct(conn, event.id, PAID, event.regions)
    check(event.id)
    announce(held)
    work_off(held)
    assert [told.json["verdict"]["status"] for told in receiver.told] == ["SUSPECT", "VALID"]
    assert receiver.told[1].json["event"]["plate"] == PAID
    assert len({told.id for told in receiver.told}) == 2


def test_a_verdict_that_was_replaced_while_it_waited_is_not_told(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500]
    a_car(held)
    announce(held)
    deliver(*due(held))
    (event,) = [row.event for row in passings.rows(held.database)]
    with held.database.transaction() as conn:
        plate_events.correct(conn, event.id, PAID, event.regions)
    check(event.id)
    announce(held)
    for number in at_once(held):
        deliver(number)
    assert [told.json["verdict"]["status"] for told in receiver.told] == ["SUSPECT", "VALID"]
    assert kept(held) == []


def corrected(held: Process) -> int:
    """Somebody says that the plate of the only event is one that has paid; the delivery of what that changes."""
    (event,) = [row.event for row in passings.rows(held.database)]
    with held.database.transaction() as conn:
        plate_events.correct(conn, event.id, PAID, event.regions)
    check(event.id)
    announce(held)
    with held.database.transaction() as conn:
        rows = conn.execute("select id from notifications order by id").fetchall()
    return rows[-1][0]


def test_a_later_verdict_waits_while_an_earlier_one_of_its_event_is_being_told(
    held: Process, receiver: Receiver, tmp_path: Path
) -> None:
    a_car(held)
    announce(held)
    (earlier,) = due(held)
    receiver.slow_s = 1.0
    other_worker = threading.Thread(target=deliver, args=[earlier])
    other_worker.start()
    until(lambda: receiver.told, within_s=20, what="the earlier one is being told")
    later = corrected(held)
    deliver(later)
    assert [told.json["verdict"]["status"] for told in receiver.told] == ["SUSPECT"]
    other_worker.join()
    receiver.slow_s = 0.0
    deliver(later)
    assert [told.json["verdict"]["status"] for told in receiver.told] == ["SUSPECT", "VALID"]
    assert kept(held) == []


def test_of_two_workers_that_take_verdicts_of_one_event_at_once_the_later_one_waits(held: Process) -> None:
    a_car(held)
    announce(held)
    (earlier,) = due(held)
    later = corrected(held)
    claimed: list[object] = []

    def other_worker() -> None:
        with held.database.transaction() as conn:
            claimed.append(notifications.claim(conn, later, lease_s=20))

    def waits() -> bool:
        asked = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        with held.database.transaction() as looking:  # a transaction sees the same each time
            return looking.execute(asked).fetchone() == (1,)

    with held.database.transaction() as conn:
        assert notifications.claim(conn, earlier, lease_s=20) is not None
        thread = threading.Thread(target=other_worker)
        thread.start()
        until(waits, within_s=20, what="the other worker waits")
    thread.join()
    assert claimed == [None]


def test_a_later_verdict_does_not_wait_for_an_earlier_one_that_failed(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500]
    a_car(held)
    announce(held)
    deliver(*due(held))
    deliver(corrected(held))
    assert [told.json["verdict"]["status"] for told in receiver.told] == ["SUSPECT", "VALID"]
    deliver(*at_once(held))
    assert (len(receiver.told), kept(held)) == (2, [])


def test_what_is_still_to_be_told_goes_with_an_event_that_becomes_part_of_another(held: Process) -> None:
    a_car(held, PLATE, OTHER)
    announce(held)
    first, second = sorted(row.event.id for row in passings.rows(held.database))
    with held.database.transaction() as conn:
        plate_events.merge(conn, first, [second])
    assert len(kept(held)) == 1
    announce(held)
    assert len(kept(held)) == 1


def test_a_target_that_is_away_rests_and_keeps_no_other_waiting(
    held: Process, receiver: Receiver, tmp_path: Path
) -> None:
    with receiving() as gone:
        away = a_hook(gone)
    held.settings = settings(tmp_path, {"away": away, "room": a_hook(receiver)})
    a_car(held, PLATE, OTHER)
    announce(held)
    for _ in range(2):
        for number in at_once(held):
            deliver(number)
    assert len(receiver.told) == 2
    with held.database.transaction() as conn:
        conn.execute("update notifications set due_at = now()")
        states = notifications.states(conn)
    assert states["away"].rests_until is not None
    assert states["away"].waiting == 2
    assert due(held) == []


def test_an_erased_event_is_not_told_nor_who_waited_for_it(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500]
    with held.database.transaction() as conn:
        row = WatchRow(number=1, plate=PLATE, tolerance=Tolerance.EXACT, note="", until=None)
        watch_lists.add(conn, "stolen", [row], by="test")
    a_car(held)
    announce(held)
    (number,) = due(held)
    later = datetime.now(UTC) + timedelta(days=400)
    assert purge.purge(held.database, held.redis, held.settings, now=later).events == {}  # it is to be told first
    deliver(number)
    with held.database.transaction() as conn:
        conn.execute("update sessions set settled_at = now()")
    assert purge.purge(held.database, held.redis, held.settings, now=later).events == {
        (VerdictStatus.SUSPECT, "erased"): 1
    }
    with held.database.transaction() as conn:
        assert conn.execute("select from watch_hits union all select from notifications").fetchall() == []
    deliver(number)
    announce(held)
    assert len(receiver.told) == 1


def test_what_waits_holds_no_plate_and_old_dead_letters_go(held: Process, receiver: Receiver) -> None:
    receiver.statuses = [500] * 3
    a_car(held)
    announce(held)
    for _ in range(3):
        deliver(*at_once(held))
    with held.database.transaction() as conn:
        rows = repr(conn.execute("select * from notifications").fetchall())
        assert dead_letters.forget_old(conn, before=datetime.now(UTC) - timedelta(days=1)) == 0
        assert dead_letters.forget_old(conn, before=datetime.now(UTC) + timedelta(days=1)) == 1
    assert PLATE not in rows


@pytest.fixture
def command(database_url: str, tmp_path: Path, receiver: Receiver) -> Any:
    """`anpr webhooks` with a settings file."""
    file = tmp_path / "anpr.yaml"
    file.write_text(
        f"webhooks:\n  room: {{url: '{receiver.url}', allow_private: true, secret_env: KEY, verdicts: [SUSPECT]}}\n"
    )

    def ran(*words: str, **env: str) -> Ran:
        return run(webhooks.app, *words, "--config", file, **{"DATABASE_URL": database_url, "KEY": SECRET} | env)

    return ran


def test_the_command_tells_a_test_at_once(command: Any, receiver: Receiver) -> None:
    ran = command("test", "room")
    assert (ran.status, ran.error) == (0, None)
    assert ran.out.startswith("room: delivered in ")
    (told,) = receiver.told
    assert told.is_signed()
    assert (told.json["is_test"], told.json["event"]["plate"]) == (True, "TEST123")
    receiver.statuses = [401]
    assert str(command("test", "room").error) == f"room: {receiver.url} answers with status 401"
    assert command("test", "romm").status == 2
    assert isinstance(command("test", "room", KEY="").error, BadConfig)


def test_the_command_shows_how_targets_are_doing_and_what_is_dead(
    command: Any, held: Process, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 3
    a_car(held)
    announce(held)
    for _ in range(3):
        deliver(*at_once(held))
    at_once(held)
    shown = command("list").out.splitlines()
    assert shown == ["room: 0 waiting, 1 dead, 0 delivered", f"    {receiver.url}, anpr: SUSPECT"]
    assert "KEY is not set in the environment" in command("list", KEY="").out
    dead = command("dead").out
    assert "answers with status 500" in dead
    assert PLATE not in dead
    assert command("replay").status == 2
    assert command("replay", "--target", "other").out == "0 deliveries to be made again\n"
    assert command("replay", "--all").out == "1 delivery to be made again\n"
    assert command("dead").out == "no delivery was given up\n"
    deliver(*due(held))
    assert len(receiver.told) == 4


def test_a_worker_without_the_secret_says_so_and_does_not_start(tmp_path: Path, receiver: Receiver) -> None:
    hook = a_hook(receiver) | {"secret_env": "NOT_THERE"}
    with pytest.raises(BadConfig, match=r"`webhooks\.room`: NOT_THERE is not set in the environment"):
        work("notify", settings(tmp_path, {"room": hook}))
    file = tmp_path / "anpr.yaml"
    file.write_text(yaml.safe_dump({"webhooks": {"room": hook}}))
    nowhere = {"DATABASE_URL": "postgresql://x@127.0.0.1:9/x", "REDIS_URL": "redis://127.0.0.1:9/0"}
    pool = run(worker, "notify", "-n", "2", "--config", file, **nowhere)
    assert str(pool.error) == "`webhooks.room`: NOT_THERE is not set in the environment"
