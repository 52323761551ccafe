"""What goes wrong in Postgres is told as what it is."""

from threading import Barrier, Thread

from anpr.errors import AnprError, Unavailable
from storage.db import Database

_LOCK = "select pg_advisory_xact_lock(%(key)s)"


def test_a_deadlock_is_no_server_that_does_not_answer_and_is_tried_again(database: Database) -> None:
    both_hold_one, failures = Barrier(2), list[AnprError]()

    def cross(first: int, second: int) -> None:
        try:
            with database.transaction() as conn:
                conn.execute("set local deadlock_timeout = '10ms'")
                conn.execute(_LOCK, {"key": first})
                both_hold_one.wait(10)
                conn.execute(_LOCK, {"key": second})
        except AnprError as exc:
            failures.append(exc)

    threads = [Thread(target=cross, args=keys) for keys in ((1, 2), (2, 1))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    told = f"Postgres at {database.address} undid this, to end a deadlock: try again"
    assert [(type(one), str(one)) for one in failures] == [(Unavailable, told)]
