# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""The counters of running sessions, noted every few seconds in Redis, so that anyone can tell what a minute brought."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, cast

from redis import Redis

from anpr.health import FrameCounts
from storage.sessions import Session

NOTES = "anpr:rates"  # stream: one entry a note, all running sessions in it
NOTED = "anpr:rates:noted"  # there while no other note is due
NOTE_S = 5.0
WINDOW_S = 60.0
LEAST_S = 4.0  # a shorter while says little
_MOST = 24  # two minutes of notes
_NAMES = tuple(one.name for one in fields(FrameCounts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What the last while, at most WINDOW_S, brought to a session."""

    over_s: float
    counts: FrameCounts

    @property
    def offered_fps(self) -> float:
        return self.counts.offered / self.over_s

    @property
    def processed_fps(self) -> float:
        return self.counts.processed / self.over_s


def note(redis: Redis, running: Iterable[Session]) -> None:
    """Note the counters of sessions, if the last note is NOTE_S old. Raises RedisError."""
    if not redis.set(NOTED, 1, nx=True, px=round(NOTE_S * 1000)):
        return
    counts = {session.id: [getattr(session, name) for name in _NAMES] for session in running}
    redis.xadd(NOTES, {"sessions": json.dumps(counts)}, maxlen=_MOST, approximate=False)


def of_late(redis: Redis) -> dict[int, Rate]:
    """The rate of each session that runs, once it was noted twice; none where nobody notes. Raises RedisError."""
    seconds, micros = redis.time()
    now_ms = seconds * 1000 + micros // 1000
    since_ms = now_ms - round(WINDOW_S * 1000)
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(NOTES, min=str(max(since_ms, 0))))
    notes = [(int(entry_id.split(b"-")[0]), _parsed(held[b"sessions"])) for entry_id, held in entries]
    if not notes or notes[-1][0] < now_ms - 3 * NOTE_S * 1000:
        return {}
    at_ms, newest = notes[-1]
    found: dict[int, Rate] = {}
    for session_id, counts in newest.items():
        begin_ms, before = next((ms, one[session_id]) for ms, one in notes if session_id in one)
        over_s = (at_ms - begin_ms) / 1000
        if over_s >= LEAST_S:
            found[session_id] = Rate(over_s=over_s, counts=counts.since(before))
    return found


def _parsed(text: bytes) -> dict[int, FrameCounts]:
    plain = cast("dict[str, list[Any]]", json.loads(text))
    return {
        int(session_id): FrameCounts.of(dict(zip(_NAMES, numbers, strict=False)))
        for session_id, numbers in plain.items()
    }
