"""Cameras: connections that come back by themselves, and a reader that never waits longer than it wants to."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from av.video.frame import VideoFrame

from anpr import log
from anpr.errors import BadSource, Retryable, Unavailable
from ingest.clock import LiveClock, Pace
from ingest.decode import Converter, DecodedFrame, Decoder, size_px

WAITING_FRAMES = 8  # decoded frames held for a reader that is busy: 25 MB at 1080p, 0.3 s at 25 fps
BURST_S = 2.0  # what came in while FFmpeg probed the stream is decoded at once: let the reader have all of it
LOOK_S = 0.2  # how often a waiting reader looks whether it shall stop
BACKOFF_S = (0.5, 5.0)  # first and longest wait between attempts


class LiveSource:
    """A camera. Iterating connects, and connects again for ever, until `stop` is set or `close` called.

    Its sizes and rate are None until the first frame. A reader too slow for the camera loses the oldest frames, counted
    in `shed`. Raises BadSource if the very first connection is refused; after that a refusal is an outage too.
    """

    is_live = True
    frame_count: int | None = None

    def __init__(
        self,
        connect: Callable[[], Decoder],
        *,
        name: str,
        stop: threading.Event | None = None,
        rng: Callable[[], float] = random.random,
    ) -> None:
        """`connect` opens the camera anew, with limits on the time to open and to read."""
        self.name = name
        self.width_px: int | None = None
        self.height_px: int | None = None
        self.fps: float | None = None
        self.started_at: datetime | None = None  # of the first frame
        self.reconnects = 0
        self._connect = connect
        self._stop = stop or threading.Event()
        self._rng = rng
        self._log = log.get(__name__).bind(source=name)
        self._clock = LiveClock()
        self._converter = Converter()
        self._connection: _Connection | None = None
        self._past_shed = self._past_corrupt = 0  # of the connections before
        self._first_s = 0.0

    @property
    def shed(self) -> int:
        """Frames dropped because the reader was busy."""
        return self._past_shed + (self._connection.shed if self._connection else 0)

    @property
    def corrupt(self) -> int:
        """Packets and frames that could not be decoded."""
        return self._past_corrupt + (self._connection.corrupt if self._connection else 0)

    def __iter__(self) -> Iterator[DecodedFrame]:
        away_since_s: float | None = None
        delay_s, longest_s = BACKOFF_S
        while not self._stop.is_set():
            try:
                for arrived in self._connected():
                    if away_since_s is not None:
                        away_s = round(time.monotonic() - away_since_s, 1)
                        self._log.info("camera.back", away_s=away_s)
                        self.reconnects += self.started_at is not None
                        away_since_s, delay_s = None, BACKOFF_S[0]
                    yield self._stamped(arrived)
            except (Retryable, BadSource) as exc:
                if isinstance(exc, BadSource) and self.started_at is None:
                    raise
                if away_since_s is None:
                    away_since_s = time.monotonic()
                    self._log.warning("camera.lost", reason=str(exc))
                else:
                    self._log.debug("camera.away", reason=str(exc))
            else:
                return
            self._stop.wait(delay_s * (0.5 + self._rng() / 2))
            delay_s = min(2 * delay_s, longest_s)

    def close(self) -> None:
        """Stop iterating, here or in another thread, within LOOK_S; sets `stop`."""
        self._stop.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connected(self) -> Iterator["_Arrived"]:
        """The frames of one connection; ends when told to stop or where a recording has its end, else raises."""
        self._clock.restart()
        self._connection = connection = _Connection(self._connect, name=self.name)
        try:
            yield from connection.frames(self._stop)
        finally:
            connection.close()
            self._past_shed += connection.shed
            self._past_corrupt += connection.corrupt
            self._connection = None

    def _stamped(self, arrived: "_Arrived") -> DecodedFrame:
        now_s, now = time.monotonic(), datetime.now(UTC)
        live_s = self._clock.at(arrived.stamp_s, arrived_s=arrived.at_s)
        captured_at = now - timedelta(seconds=now_s - live_s)
        if self.started_at is None:
            self.started_at, self._first_s = captured_at, live_s
        self.width_px, self.height_px = size_px(arrived.frame)
        if self._connection is not None:
            self.fps = self._connection.fps
        return DecodedFrame(arrived.frame, self._converter, time_s=live_s - self._first_s, captured_at=captured_at)


class _Arrived(NamedTuple):
    frame: VideoFrame
    stamp_s: float | None  # by the camera
    at_s: float  # monotonic


class _Connection:
    """One connection, read in a thread of its own: FFmpeg cannot be interrupted while it waits for a dead server.

    The thread ends by itself, at the latest when the decoder's time limit does.
    """

    def __init__(self, connect: Callable[[], Decoder], *, name: str) -> None:
        self.shed = 0
        self.fps: float | None = None
        self._connect = connect
        self._name = name
        self._decoder: Decoder | None = None
        self._waiting: deque[_Arrived] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._done = False
        self._error: BaseException | None = None
        # daemon: a camera that does not answer must not hold up the end of the process
        threading.Thread(target=self._read, name="camera", daemon=True).start()

    @property
    def corrupt(self) -> int:
        return self._decoder.corrupt if self._decoder else 0

    def frames(self, stop: threading.Event) -> Iterator[_Arrived]:
        """Frames until `stop`; raises what ended the connection."""
        while not stop.is_set():
            with self._changed:
                if not self._waiting and not self._done:
                    self._changed.wait(LOOK_S)
                item = self._waiting.popleft() if self._waiting else None
                self._changed.notify()
                if item is None and self._done:
                    if self._error is not None:
                        raise self._error
                    return
            if item is not None:
                yield item

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()

    def _read(self) -> None:
        try:
            with self._connect() as decoder:
                self._decoder = decoder
                self.fps = decoder.fps
                is_recording = decoder.duration_s is not None
                burst_until_s = time.monotonic() + BURST_S
                pace = Pace() if decoder.is_segmented and not is_recording else None
                for frame in decoder.frames():
                    if pace is not None:
                        self._pause(pace.wait_s(frame.time, now_s=time.monotonic()))
                    patience_s = None if is_recording else max(0.0, burst_until_s - time.monotonic())
                    if not self._offer(frame, frame.time if decoder.is_timed else None, patience_s=patience_s):
                        return
                if not is_recording:
                    self._error = Unavailable(f"{self._name}: the stream ended")
        except BaseException as exc:  # noqa: BLE001 - raised again in the reader's thread
            self._error = exc
        finally:
            with self._changed:
                self._done = True
                self._changed.notify()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _offer(self, frame: VideoFrame, stamp_s: float | None, *, patience_s: float | None) -> bool:
        """Hand `frame` over; False where nobody wants it any more."""
        arrived_s = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < WAITING_FRAMES, patience_s)
            if self._closed:
                return False
            if len(self._waiting) == WAITING_FRAMES:
                self._waiting.popleft()
                self.shed += 1
            self._waiting.append(_Arrived(frame, stamp_s, arrived_s))
            self._changed.notify()
        return True
