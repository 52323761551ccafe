# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""The whole system at one moment, as metrics and `anpr top` show it. Where a server is away, its part is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from anpr.errors import Unavailable
from anpr.health import CameraCondition, FrameCounts, condition_of
from anpr.types import VerdictStatus
from storage import operations
from storage.db import Database, first_line
from storage.operations import CameraLedger, RegistryState
from workers import frames, processes, queues, rates
from workers.measures import Field
from workers.processes import ProcessState
from workers.queues import QueueState
from workers.rates import Rate

CAMERAS_S = 24 * 3600.0  # a camera that was not heard of for longer is no longer shown
VERDICTS_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """One camera; None where nothing is known of the last minute."""

    name: str
    toll_country: str
    is_live: bool
    condition: CameraCondition
    offered_fps: float | None
    processed_fps: float | None
    health: float | None
    lag_s: float | None  # of live cameras that run: the age of the oldest frame or plate that waits
    reconnects: int
    counts: FrameCounts  # of all its sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresState:
    """What Postgres knows."""

    cameras: tuple[CameraState, ...]
    registries: tuple[RegistryState, ...]
    verdicts: Mapping[VerdictStatus, int]  # events judged in the last hour, by their newest verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """What Redis knows."""

    queues: tuple[QueueState, ...]
    processes: tuple[ProcessState, ...]
    measured: Mapping[Field, float]
    rates: Mapping[int, Rate]
    memory_bytes: int
    memory_limit_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Postgres and Redis; None where one does not answer, and why."""

    at: datetime
    postgres: PostgresState | None
    redis: RedisState | None
    failures: tuple[str, ...]


def look(database: Database, redis: Redis) -> State:
    """The state now. Raises nothing where a server is away."""
    at = datetime.now(UTC)
    failures: list[str] = []
    redis_state: RedisState | None = None
    postgres_state: PostgresState | None = None
    try:
        redis_state = _redis(redis, at)
    except RedisError as exc:
        failures.append(f"Redis at {queues.address(redis)} does not answer: {exc}")
    try:
        postgres_state = _postgres(database, redis if redis_state else None, redis_state.rates if redis_state else {})
    except Unavailable as exc:
        failures.append(str(exc))
    except psycopg.Error as exc:  # such as tables that are not there yet
        failures.append(f"Postgres at {database.address}: {first_line(exc)}")
    return State(at=at, postgres=postgres_state, redis=redis_state, failures=tuple(failures))


def _redis(redis: Redis, at: datetime) -> RedisState:
    memory = redis.info("memory")
    return RedisState(
        queues=tuple(queues.states(redis, at=at)),
        processes=tuple(processes.alive(redis)),
        measured=processes.measured(redis),
        rates=rates.of_late(redis),
        memory_bytes=int(memory["used_memory"]),
        memory_limit_bytes=int(memory.get("maxmemory", 0)),
    )


def _postgres(database: Database, redis: Redis | None, lately: Mapping[int, Rate]) -> PostgresState:
    with database.transaction() as conn:
        conn.execute("set local statement_timeout = '5s'")
        ledgers = operations.cameras(conn, within_s=CAMERAS_S)
        registries = operations.registries(conn)
        verdicts = operations.verdicts_of_late(conn, within_s=VERDICTS_S)
    lags = {} if redis is None else _lags_s([one for one in ledgers if one.is_live and one.is_running], redis)
    return PostgresState(
        cameras=tuple(camera(one, lately.get(one.session_id), lags.get(one.session_id)) for one in ledgers),
        registries=tuple(registries),
        verdicts=verdicts,
    )


def camera(ledger: CameraLedger, rate: Rate | None, lag_s: float | None) -> CameraState:
    """A camera's state from its ledger and what the last minute brought."""
    condition = condition_of(
        is_running=ledger.is_running,
        is_settled=ledger.is_settled,
        is_live=ledger.is_live,
        silent_s=ledger.silent_s,
        lately=rate.counts if rate else None,
    )
    is_told = condition not in ("gone", "ended")
    return CameraState(
        name=ledger.camera,
        toll_country=ledger.toll_country,
        is_live=ledger.is_live,
        condition=condition,
        offered_fps=rate.offered_fps if rate and is_told else None,
        processed_fps=rate.processed_fps if rate and is_told else None,
        health=rate.counts.health if rate and is_told else None,
        lag_s=lag_s,
        reconnects=ledger.reconnects,
        counts=ledger.counts,
    )


def _lags_s(running: Sequence[CameraLedger], redis: Redis) -> dict[int, float]:
    """Of sessions of live cameras; frames of a file were captured whenever, so a file cannot lag."""
    try:
        frames_since = frames.oldest_at(redis, [one.session_id for one in running])
    except RedisError:
        return {}
    now = datetime.now(UTC)
    since = {one.session_id: (one.unread_since, frames_since.get(one.session_id)) for one in running}
    return {
        session_id: max((max(0.0, (now - moment).total_seconds()) for moment in moments if moment), default=0.0)
        for session_id, moments in since.items()
    }
