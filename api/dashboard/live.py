"""The first page: cars as they pass."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.access import LOOKING, allow
from api.dashboard import page
from api.dashboard.filters import names_in
from api.forms import EventForm
from api.held import HeldHere
from storage import camera_states, event_search
from storage.event_search import EventSearch

SHOWN = 24
router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING)])


@router.get("/", response_class=HTMLResponse)
def live_page(request: Request, held: HeldHere) -> Any:
    """The newest cars, of some cameras or all; a script adds those that pass while one looks."""
    chosen = names_in(request.query_params)
    with held.reading() as conn:
        rows = event_search.search(conn, EventSearch(cameras=chosen or None), limit=SHOWN)
        cameras = camera_states.names(conn)
    return page.render(
        request,
        "live.html.j2",
        held,
        events=[EventForm.of(row) for row in rows],
        cameras=cameras,
        chosen=chosen,
        shown=SHOWN,
    )
