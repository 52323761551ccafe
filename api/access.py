"""Who may ask for what. Everything needs a key or a session but what OPEN names."""

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from math import ceil
from typing import Any, cast
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from anpr.errors import Retryable
from api import problems
from api.dashboard import assets
from api.held import Held
from api.problems import Problem
from storage import keys
from storage.keys import Principal, Role

OPEN = frozenset({"/healthz", "/readyz", "/login", "/api/session"}) | assets.PATHS
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
COOKIE = "anpr_session"
CSRF_HEADER = "x-csrf-token"
LOOKING = (Role.VIEWER, Role.REVIEWER, Role.ADMIN)
WORKING = (Role.REVIEWER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A dependency of a route: only these roles may ask for it."""

    roles: frozenset[Role]

    def __call__(self, request: Request) -> None:
        who = cast(Principal, request.scope["anpr.who"])
        if who.role not in self.roles:
            named = ", ".join(sorted(role.value for role in self.roles))
            raise Problem(403, f"A key of the role {who.role.value} may not do this; these may: {named}.")


def allow(*roles: Role) -> Any:
    """What a route's `dependencies` hold: who may ask for it. Every route that is not OPEN has one."""
    return Depends(Allowed(frozenset(roles)))


class Access:
    """Finds out who asks before anything of the request is read; `anpr.who` of the scope then says so."""

    def __init__(self, app: ASGIApp, held: Callable[[], Held]) -> None:
        self._app = app
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = await self._refused(scope)
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await refused(scope, receive, send)

    async def _refused(self, scope: Scope) -> Response | None:
        """The answer to those who may not ask; None: go on."""
        if scope["path"] in OPEN:
            return None
        held, headers, address = self._held(), Headers(scope=scope), address_of(scope)
        who = await _found(held, headers)
        if isinstance(who, Response):
            return who
        if who is None:
            return self._unknown(held, scope, headers, address)
        scope["anpr.who"] = who
        wrong = None if bearer(headers) is not None or scope["method"] in SAFE else forged(headers)
        wait_s = held.requests.spend(str(who.key_id)) if wrong is None else 0.0
        if wait_s:
            return _too_many(wait_s, "Too many requests came with this key.")
        return None if wrong is None else problems.answer(403, wrong)

    def _unknown(self, held: Held, scope: Scope, headers: Headers, address: str) -> Response:
        if bearer(headers) is not None:
            wait_s = held.tries.spend(address)  # of wrong keys alone: others may come from the same address
            if wait_s:
                return _too_many(wait_s, "Too many wrong keys came from your address.")
        elif scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(scope['path'])}", status_code=303)
        return problems.answer(
            401,
            "Say who you are: `Authorization: Bearer KEY`; `anpr keys add` makes a key.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def bearer(headers: Headers) -> str | None:
    """The key of the Authorization header (RFC 6750), where there is one."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def session_token(headers: Headers) -> str | None:
    """The token of the session cookie, where there is one."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


async def _found(held: Held, headers: Headers) -> Principal | Response | None:
    """Who asks; None: nobody known; a response: that cannot be found out now."""
    try:
        return await run_in_threadpool(_principal, held, headers)
    except Retryable as exc:
        return problems.waits(exc)
    except problems.NOT_MIGRATED as exc:
        return problems.not_migrated(exc)


def _principal(held: Held, headers: Headers) -> Principal | None:
    key = bearer(headers)
    token = session_token(headers) if key is None else None
    if not key and not token:
        return None
    with held.database.transaction() as conn:
        return keys.who(conn, key) if key else keys.of_session(conn, token or "")


def forged(headers: Headers) -> str | None:
    """What shows that another site may have made a browser send this request, which has a session's cookie."""
    if is_foreign(headers):
        return "This request comes from another site."
    token = session_token(headers) or ""
    if headers.get(CSRF_HEADER) != keys.csrf_token(token):
        return "The header X-CSRF-Token is missing or wrong; GET /api/session says it."
    return None


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another site sends this."""
    site = headers.get("sec-fetch-site")
    if site is not None:  # forms of our own pages have the origin "null", as those tell no referrer
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def address_of(scope: Scope) -> str:
    """From where a request comes."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def _too_many(wait_s: float, why: str) -> Response:
    wait = max(1, ceil(wait_s))
    return problems.answer(429, f"{why} Try again in {wait} s.", headers={"Retry-After": str(wait)})
