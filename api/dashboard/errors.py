"""Problems as pages, for people who look at this server with a browser."""

import json
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dashboard import page
from api.held import Held
from api.problems import MEDIA_TYPE

_KEPT = ("retry-after", "www-authenticate", "allow")  # headers of the problem that the page has too


class ProblemPages:
    """Answers browsers that ask for a page with one that says what went wrong; programs get the problem as it is."""

    def __init__(self, app: ASGIApp, held: Callable[[], Held]) -> None:
        self._app = app
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _wants_page(scope):
            await self._app(scope, receive, send)
            return
        begun: MutableMapping[str, Any] | None = None
        body = b""

        async def kept(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start" and _is_problem(message):
                begun = message
            elif begun is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._answer(scope, begun, body)(scope, receive, send)

        await self._app(scope, receive, kept)

    def _answer(self, scope: Scope, begun: MutableMapping[str, Any], body: bytes) -> ASGIApp:
        problem, headers = json.loads(body), Headers(raw=begun["headers"])
        asked = Request(scope)
        again = f"?{asked.url.query}" if asked.method == "GET" else "/login"  # whose form alone is sent by browsers
        answer = page.render(
            asked, "problem.html.j2", self._held(), status=begun["status"], problem=problem, again=again
        )
        for name in _KEPT:
            if name in headers:
                answer.headers[name] = headers[name]
        return answer


def _wants_page(scope: Scope) -> bool:
    accepts = Headers(scope=scope).get("accept", "")
    return not scope["path"].startswith("/api/") and "text/html" in accepts


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
