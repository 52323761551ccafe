"""The review queue: one case after another, without its plate and without what others said."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.access import WORKING, allow
from api.dashboard import page
from api.held import HeldHere, Who
from storage import reviews

router = APIRouter(include_in_schema=False, dependencies=[allow(*WORKING)])


@router.get("/review", response_class=HTMLResponse)
def review_page(request: Request, held: HeldHere) -> Any:
    """How many cases wait and how earlier ones ended; a script asks for the next case."""
    with held.reading() as conn:
        outcomes = reviews.outcomes(conn, since=None)
    return page.render(request, "review.html.j2", held, outcomes=outcomes)


@router.post("/review/next", response_class=HTMLResponse)
def next_case(request: Request, held: HeldHere, who: Who) -> Any:
    """Hand the next case to this person alone for a while, as a part of the page; 204: none waits."""
    with held.database.transaction() as conn:
        shown = reviews.claim(conn, who.name, hold_s=held.settings.cases.claim_s, now=datetime.now(UTC))
    if shown is None:
        return Response(status_code=204)
    return page.render(request, "case.html.j2", held, case=shown)
