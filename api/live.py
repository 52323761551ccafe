"""Events as they happen: one thread listens to Postgres, and hands on to all who watch."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from anpr import log
from anpr.errors import Retryable
from storage import changes, plate_events
from storage.changes import Changed, Mark
from storage.db import Database
from storage.plate_events import EventRow

EVERY_S = 0.25  # how often watchers are told; a passing should be seen within 2 s
RETRY_S = 1.0
MOST_QUEUED = 1000  # messages that a slow watcher may be behind; then it is sent away, and comes back with its mark

_log = log.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What watchers hear: events as they are now, ids of those that are no more, and how far that goes.

    `is_back` is False where Postgres has gone away, and True with what came until it was back.
    """

    rows: tuple[EventRow, ...] = ()
    gone: tuple[int, ...] = ()
    mark: Mark | None = None
    is_back: bool | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Watcher:
    """One who watches; None in the queue: no more comes."""

    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[Told | None] = field(default_factory=lambda: asyncio.Queue(MOST_QUEUED))
    is_over: bool = False

    def tell(self, told: Told | None) -> None:
        """Called in the thread of the loop."""
        if self.is_over:
            return
        if told is None or self.queue.full():
            self.is_over = True
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)
        else:
            self.queue.put_nowait(told)


class Live:
    """Begins to listen with the first who watches; `close` ends all."""

    def __init__(self, database: Database, *, most: int) -> None:
        self._database = database
        self._most = most
        self._watchers: set[Watcher] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, loop: asyncio.AbstractEventLoop) -> Watcher | None:
        """A new watcher; None where there are too many already, or the process stops."""
        with self._lock:
            if len(self._watchers) >= self._most or self._stop.is_set():
                return None
            watcher = Watcher(loop=loop)
            self._watchers.add(watcher)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        return watcher

    @property
    def watchers(self) -> int:
        """How many watch now."""
        with self._lock:
            return len(self._watchers)

    def leave(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """Send everybody away and stop listening."""
        self._stop.set()
        self._tell(None)
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        seen: Mark | None = None
        is_away = False
        while not self._stop.is_set():
            try:
                for changed in changes.listen(self._database, every_s=EVERY_S):
                    if self._stop.is_set():
                        return
                    if is_away or seen is None or changed.ids or changed.gone:
                        seen = self._hand_on(changed, seen, missed=is_away)
                        is_away = False
            except Retryable as exc:
                if not is_away:
                    _log.warning("live.waits", why=str(exc))
                    self._tell(Told(is_back=False))
                is_away = True
                self._stop.wait(RETRY_S)

    def _hand_on(self, changed: Changed, seen: Mark | None, *, missed: bool) -> Mark:
        """Tell everybody what changed, with what came while we could not listen; how far that goes."""
        with self._database.transaction() as conn:
            mark = changes.mark(conn)
            ids = set(changed.ids) | (set(changes.since(conn, seen)) if missed and seen is not None else set())
            rows = plate_events.get_all(conn, sorted(ids)) if ids and self._watchers else []
        if rows or changed.gone or missed:
            gone = tuple(sorted(changed.gone))
            self._tell(Told(rows=tuple(reversed(rows)), gone=gone, mark=mark, is_back=missed or None))
        return mark

    def _tell(self, told: Told | None) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            if watcher.is_over:  # nobody may be left who would leave
                self.leave(watcher)
            _soon(watcher.loop, lambda watcher=watcher: watcher.tell(told))


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:  # the loop has ended, and the watcher with it
        return
