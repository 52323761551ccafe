# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""Pixels in Redis: frames wait in a stream a session, crops in a hash a session.

A frame's stream ID is `<frame_no + 1>-0` (Redis does not allow 0-0), a crop's field `<frame_no>-<plate_no>`: writing
again what was already written changes nothing.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from redis import Redis
from redis.client import Pipeline

PlateKey = tuple[int, int]  # frame_no, plate_no
Client = Redis  # bytes in, bytes out
CLAIM_S = 3600  # a claim ends with its job, or with the session; else with this
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """A sampled frame on its way to the detector."""

    frame_no: int
    captured_at: datetime
    left_px: int  # where the picture lies in the camera's full frame
    top_px: int
    jpeg: bytes
    trace: str = ""  # the context that its next span follows; "" where it is not traced


def keep_memory() -> None:
    """Have this process keep the memory of a frame for the next one.

    glibc gives it back and takes it anew, which for 6 MB (1080p) costs 5 ms a frame, as much as decoding them. Other
    C libraries go on as they do.
    """
    mmap_threshold, trim_threshold = -3, -1  # malloc.h
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 32 << 20)  # the most it takes; a 4K frame has 25 MB
        mallopt(trim_threshold, 128 << 20)


def decode(jpeg: bytes) -> NDArray[np.uint8] | None:
    """HxWx3 uint8 BGR; None where it is no picture."""
    return cast("NDArray[np.uint8] | None", cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))


def add(pipe: Pipeline, session_id: int, frame: StoredFrame) -> None:
    fields: dict[Any, Any] = {
        "at": (frame.captured_at - _EPOCH) // timedelta(microseconds=1),
        "left": frame.left_px,
        "top": frame.top_px,
        "jpeg": frame.jpeg,
    }
    if frame.trace:
        fields["trace"] = frame.trace
    pipe.xadd(_frames(session_id), fields, id=f"{frame.frame_no + 1}-0")


def claim(redis: Client, session_id: int, frame_nos: Sequence[int]) -> dict[int, StoredFrame]:
    """Those of the frames that are still there, by number; until `drop` they are not shed, for they are looked at."""
    if not frame_nos:
        return {}
    wanted = set(frame_nos)
    pipe = redis.pipeline(transaction=True)
    pipe.sadd(_claimed(session_id), *wanted)
    pipe.expire(_claimed(session_id), CLAIM_S)
    pipe.xrange(_frames(session_id), f"{min(wanted) + 1}-0", f"{max(wanted) + 1}-0")
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", pipe.execute()[-1])
    found = (_stored(entry_id, fields) for entry_id, fields in entries)
    return {frame.frame_no: frame for frame in found if frame.frame_no in wanted}


def _stored(entry_id: bytes, fields: dict[bytes, bytes]) -> StoredFrame:
    return StoredFrame(
        frame_no=_frame_no(entry_id),
        captured_at=_EPOCH + timedelta(microseconds=int(fields[b"at"])),
        left_px=int(fields[b"left"]),
        top_px=int(fields[b"top"]),
        jpeg=fields[b"jpeg"],
        trace=fields.get(b"trace", b"").decode(),
    )


def drop(redis: Client | Pipeline, session_id: int, frame_nos: Sequence[int]) -> None:
    if frame_nos:
        redis.xdel(_frames(session_id), *(f"{number + 1}-0" for number in frame_nos))
        redis.srem(_claimed(session_id), *frame_nos)


def shed(redis: Client, session_id: int, count: int) -> int:
    """Drop the `count` oldest frames that nobody looks at, to make room; how many there were.

    They are remembered as shed until `forget_shed`.
    """
    return int(cast(int, redis.eval(_SHED, 3, _frames(session_id), _claimed(session_id), _shed(session_id), count)))


# Lua, so that none of them is claimed meanwhile.
_SHED = """
local most, done = tonumber(ARGV[1]), 0
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', most + redis.call('SCARD', KEYS[2]))
for _, entry in ipairs(entries) do
    local number = string.format('%d', tonumber(string.match(entry[1], '^%d+')) - 1)
    if done < most and redis.call('SISMEMBER', KEYS[2], number) == 0 then
        redis.call('XDEL', KEYS[1], entry[1])
        redis.call('SADD', KEYS[3], number)
        done = done + 1
    end
end
return done
"""


def remembered_shed(redis: Client, session_id: int) -> list[int]:
    """Numbers of the frames that were shed and are not known to be stored as such."""
    return sorted(int(number) for number in cast("set[bytes]", redis.smembers(_shed(session_id))))


def forget_shed(redis: Client, session_id: int, frame_nos: Sequence[int]) -> None:
    if frame_nos:
        redis.srem(_shed(session_id), *frame_nos)


def last(redis: Client, session_id: int) -> int | None:
    """The number of the newest frame that was ever added, waiting or gone; None where none was."""
    if not redis.exists(_frames(session_id)):
        return None
    info = redis.xinfo_stream(_frames(session_id))
    return _frame_no(info["last-generated-id"])


def waiting(redis: Client, session_id: int, *, most: int) -> list[int]:
    """Numbers of the frames that wait, oldest first, at most `most`."""
    return [_frame_no(one) for one in cast("list[bytes]", redis.eval(_IDS, 1, _frames(session_id), str(most)))]


# Lua, so that only the IDs travel and not the pictures.
_IDS = """
local ids = {}
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do ids[i] = entry[1] end
return ids
"""


def oldest_at(redis: Client, session_ids: Sequence[int]) -> dict[int, datetime]:
    """When the oldest frame of each session that waits was captured; sessions of which none waits are left out."""
    pipe = redis.pipeline(transaction=False)
    for session_id in session_ids:
        pipe.eval(_OLDEST_AT, 1, _frames(session_id))
    found = cast("list[bytes | None]", pipe.execute())
    return {
        session_id: _EPOCH + timedelta(microseconds=int(at))
        for session_id, at in zip(session_ids, found, strict=True)
        if at is not None
    }


# Field by name and value by turns; the picture does not travel.
_OLDEST_AT = """
local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not entry then return nil end
for i = 1, #entry[2], 2 do if entry[2][i] == 'at' then return entry[2][i + 1] end end
"""


def load(redis: Client, session_id: int) -> int:
    """How many frames and crops of a session wait."""
    pipe = redis.pipeline(transaction=False)
    pipe.xlen(_frames(session_id))
    pipe.hlen(_crops(session_id))
    frames, crops = pipe.execute()
    return int(frames) + int(crops)


def add_crops(redis: Client, session_id: int, crops: dict[PlateKey, bytes]) -> None:
    """Store encoded crops by their plate."""
    if crops:
        redis.hset(_crops(session_id), mapping={f"{key[0]}-{key[1]}": jpeg for key, jpeg in crops.items()})


def fetch_crops(redis: Client, session_id: int, keys: Sequence[PlateKey]) -> dict[PlateKey, bytes]:
    """Those of the crops that are still there."""
    if not keys:
        return {}
    values = cast("list[bytes | None]", redis.hmget(_crops(session_id), [f"{key[0]}-{key[1]}" for key in keys]))
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}


def crops_waiting(redis: Client, session_id: int) -> list[PlateKey]:
    fields = cast("list[bytes]", redis.hkeys(_crops(session_id)))
    return sorted(cast(PlateKey, tuple(map(int, field.split(b"-")))) for field in fields)


def drop_crops(redis: Client | Pipeline, session_id: int, keys: Sequence[PlateKey]) -> None:
    if keys:
        redis.hdel(_crops(session_id), *(f"{key[0]}-{key[1]}" for key in keys))


def forget(redis: Client, session_id: int) -> None:
    """Remove all that is left of a settled session."""
    redis.delete(_frames(session_id), _crops(session_id), _shed(session_id), _claimed(session_id))


def drop_waiting(redis: Client, session_id: int) -> int:
    """Drop all frames and crops that wait, and return how many; the sweep counts them as expired."""
    dropped = load(redis, session_id)
    if dropped:
        redis.xtrim(_frames(session_id), maxlen=0, approximate=False)
        redis.delete(_crops(session_id))
    return dropped


def sessions_held(redis: Client) -> list[int]:
    """The sessions of which Redis holds anything."""
    found = cast("Iterator[bytes]", redis.scan_iter(match="anpr:[fcs]*:*", count=1000))
    keys = (key.rsplit(b":", 1)[1] for key in found)
    return sorted({int(number) for number in keys if number.isdigit()})


def _frames(session_id: int) -> str:
    return f"anpr:frames:{session_id}"


def _crops(session_id: int) -> str:
    return f"anpr:crops:{session_id}"


def _shed(session_id: int) -> str:
    return f"anpr:shed:{session_id}"


def _claimed(session_id: int) -> str:
    return f"anpr:claimed:{session_id}"


def _frame_no(entry_id: bytes | str) -> int:
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    return int(text.split("-")[0]) - 1
