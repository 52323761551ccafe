"""GET /api/stats: events counted by hour, camera and verdict."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from api.access import LOOKING, allow
from api.forms import Form
from api.held import HeldHere
from api.parameters import Moment, Name, in_order
from api.problems import Problem
from storage import stats
from storage.event_search import EARLIEST
from storage.stats import Count

LONGEST = timedelta(days=31)
DEFAULT = timedelta(days=1)
router = APIRouter(prefix="/api/stats", tags=["events"], dependencies=[allow(*LOOKING)])


class CountForm(Form):
    """How many events a camera first saw in an hour, by the verdict in force."""

    hour: datetime = Field(description="when it begins", examples=["2026-05-01T08:00:00Z"])
    camera: str = Field(examples=["gate-north"])
    verdict: str | None = Field(examples=["VALID"], description="null: not judged yet")
    events: int


class StatsForm(Form):
    """Counts, oldest hour first; what has none is left out."""

    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    counts: list[CountForm]


# Weeks are tens of thousands of counts: written as they come from Postgres, not made forms and checked one by one.
_WRITTEN = TypeAdapter(dict[str, datetime | list[Count]])


@router.get("", response_model=StatsForm)
def statistics(
    held: HeldHere,
    since: Annotated[Moment | None, Query(alias="from", description="default: a day before `to`")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="default: now")] = None,
    camera: Annotated[Name | None, Query(examples=["gate-north"], description="only this one")] = None,
) -> Any:
    """Events per hour, camera and verdict, of 31 days at most."""
    end = until or datetime.now(UTC)
    begin = since or max(EARLIEST, end - DEFAULT)
    in_order(begin, end)
    if end - begin > LONGEST:
        raise Problem(422, f"from, to: must be at most {LONGEST.days} days apart")
    with held.reading() as conn:
        found = stats.counts(conn, since=begin, until=end, camera=camera)
    return Response(_WRITTEN.dump_json({"from": begin, "to": end, "counts": found}), media_type="application/json")
