"""Sessions for browsers: a key is exchanged for a cookie that scripts cannot read."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from api import access
from api import forms as answers
from api.dashboard import page
from api.held import Held, HeldHere
from api.problems import Problem
from storage import keys
from storage.keys import Principal

LONGEST_KEY = 200
router = APIRouter(tags=["session"])


class Login(BaseModel):
    """The key of somebody who logs in."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=1, max_length=LONGEST_KEY, examples=["anpr_…"])


class SessionForm(answers.Form):
    """Who has logged in, and what unsafe requests must say in X-CSRF-Token."""

    name: str = Field(examples=["ann"])
    role: str = Field(examples=["viewer"])
    csrf_token: str = Field(examples=["7c89a25125a08018ba23ba71c1261a485774f2ba1726df700a049af4f5cc41d4"])


@router.post("/api/session", status_code=201)
def log_in(login: Login, request: Request, response: Response, held: HeldHere) -> SessionForm:
    """Log in with a key: sets the session's cookie."""
    who, token = begin(held, request, login.key)
    set_cookie(held, request, response, token)
    return SessionForm(name=who.name, role=who.role.value, csrf_token=keys.csrf_token(token))


@router.get("/api/session")
def session(request: Request, held: HeldHere) -> SessionForm:
    """Who has logged in with this cookie."""
    token = access.session_token(request.headers)
    who = None
    if token:
        with held.database.transaction() as conn:
            who = keys.of_session(conn, token)
    if who is None or not token:
        raise Problem(401, "Nobody has logged in.", headers={"WWW-Authenticate": "Bearer"})
    return SessionForm(name=who.name, role=who.role.value, csrf_token=keys.csrf_token(token))


@router.delete("/api/session", status_code=204)
def log_out(request: Request, response: Response, held: HeldHere) -> None:
    """Log out: the cookie is worth nothing any more."""
    token = access.session_token(request.headers)
    if token is None:
        raise Problem(401, "Nobody has logged in.", headers={"WWW-Authenticate": "Bearer"})
    wrong = access.forged(request.headers)
    if wrong:
        raise Problem(403, wrong)
    with held.database.transaction() as conn:
        keys.end_session(conn, token)
    response.delete_cookie(access.COOKIE, path="/", httponly=True, samesite="strict")


def begin(held: Held, request: Request, key: str) -> tuple[Principal, str]:
    """A session of the key's owner, and its token. Raises Problem where the key is wrong, or too many were."""
    if access.is_foreign(request.headers):
        raise Problem(403, "This request comes from another site.")
    address = access.address_of(request.scope)
    wait_s = held.tries.wait_s(address)
    if wait_s:
        wait = str(max(1, round(wait_s)))
        raise Problem(429, "Too many wrong keys came from your address.", headers={"Retry-After": wait})
    with held.database.transaction() as conn:
        who = keys.who(conn, key.strip())
        if who is not None:
            return who, keys.begin_session(conn, who.key_id, lasts_s=held.settings.api.session_h * 3600)
    held.tries.spend(address)
    raise Problem(401, "That key is not known, or was revoked.", headers={"WWW-Authenticate": "Bearer"})


def set_cookie(held: Held, request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        access.COOKIE,
        token,
        max_age=int(held.settings.api.session_h * 3600),
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


HOME = "/"


@router.get("/login", response_class=HTMLResponse, include_in_schema=False)
def login_page(
    request: Request, held: HeldHere, after: Annotated[str, Query(alias="next", max_length=500)] = HOME
) -> Any:
    """The form that asks a browser's user for a key."""
    return page.render(request, "login.html.j2", held, wrong="", after=_inside(after))


@router.post("/login", include_in_schema=False)
def login_by_form(
    request: Request,
    held: HeldHere,
    key: Annotated[str, Form(min_length=1, max_length=LONGEST_KEY)],
    after: Annotated[str, Form(alias="next", max_length=500)] = HOME,
) -> Any:
    """What the form sends; leads to where the user wanted to go."""
    try:
        _, token = begin(held, request, key)
    except Problem as exc:
        answer = page.render(
            request, "login.html.j2", held, status=exc.status_code, wrong=str(exc.detail), after=_inside(after)
        )
        answer.headers.update(exc.headers or {})
        return answer
    response = RedirectResponse(_inside(after), status_code=303)
    set_cookie(held, request, response, token)
    return response


def _inside(address: str) -> str:
    """The address, if it is one of this server."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else HOME
