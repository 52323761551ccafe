"""POST /api/events/{id}/correction: people say what a plate is."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.access import WORKING, allow
from api.events import EventId, existing
from api.forms import EventForm
from api.held import HeldHere, Who
from storage import corrections

router = APIRouter(prefix="/api/events", tags=["events"], dependencies=[allow(*WORKING)])


class Correction(BaseModel):
    """What the plate of an event is; null withdraws what was said before."""

    model_config = ConfigDict(extra="forbid")
    plate: str | None = Field(max_length=40, examples=["1A2 3456"])
    reason: str = Field(
        min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$", examples=["the 8 is a B"], description="why"
    )


@router.post("/{event_id}/correction", response_model=EventForm)
def correct(event_id: EventId, correction: Correction, held: HeldHere, who: Who) -> Any:
    """Correct the plate of an event; a check worker judges it again. What was read and voted stays as it is."""
    with held.database.transaction() as conn:
        existing(conn, event_id)
        corrections.add(conn, event_id, correction.plate, who=who.name, reason=correction.reason)
        return EventForm.of(existing(conn, event_id))
