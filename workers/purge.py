"""Forgetting: what passings left is erased in Postgres, in Redis and among the pictures when its time has come.

Everything here may happen twice, and beside the workers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from redis import Redis

from anpr import grammar, plates, retention
from anpr.cases import CaseState
from anpr.config import RetentionSettings, Settings
from anpr.retention import Keeping, Limits
from anpr.types import VerdictStatus
from anpr.vignettes import ZONES
from storage import cases, dead_letters, erasures, evidence, plate_events, searches, sessions, snapshots, watch_lists
from storage.db import Conn, Database
from storage.erasures import Due, Rule
from workers import frames, queues

STRAY_S = 3600.0  # a picture this old whose row is still missing will get none
PRUNE_MOST = 20_000  # vignettes of a transaction: about a second's work
PRUNE_AGAIN = timedelta(hours=1)  # how often old lists are looked through for what no verdict rests on any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was forgotten, or would be."""

    events: Counter[tuple[VerdictStatus, str]] = field(default_factory=Counter[tuple[VerdictStatus, str]])  # and act
    pictures: int = 0
    looks: int = 0  # of no event
    pseudonyms: int = 0
    searches: int = 0
    cases: int = 0
    waiting: int = 0  # frames and crops in Redis
    vignettes: int = 0  # of lists that are no longer in force


def purge(database: Database, redis: Redis, settings: Settings, *, now: datetime, most: int | None = None) -> Purged:
    """Forget what is due at `now`, at most `most` events of it (all where None).

    Raises Unavailable where Postgres is away, OSError where a picture cannot be removed: then its event stays as it
    is, and is due again.
    """
    plates.distance.cache_clear()
    grammar.forget_texts()
    keeping = settings.retention
    events: Counter[tuple[VerdictStatus, str]] = Counter()
    pictures = 0
    with database.transaction() as conn:
        limits = _limits(conn, keeping)
        due = erasures.due(conn, _rules(limits, now), gap_s=settings.events.gap_s, most=most)
    for session_id in sorted({one.session_id for one in due}):
        while True:
            with database.transaction() as conn:
                erased, removed = _erase(conn, redis, settings, session_id, limits, now=now)
            events.update(erased)
            pictures += removed
            if sum(erased.values()) < erasures.MOST:
                break
    vignettes = _prune(database, now=now, keep=timedelta(days=settings.registry.keep_d), is_whole=most is None)
    with database.transaction() as conn:
        watch_lists.forget_expired(conn, now=now)
        dead_letters.forget_old(conn, before=now - timedelta(days=settings.notifications.dead_d))
        return Purged(
            cases=cases.forget(conn, {code: now - one.paid for code, one in limits.items()}, now=now),
            vignettes=vignettes,
            events=events,
            pictures=pictures,
            looks=erasures.erase_strays(conn, {code: now - one.paid for code, one in limits.items()}, now=now),
            pseudonyms=erasures.erase_pseudonyms(
                conn, {code: now - one.pseudonym for code, one in limits.items()}, now=now
            ),
            searches=searches.forget(
                conn,
                plates_before=now - retention.limits("", keeping.for_all).paid,
                all_before=now - timedelta(days=keeping.searches_d),
            ),
        )


def _prune(database: Database, *, now: datetime, keep: timedelta, is_whole: bool) -> int:
    """Remove old vignettes: all that there are to remove, or as many as a moment allows; how many."""
    removed = 0
    while is_whole or removed < PRUNE_MOST:
        with database.transaction() as conn:
            count = snapshots.prune(
                conn, before=now - keep, again=now if is_whole else now - PRUNE_AGAIN, now=now, most=PRUNE_MOST
            )
        if count is None:
            break
        removed += count
    return removed


def due(database: Database, settings: Settings, *, now: datetime) -> Purged:
    """The events that `purge` would erase; nothing is changed."""
    with database.transaction() as conn:
        rules = _rules(_limits(conn, settings.retention), now)
        found = erasures.due(conn, rules, gap_s=settings.events.gap_s)
    return Purged(events=Counter((one.status, _act(one, settings.retention)) for one in found))


def tidy(database: Database, redis: Redis, settings: Settings, *, now: datetime) -> Purged:
    """Forget what accidents left: pictures that no row names, what Redis holds of settled sessions, and frames that
    waited for a worker for too long. Redis then writes its append-only file anew."""
    directory = Path(settings.evidence_dir)
    with database.transaction() as conn:
        strays = evidence.strays(conn, directory, before_s=now.timestamp() - STRAY_S)
    evidence.remove(directory, strays)
    with database.transaction() as conn:
        for session_id in sessions.lock_settled(conn, frames.sessions_held(redis)):
            frames.forget(redis, session_id)
        silent = sessions.lock_silent(conn, before=now - timedelta(days=settings.retention.waiting_d))
        waiting = sum(frames.drop_waiting(redis, session_id) for session_id in silent)
    queues.rewrite_log(redis)
    return Purged(pictures=len(strays), waiting=waiting)


def _limits(conn: Conn, keeping: RetentionSettings) -> dict[str, Limits]:
    countries = sorted({*ZONES, *sessions.toll_countries(conn)})
    return {code: retention.limits(code, keeping.for_all, keeping.countries.get(code)) for code in countries}


def _rules(limits: Mapping[str, Limits], now: datetime) -> list[Rule]:
    by_verdict = [
        Rule(country=code, status=status, before=now - one.of(keeping), name=_name(code, keeping, one.of(keeping)))
        for code, one in limits.items()
        for keeping, statuses in retention.OUTCOMES.items()
        for status in statuses
    ]
    return by_verdict + [
        Rule(
            country=code,
            status=VerdictStatus.SUSPECT,
            decision=state.value,
            before=now - period,
            name=_name(code, state, period),
        )
        for code, one in limits.items()
        for state, period in one.of_cases.items()
    ]


def _name(country: str, keeping: Keeping | CaseState, period: timedelta) -> str:
    return f"{country} {keeping} {period / timedelta(hours=1):g} h"


def _act(event: Due, keeping: RetentionSettings) -> str:
    is_doubtful = event.status in retention.OUTCOMES[Keeping.DOUBTFUL]
    return "pseudonymised" if is_doubtful and event.plate and keeping.key else "erased"


def _erase(
    conn: Conn, redis: Redis, settings: Settings, session_id: int, limits: Mapping[str, Limits], *, now: datetime
) -> tuple[Counter[tuple[VerdictStatus, str]], int]:
    """Erase what is due of one session, outside Postgres before it is final there: else a crash would leave copies."""
    plate_events.lock(conn, session_id)
    found = erasures.due(
        conn, _rules(limits, now), gap_s=settings.events.gap_s, session_id=session_id, most=erasures.MOST
    )
    acts = {one.id: _act(one, settings.retention) for one in found}
    pseudonyms = {
        one.id: retention.pseudonym(settings.retention.key, one.plate)
        for one in found
        if acts[one.id] == "pseudonymised"
    }
    erased = erasures.erase(conn, found, pseudonyms=pseudonyms, now=now)
    watch_lists.forget(conn, list(acts))
    dead_letters.forget(conn, list(acts))
    evidence.remove(Path(settings.evidence_dir), erased.paths)
    frames.drop_crops(redis, session_id, erased.keys)
    frames.drop(redis, session_id, sorted({frame_no for frame_no, _ in erased.keys}))
    return Counter((one.status, acts[one.id]) for one in found), len(erased.paths)
