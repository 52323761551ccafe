"""Where the plate of each event is at any moment of a file, from its reads. Pure."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from anpr.types import Box, PlateRead

BRIDGE_S = 0.6  # reads further apart are not joined: the car may have been hidden or have turned
EPSILON_S = 1e-5  # file times are sums of fractions, stored to the microsecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The reads of one event in order of time, at least one; `event_id` is None for a plate without an event."""

    event_id: int | None
    times_s: tuple[float, ...]
    boxes: tuple[Box, ...]

    def box_at(self, time_s: float, *, hold_s: float) -> Box | None:
        """The box, moved evenly from read to read over gaps of BRIDGE_S at most; a read that no other follows so soon
        is shown for `hold_s`. None at other times."""
        place = bisect_right(self.times_s, time_s + EPSILON_S) - 1
        if place < 0:
            return None
        before_s, box = self.times_s[place], self.boxes[place]
        if place + 1 < len(self.times_s):
            gap_s = self.times_s[place + 1] - before_s
            if gap_s <= BRIDGE_S + EPSILON_S:
                return _between(box, self.boxes[place + 1], (time_s - before_s) / gap_s)
        return box if time_s - before_s < hold_s - EPSILON_S else None


def tracks(reads: Iterable[tuple[PlateRead, int | None]], began: datetime) -> list[Track]:
    """The tracks of reads with their events' ids, in a file whose first frame was taken when it `began`.

    Of several reads of an event in one frame the most confident counts.
    """
    best: dict[int, dict[int, PlateRead]] = {}
    alone: list[PlateRead] = []
    for read, event_id in reads:
        if event_id is None:
            alone.append(read)
            continue
        frames = best.setdefault(event_id, {})
        rival = frames.get(read.frame_no)
        if rival is None or read.confidence > rival.confidence:
            frames[read.frame_no] = read
    joined = [
        _track(event_id, [frames[number] for number in sorted(frames)], began) for event_id, frames in best.items()
    ]
    return joined + [_track(None, [read], began) for read in alone]


def _track(event_id: int | None, reads: Sequence[PlateRead], began: datetime) -> Track:
    return Track(
        event_id=event_id,
        times_s=tuple((read.captured_at - began).total_seconds() for read in reads),
        boxes=tuple(read.box for read in reads),
    )


class Playback:
    """Tracks played once from their beginning; a moment costs what it shows, not what the file holds."""

    def __init__(self, played: Iterable[Track], *, hold_s: float) -> None:
        self._waiting = deque(sorted(played, key=lambda track: track.times_s[0]))
        self._running: list[Track] = []
        self._hold_s = hold_s

    def at(self, time_s: float) -> list[tuple[int | None, Box]]:
        """The event and box of every plate to be seen at `time_s`, which never goes back."""
        while self._waiting and self._waiting[0].times_s[0] <= time_s + EPSILON_S:
            self._running.append(self._waiting.popleft())
        self._running = [track for track in self._running if time_s <= track.times_s[-1] + self._hold_s]
        shown = ((track.event_id, track.box_at(time_s, hold_s=self._hold_s)) for track in self._running)
        return [(event_id, box) for event_id, box in shown if box is not None]


def _between(a: Box, b: Box, share: float) -> Box:
    return Box(
        x1=a.x1 + share * (b.x1 - a.x1),
        y1=a.y1 + share * (b.y1 - a.y1),
        x2=a.x2 + share * (b.x2 - a.x2),
        y2=a.y2 + share * (b.y2 - a.y2),
    )
