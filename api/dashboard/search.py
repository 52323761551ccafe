"""Searching cars, and the page of one."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from anpr.errors import BadInput
from api import cursors, events
from api.access import LOOKING, allow
from api.dashboard import page
from api.dashboard.filters import LEVELS, Filters
from api.events import EventId
from api.forms import EventForm
from api.held import Held, HeldHere, Who
from storage import camera_states, event_search
from storage.event_search import EventSearch, Match, Position
from storage.keys import Principal

PAGE = 50
CSV_ROWS = 1000  # as many as the API gives at once
router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING)])


@router.get("/events", response_class=HTMLResponse)
def search_page(request: Request, held: HeldHere, who: Who) -> Any:
    """Cars that fit what the address says, newest first. A search by plate is recorded as the API records it."""
    filters = Filters.of(request.query_params)
    wrong, found, csv = "", list[EventForm](), ""
    following: str | None = None
    try:
        wanted = filters.search(page.zone_of(held))
        found, following = _found(held, who, wanted, filters.reason)
        csv = filters.api_query(wanted)
    except BadInput as exc:
        wrong = str(exc).replace("--reason", "reason:")
    with held.reading() as conn:
        cameras = camera_states.names(conn)
    return page.render(
        request,
        "search.html.j2",
        held,
        status=422 if wrong else 200,
        filters=filters,
        wrong=wrong,
        events=found,
        cameras=cameras,
        matches=list(Match),
        levels=LEVELS,
        older=None if following is None else request.url.include_query_params(cursor=following).query,
        newest=request.url.remove_query_params("cursor").query if filters.cursor else None,
        csv=csv,
        csv_rows=CSV_ROWS,
    )


def _found(held: Held, who: Principal, wanted: EventSearch, reason: str) -> tuple[list[EventForm], str | None]:
    """A page of events, and where the next one begins."""
    if wanted.plate is not None:
        events.record(held, who, wanted.plate, reason=reason)
    with held.reading() as conn:
        rows = event_search.search(conn, wanted, limit=PAGE + 1)
    shown = rows[:PAGE]
    end = None
    if len(rows) > PAGE:
        last = shown[-1].event
        end = cursors.written(Position(first_seen=last.first_seen, id=last.id))
    return [EventForm.of(row) for row in shown], end


@router.get("/events/{event_id}", response_class=HTMLResponse)
def event_page(event_id: EventId, request: Request, held: HeldHere) -> Any:
    """All that is known of one car's passing; those who may can correct its plate."""
    return page.render(request, "event.html.j2", held, detail=events.event(event_id, held))
