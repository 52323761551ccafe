"""Embedded servers that an `anpr run` and an `anpr serve` share: one has started them, the other uses them."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from anpr import log
from anpr.errors import AnprError
from cli.embedded import EmbeddedServers, InUse

LOOK_S = 1.0
ANSWER_WAIT_S = 70.0  # for another anpr that is just starting them, which may take 60

_log = log.get(__name__)


class SharedServers:
    """The servers asked for inside the `with` block: our own, or those of another anpr that uses the data directory.

    A server that dies is started again, and so are all when the other anpr ends before us, within seconds and under
    the same URLs. Raises what EmbeddedServers does; InUse only where the other one does not run what is asked for.
    """

    def __init__(
        self, data_dir: Path, *, postgres: bool = True, redis: bool = True, wait_s: float = ANSWER_WAIT_S
    ) -> None:
        self._servers = EmbeddedServers(data_dir, postgres=postgres, redis=redis)
        self._wait_s = wait_s
        self._are_ours = False
        self._stop = threading.Event()
        self._failure: AnprError | None = None
        self._keeper = threading.Thread(target=self._keep, name="servers", daemon=True)

    @property
    def database_url(self) -> str:
        return self._servers.database_url

    @property
    def redis_url(self) -> str:
        return self._servers.redis_url

    def __enter__(self) -> Self:
        until_s = time.monotonic() + self._wait_s
        if not self._take_or_join(is_last=self._wait_s <= 0):
            _log.info("servers.waited_for", data=str(self._servers.data_dir))
            while not self._take_or_join(is_last=time.monotonic() > until_s):
                time.sleep(0.1)
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._keeper.join()
        if self._are_ours:
            self._servers.__exit__(kind, error, trace)

    def check(self) -> None:
        """Raises what keeps the servers from running, Unavailable most of all."""
        if self._failure is not None:
            raise self._failure

    def _take_or_join(self, *, is_last: bool) -> bool:
        try:
            self._take()
        except InUse as exc:
            if self._servers.answer():
                return True
            if is_last:
                raise InUse(f"{exc}, which runs no such servers: stop it, or set DATABASE_URL and REDIS_URL") from None
            return False
        return True

    def _take(self) -> None:
        self._servers.__enter__()
        self._are_ours = True

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                if self._are_ours:
                    self._servers.poll()
                else:
                    self._take()
                    _log.info("servers.taken_over", data=str(self._servers.data_dir))
                self._failure = None
            except InUse:
                continue
            except AnprError as exc:
                if self._failure is None:
                    _log.error("servers.away", why=str(exc))
                self._failure = exc
