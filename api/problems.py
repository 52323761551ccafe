"""What goes wrong, told as problem details (RFC 9457), and never with more than who asked may know."""

from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from anpr import log
from anpr.errors import BadInput, Retryable

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5  # what is away is mostly back by then
NOT_MIGRATED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)

_log = log.get(__name__)


class Problem(HTTPException):
    """An answer that is no success; `detail` is one sentence for people."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, detail, headers)
        self.more = more


def answer(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """The response for a problem; `more` are members of its own."""
    plain = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail} | more
    return JSONResponse(plain, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every failure answered as a problem."""
    for one in (HTTPException, RequestValidationError, BadInput, Retryable, *NOT_MIGRATED):
        app.add_exception_handler(one, _handled)


async def _handled(_: Request, exc: Exception) -> JSONResponse:
    return of(exc)


def of(exc: Exception) -> JSONResponse:
    """The answer to any failure."""
    match exc:
        case HTTPException():
            return _http(exc)
        case RequestValidationError():
            return _invalid(exc)
        case BadInput():
            return answer(422, str(exc))
        case Retryable():
            return waits(exc)
        case _ if isinstance(exc, NOT_MIGRATED):
            return not_migrated(exc)
        case _:
            return unexpected(exc)


def unexpected(exc: Exception) -> JSONResponse:
    """The answer to a failure of ours; what it was is for the log alone."""
    _log.error("api.failed", why=type(exc).__name__, exc_info=exc)
    return answer(500, "This failed unexpectedly; the log of the server says why.")


def away(why: str) -> JSONResponse:
    return answer(503, why, headers={"Retry-After": str(RETRY_S)})


def waits(exc: Retryable) -> JSONResponse:
    """The answer while something that we need is away; what and where it is, is for the log alone."""
    _log.info("api.waits", why=str(exc))
    return away("What this server needs, such as its database, does not answer.")


def not_migrated(exc: Exception) -> JSONResponse:
    """The answer where the database lacks tables or columns of ours."""
    _log.error("api.database_not_up_to_date", why=str(exc).splitlines()[0])
    return away("The database is not up to date: run `anpr db migrate`.")


def _http(exc: HTTPException) -> JSONResponse:
    more = exc.more if isinstance(exc, Problem) else {}
    headers = None if exc.headers is None else dict(exc.headers)
    detail = exc.detail if isinstance(exc, Problem) else _PLAIN.get(exc.status_code, str(exc.detail))
    return answer(exc.status_code, detail, headers=headers, **more)


_PLAIN = {404: "There is nothing at this address.", 405: "This address does not take that method."}


def _invalid(exc: RequestValidationError) -> JSONResponse:
    if isinstance(exc.__cause__, JSONDecodeError):
        broken = exc.__cause__
        detail = f"the body is no JSON: {broken.msg} at line {broken.lineno}, column {broken.colno}"
        return answer(422, detail, errors=[{"in": "body", "name": "", "detail": detail}])
    errors = [
        {"in": str(one["loc"][0]), "name": ".".join(str(part) for part in one["loc"][1:]), "detail": one["msg"]}
        for one in exc.errors()
    ]
    told = "; ".join(f"{one['name'] or one['in']}: {one['detail']}" for one in errors)
    return answer(422, told, errors=errors)
