"""Times of frames from what containers and cameras say, which may be missing, jump or run backwards."""

SLEW = 0.02  # share of the distance to the arrival that a frame makes good: about 2 s at 25 fps, slower than jitter
JUMP_S = 1.0  # further off than this, the stamps were reset: the clock starts anew from where it is
AHEAD_S = 60.0  # the playlist of a live stream holds less than this


class FileClock:
    """Seconds since the first frame of a file."""

    def __init__(self, *, frame_s: float) -> None:
        """`frame_s`: the time from one frame to the next where the file does not say."""
        self._frame_s = frame_s
        self._offset_s: float | None = None
        self._last_s: float | None = None

    def at(self, stamp_s: float | None) -> float:
        """The time of the next frame, stamped `stamp_s` by the file; never less than the one before."""
        expected_s = 0.0 if self._last_s is None else self._last_s + self._frame_s
        if stamp_s is None:
            time_s = expected_s
        else:
            if self._offset_s is None or stamp_s + self._offset_s < expected_s - JUMP_S:
                self._offset_s = expected_s - stamp_s
            time_s = stamp_s + self._offset_s
        self._last_s = time_s if self._last_s is None else max(self._last_s, time_s)
        return self._last_s


class LiveClock:
    """Seconds of a live stream: as even as the camera's stamps, in the long run as true as the arrival of frames."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_s = float("-inf")

    def at(self, stamp_s: float | None, *, arrived_s: float) -> float:
        """The time of the next frame on the scale of `arrived_s`: not after it, never less than the one before."""
        time_s = arrived_s
        if stamp_s is not None:
            late_s = 0.0 if self._offset_s is None else arrived_s - stamp_s - self._offset_s
            if self._offset_s is None or not 0 <= late_s <= JUMP_S:  # before 0: no frame arrives before it is taken
                self._offset_s = arrived_s - stamp_s
            else:
                self._offset_s += SLEW * late_s
            time_s = stamp_s + self._offset_s
        self._last_s = max(self._last_s, time_s)
        return self._last_s

    def restart(self) -> None:
        """The stamps that follow are of a new connection."""
        self._offset_s = None


class Pace:
    """When to give out the frames of a live stream that come seconds at a time, so that they flow evenly."""

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def wait_s(self, stamp_s: float | None, *, now_s: float) -> float:
        """How long to hold back the frame stamped `stamp_s`."""
        if stamp_s is None:
            return 0.0
        if self._offset_s is None or not -JUMP_S <= stamp_s + self._offset_s - now_s <= AHEAD_S:
            self._offset_s = now_s - stamp_s
        return max(0.0, stamp_s + self._offset_s - now_s)
