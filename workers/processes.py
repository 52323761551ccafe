# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""What processes have told Redis of themselves: who is alive, and what all of them have measured.

Numbers that grow are added up in one hash of all processes, so they survive each of them. The state of a process is a
key of its own that expires with it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, cast

from redis import Redis

from workers.measures import Field

MEASURED = "anpr:measured"  # hash: JSON of a Field → its number
PROCESSES = "anpr:processes"  # set: the keys of processes
ALIVE_S = 25  # a job may take 10 s, and Redis another 5 to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """What one process says of itself."""

    role: str  # ingest, a stage, or the command that it runs
    host: str
    pid: int
    version: str
    models: Mapping[str, str]  # the networks that it uses: the first digits of their SHA-256 by name
    up_s: float
    jobs: int
    busy: float | None  # share of its time in jobs lately; None for processes without
    is_waiting: bool  # something that it needs is away
    memory_bytes: int
    postgres_used: int
    postgres_idle: int
    postgres_waiting: int
    redis_used: int
    redis_idle: int
    gauges: Mapping[str, float]  # metrics of its own, by name

    @classmethod
    def parse(cls, text: bytes) -> Self | None:
        """None where another version of anpr wrote it."""
        plain = cast(dict[str, Any], json.loads(text))
        return cls(**plain) if plain.keys() == {one.name for one in fields(cls)} else None

    @property
    def key(self) -> str:
        return f"anpr:process:{self.role}:{self.host}:{self.pid}"


def tell(redis: Redis, state: ProcessState, measured: Mapping[Field, float]) -> None:
    """Add numbers to those of all processes, and say that this one is alive. Raises RedisError."""
    pipe = redis.pipeline(transaction=True)
    for field, number in measured.items():
        pipe.hincrbyfloat(MEASURED, json.dumps(field, ensure_ascii=False, separators=(",", ":")), number)
    pipe.set(state.key, json.dumps(asdict(state)), ex=ALIVE_S)
    pipe.sadd(PROCESSES, state.key)
    pipe.execute()


def leave(redis: Redis, key: str) -> None:
    """Be no longer listed. Raises RedisError."""
    redis.delete(key)
    redis.srem(PROCESSES, key)


def measured(redis: Redis) -> dict[Field, float]:
    """All that processes have told so far. Raises RedisError."""
    found = cast("dict[bytes, bytes]", redis.hgetall(MEASURED))
    return {tuple(json.loads(field)): float(number) for field, number in found.items()}


def alive(redis: Redis) -> list[ProcessState]:
    """The processes that are alive, by role. Raises RedisError."""
    keys = sorted(cast("set[bytes]", redis.smembers(PROCESSES)))
    if not keys:
        return []
    texts = cast("list[bytes | None]", redis.mget(keys))
    gone = [key for key, text in zip(keys, texts, strict=True) if text is None]
    if gone:
        redis.srem(PROCESSES, *gone)
    found = (ProcessState.parse(text) for text in texts if text is not None)
    return [one for one in found if one is not None]
