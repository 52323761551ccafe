# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""What each camera sees: one small picture of each in Redis, which lets go of it by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

KEPT_S = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFrame:
    """A frame of a camera, shrunk."""

    taken_at: datetime
    jpeg: bytes


def put(redis: Redis, camera: str, frame: PreviewFrame) -> None:
    """Keep it for KEPT_S, in place of the one before. Raises RedisError."""
    pipe = redis.pipeline(transaction=True)
    micros = (frame.taken_at - _EPOCH) // timedelta(microseconds=1)
    pipe.hset(_key(camera), mapping={"at": micros, "jpeg": frame.jpeg})
    pipe.expire(_key(camera), KEPT_S)
    pipe.execute()


def get(redis: Redis, camera: str) -> PreviewFrame | None:
    """What is kept of a camera, if anything. Raises RedisError."""
    micros, jpeg = cast("list[bytes | None]", redis.hmget(_key(camera), ["at", "jpeg"]))
    return None if micros is None or jpeg is None else PreviewFrame(taken_at=_moment(micros), jpeg=jpeg)


def taken_at(redis: Redis, cameras: Sequence[str]) -> dict[str, datetime]:
    """When what is kept of each camera was taken; cameras without are left out. Raises RedisError."""
    pipe = redis.pipeline(transaction=False)
    for camera in cameras:
        pipe.hget(_key(camera), "at")
    found = cast("list[bytes | None]", pipe.execute())
    return {camera: _moment(micros) for camera, micros in zip(cameras, found, strict=True) if micros is not None}


def _key(camera: str) -> str:
    return f"anpr:preview:{camera}"


def _moment(micros: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=int(micros))
