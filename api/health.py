"""Whether this process lives, and whether it can answer: for load balancers and containers."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api.forms import Form
from api.held import HeldHere
from api.problems import Problem
from storage import migrate

router = APIRouter(tags=["health"])


class HealthForm(Form):
    """It lives."""

    status: Literal["ok"]


class ReadyForm(Form):
    """It can answer."""

    status: Literal["ok"]
    postgres: str = Field(examples=["18.1"], description="version of the server")


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> HealthForm:
    """The process answers; what it needs may be away."""
    return HealthForm(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
def ready(held: HeldHere) -> ReadyForm:
    """Postgres answers and has all tables; 503 where not."""
    version = held.database.ping()
    with held.reading() as conn:
        lacking = migrate.lacking(conn)
    if lacking:
        raise Problem(503, "The database is not up to date: run `anpr db migrate`.", headers={"Retry-After": "5"})
    return ReadyForm(status="ok", postgres=version)
