"""From suspicions to cases: each is looked at when its time has come or its verdict has changed.

Everything here may happen twice, and beside other workers.
"""

from datetime import UTC, datetime, timedelta

from anpr import log
from anpr.cases import Look, Next, Step, Why, key_of, next_step
from anpr.config import Settings
from anpr.types import PlateEvent
from storage import cases, suspicions
from storage.db import Conn, Database
from storage.suspicions import Suspicion
from workers.process import Process

_log = log.get(__name__)
MOST = 200  # suspicions a sweep, so that frames and events are seen to again within a second


def sweep(process: Process) -> None:
    """Look at the suspicions whose time it is. Raises Unavailable where Postgres is away."""
    settle(process.database, process.settings, now=datetime.now(UTC))


def settle(database: Database, settings: Settings, *, now: datetime, most: int = MOST) -> int:
    """Do what `now` asks for, for at most so many suspicions; how many there were."""
    wait = timedelta(hours=settings.cases.wait_h)
    with database.transaction() as conn:
        if not cases.try_lock(conn):
            return 0
        found = suspicions.to_look_at(conn, now=now, most=most)
        for one in found:
            look = suspicions.look(conn, one, is_asked_elsewhere=bool(settings.registry.url))
            _take(conn, one, look, next_step(look, now=now, wait=wait), now=now)
    return len(found)


def _take(conn: Conn, one: Suspicion, look: Look, step: Step, *, now: datetime) -> None:
    match step.what, look.event:
        case Next.JOIN, PlateEvent() as event:
            key = key_of(event)
            case_id, is_new = cases.join(conn, key, suspicion_id=one.id, event_id=event.id)
            if is_new:
                _log.info("case.opened", case=case_id, toll_country=key.toll_country)
        case Next.RECHECK, PlateEvent() as event:
            suspicions.recheck(conn, event.id, now=now)
            suspicions.wait(conn, one, Why.RECHECK, step.look_at)
        case Next.WITHDRAW, _:
            _withdraw(conn, one, step.why or Why.CLEARED, now=now)
        case Next.WAIT, _:
            suspicions.wait(conn, one, step.why or Why.JUDGING, step.look_at)
        case _:
            suspicions.stay(conn, one)


def _withdraw(conn: Conn, one: Suspicion, why: Why, *, now: datetime) -> None:
    suspicions.end(conn, one, why, again_at=now if why is Why.CHANGED else None)
    if one.state == "in_case" and one.case_id is not None:
        state = cases.left(conn, one.case_id, one.event_id, why)
        _log.info("case.event_withdrawn", case=one.case_id, event_id=one.event_id, state=state.value)
