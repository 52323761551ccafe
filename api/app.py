"""The HTTP API: its routes, and what every request goes through."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from redis import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anpr.config import Settings
from api import (
    cameras,
    check,
    corrections,
    events,
    health,
    lists,
    login,
    openapi,
    pages,
    problems,
    read,
    reviews,
    stats,
    watch,
)
from api.access import Access
from api.dashboard import routes as dashboard
from api.dashboard.errors import ProblemPages
from api.headers import SecureHeaders
from api.held import Held
from api.limits import SMALL_BYTES, BodyLimit, Budgets
from api.live import Live
from api.measured import Measured
from api.parameters import known_alone
from api.reading import Networks
from storage.db import Database
from workers.measures import Measures

CONNECTIONS = 10
_MB = 1_000_000
ROUTERS: tuple[APIRouter, ...] = (
    events.router,
    corrections.router,
    reviews.router,
    watch.router,
    stats.router,
    cameras.router,
    check.router,
    lists.router,
    read.router,
    login.router,
    health.router,
    pages.router,
    *dashboard.ROUTERS,
)


class Unexpected:
    """Answers what nobody foresaw as a problem; what it was goes into the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as exc:  # noqa: BLE001 (the main loop of a request)
            answer = problems.unexpected(exc)
            if not has_begun:
                await answer(scope, receive, send)


class Api(FastAPI):
    """FastAPI without its pages, which load scripts from elsewhere, and with a description of our own."""

    def openapi(self) -> dict[str, Any]:
        return openapi.describe(self, all_routes())


def all_routes() -> list[APIRoute]:
    """Every route that there is."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def hold(settings: Settings, database: Database, redis: Redis | None) -> Held:
    """What one process of the API holds, around connections that are given."""
    return Held(
        settings=settings,
        database=database,
        redis=redis,
        networks=Networks(settings),
        live=Live(database, most=settings.api.watchers),
        requests=Budgets(settings.api.rate_per_min),
        tries=Budgets(settings.api.tries_per_min),
        measures=Measures(),
    )


def build(held: Held) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        held.live.close()

    app = Api(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, redirect_slashes=False)
    app.state.held = held
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(known_alone)])
    problems.install(app)
    limits = {
        "/api/read": int(held.settings.api.picture_mb * _MB) + SMALL_BYTES,  # a form says more than the picture
        "/api/vignettes/import": int(held.settings.api.list_mb * _MB),
    }
    # The last that is added sees a request first.
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(Access, held=lambda: held)
    app.add_middleware(Unexpected)
    app.add_middleware(ProblemPages, held=lambda: held)
    app.add_middleware(SecureHeaders)
    app.add_middleware(Measured, measures=held.measures, routes=all_routes)
    return app
