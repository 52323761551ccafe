"""How much one may ask: requests a minute, and bytes a request."""

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.problems import Problem

MOST_KNOWN = 10_000  # who asked longest ago is forgotten beyond; memory stays bounded
SMALL_BYTES = 64 * 1024  # of a request that brings no file


class Budgets:
    """A token bucket each (RFC 2697's): `per_min` at once, then as many a minute. In this process alone."""

    def __init__(self, per_min: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_min = per_min
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when that was

    def wait_s(self, who: str) -> float:
        """How long `who` has to wait for the next; 0: not at all."""
        left = self._now(who)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._per_min

    def spend(self, who: str) -> float:
        """Take one, if there is one; how long to wait otherwise."""
        wait_s = self.wait_s(who)
        if wait_s == 0:
            self._left[who] = (self._now(who) - 1, self._clock())
            self._left.move_to_end(who)
            while len(self._left) > MOST_KNOWN:
                self._left.popitem(last=False)
        return wait_s

    def _now(self, who: str) -> float:
        tokens, at_s = self._left.get(who, (float(self._per_min), self._clock()))
        return min(float(self._per_min), tokens + (self._clock() - at_s) * self._per_min / 60)


class BodyLimit:
    """Refuses bodies that are too large: at once where they say so, else as soon as they are.

    `limits` are bytes by path; what it does not name may have SMALL_BYTES.
    """

    def __init__(self, app: ASGIApp, limits: dict[str, int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], SMALL_BYTES)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > limit:
            await problems.answer(413, _too_large(limit))(scope, receive, send)
            return
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise Problem(413, _too_large(limit))
            return message

        await self._app(scope, counted, send)


def _too_large(limit: int) -> str:
    size = f"{limit // 100_000 / 10:g} MB" if limit >= 1_000_000 else f"{limit // 1024} KiB"
    return f"The body is larger than the {size} that are allowed here."
