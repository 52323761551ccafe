"""Requests counted and timed by the address as a route names it; the one that was asked for may hold a plate."""

import time
from collections.abc import Callable, Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anpr import metrics
from workers.measures import Measures

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
OTHER = "other"  # a client may invent methods, and each would be a series of its own


class Measured:
    """Measures every request up to the head of its answer: who watches live is answered at once, and stays."""

    def __init__(self, app: ASGIApp, measures: Measures, routes: Callable[[], Iterable[BaseRoute]]) -> None:
        self._app, self._measures, self._routes = app, measures, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                self._note(scope, status, time.perf_counter() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if not status:  # uvicorn says so to the client
                self._note(scope, 500, time.perf_counter() - began_s)

    def _note(self, scope: Scope, status: int, took_s: float) -> None:
        route, method = self._route(scope), scope["method"]
        self._measures.count(metrics.HTTP_REQUESTS, route, method if method in METHODS else OTHER, f"{status // 100}xx")
        self._measures.observe(metrics.HTTP_DURATION, took_s, route)

    def _route(self, scope: Scope) -> str:
        """The address of the route that answers, or would have if nothing had refused the request before."""
        route = scope.get("route") or next(
            (one for one in self._routes() if one.matches(scope)[0] is not Match.NONE), None
        )
        return getattr(route, "path", UNMATCHED)
