"""Events counted by hour are told as they are, whether their hour has been counted or not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from api_server import T0, a_verdict, an_event
from passings import a_check_worker, a_session, closed_and_judged, reads
from redis import Redis

from anpr.types import VerdictStatus, Vote
from storage import plate_events, plate_reads, stats, verdicts
from storage.db import Conn, Database
from storage.stats import Count
from workers.process import Process
from workers.sweep import sweep

HOUR = timedelta(hours=1)
LOOKED_UP = """
select date_trunc('hour', e.first_seen, 'UTC') as hour, c.name as camera, v.status as verdict, count(*) as events
from plate_events e join cameras c on c.id = e.camera_id
left join lateral (select status from verdicts where event_id = e.id order by id desc limit 1) v on true
group by 1, 2, 3 order by 1, 2, 3
"""


def told(database: Database, since: datetime = T0 - 9 * HOUR, until: datetime = T0 + 9 * HOUR) -> list[Count]:
    with database.transaction() as conn:
        return stats.counts(conn, since=since, until=until)


def there_is(database: Database) -> list[Count]:
    with database.transaction() as conn:
        rows = conn.execute(LOOKED_UP).fetchall()
    return [Count(hour=row[0], camera=row[1], verdict=row[2], events=row[3]) for row in rows]


def count_changed(database: Database, *, quiet_s: float = 0.0, most: int = 99) -> int:
    with database.transaction() as conn:
        return stats.count_changed(conn, quiet_s=quiet_s, most=most)


def see_earlier(conn: Conn, event_id: int) -> None:
    """A read comes that is of the hour before."""
    [read] = plate_reads.of_event(conn, event_id, most=1)
    conn.execute("update plate_reads set captured_at = captured_at - interval '1 hour' where event_id = %s", [event_id])
    vote = Vote(plate=read.text, confidence=0.5, candidates=read.candidates, agreeing=1)
    plate_events.revote(conn, event_id, vote, read)


@pytest.fixture
def held(database: Database, redis: Redis, tmp_path: Path) -> Process:
    return a_check_worker(database, redis, tmp_path)


def test_counts_follow_whatever_changes_events(database: Database) -> None:
    first, second, third = (an_event(database, at=T0 + n * HOUR, status=None) for n in range(3))
    an_event(database, camera="south")
    changes: dict[str, Callable[[Conn], object]] = {
        "judged": lambda conn: verdicts.add(conn, first, 2, a_verdict(VerdictStatus.SUSPECT)),
        "judged anew": lambda conn: verdicts.add(conn, first, 2, a_verdict(VerdictStatus.VALID)),
        "seen earlier": lambda conn: see_earlier(conn, second),
        "merged": lambda conn: plate_events.merge(conn, third, [first]),
        "judged once more": lambda conn: verdicts.add(conn, third, 3, a_verdict(VerdictStatus.EXEMPT)),
    }
    for what, change in changes.items():
        count_changed(database)
        with database.transaction() as conn:
            change(conn)
        want = there_is(database)
        assert told(database) == want, what
        assert count_changed(database) > 0, what
        assert told(database) == want, what
    assert count_changed(database) == 0


def test_an_hour_that_is_counted_is_not_looked_at_again(database: Database) -> None:
    for n in range(3):
        an_event(database, at=T0 + n * HOUR + timedelta(minutes=20))
    assert count_changed(database) == 3
    with database.transaction() as conn:
        conn.execute("update hour_verdicts set events = 7")
        conn.execute("update hour_confidences set events = 7")
    an_event(database, at=T0 + 2 * HOUR)
    assert [one.events for one in told(database)] == [7, 7, 2]
    cut = told(database, since=T0 + timedelta(minutes=10), until=T0 + HOUR + timedelta(minutes=10))
    assert [one.events for one in cut] == [1]
    with database.transaction() as conn:
        assert sum(stats.confidences(conn, since=T0, until=T0 + 3 * HOUR)) == 16
        assert sum(stats.confidences(conn, since=T0, until=T0 + 3 * HOUR, camera="nowhere")) == 0


def test_what_changes_while_an_hour_is_counted_is_told(database: Database) -> None:
    event_id = an_event(database, status=None)
    with database.transaction() as judging:
        verdicts.add(judging, event_id, 2, a_verdict(VerdictStatus.SUSPECT))
        assert count_changed(database) == 1
        assert [one.verdict for one in told(database)] == [None]
    assert [one.verdict for one in told(database)] == ["SUSPECT"]


def test_latencies_are_told_of_each_camera_and_of_all(database: Database) -> None:
    for camera, after_s in (("north", 2), ("north", 4), ("south", 12)):
        event_id = an_event(database, camera=camera)
        with database.transaction() as conn:
            conn.execute(
                "update verdicts set judged_at = last_seen + make_interval(secs => %s)"
                " from plate_events e where e.id = event_id and event_id = %s",
                [after_s, event_id],
            )
            conn.execute("update sessions set is_live = true")

    def found(camera: str | None) -> list[tuple[int, float]]:
        with database.transaction() as conn:
            rows = stats.latencies(conn, since=T0, until=T0 + HOUR, camera=camera)
        return [(one.events, one.median_s) for one in rows]

    for _ in range(2):
        assert [found(one) for one in (None, "north", "south", "nowhere")] == [[(3, 4.0)], [(2, 3.0)], [(1, 12.0)], []]
        count_changed(database)


def test_the_newest_hours_are_counted_first_once_they_are_quiet(database: Database) -> None:
    for n in range(3):
        an_event(database, at=T0 + n * HOUR)
    assert count_changed(database, quiet_s=60) == 0
    with database.transaction() as conn:
        conn.execute("update hours_changed set changed_at = changed_at - interval '61 s' where hour > %s", [T0])
    assert count_changed(database, quiet_s=60, most=1) == 1
    with database.transaction() as conn:
        assert conn.execute("select distinct hour from hour_verdicts").fetchall() == [(T0 + 2 * HOUR,)]
    assert count_changed(database, quiet_s=60) == 1


def hours_to_count(held: Process) -> int:
    with held.database.transaction() as conn:
        return conn.execute("select hour from hours_changed group by hour").rowcount


def test_the_sweep_counts_hours_now_and_then_and_at_once_while_there_are_more(held: Process) -> None:
    with held.database.transaction() as conn:
        conn.execute(
            "insert into hours_changed select now() - n * interval '1 hour', now() - interval '61 s'"
            " from generate_series(1, 10) as n"
        )
    left: list[int] = []
    for _ in range(2):
        sweep(held)
        left.append(hours_to_count(held))
    assert left == [2, 0]
    with held.database.transaction() as conn:
        conn.execute("insert into hours_changed values (now(), now() - interval '61 s')")
    sweep(held)
    assert hours_to_count(held) == 1
    held.counts_at_s = 0.0
    sweep(held)
    assert hours_to_count(held) == 0


def test_the_sweep_counts_hours_that_changed(held: Process) -> None:
    session_id = a_session(held)
    reads(held, session_id, [0, 1])
    closed_and_judged(held, session_id)
    held.counts_at_s = 0.0
    with held.database.transaction() as conn:
        conn.execute("update hours_changed set changed_at = changed_at - interval '61 s'")
    sweep(held)
    with held.database.transaction() as conn:
        assert conn.execute("select sum(events) from hour_verdicts").fetchone() == (1,)
        assert conn.execute("select count(*) from hours_changed").fetchone() == (0,)
