"""/api/reviews: cases are handed to people one by one, who answer without knowing what others said."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from anpr.cases import Answer, CaseState, Review
from api.access import WORKING, allow
from api.forms import Form
from api.held import HeldHere, Who
from api.problems import Problem
from storage import cases, reviews
from storage.event_search import LAST_ID
from storage.reviews import ShownEvent

router = APIRouter(prefix="/api/reviews", tags=["reviews"], dependencies=[allow(*WORKING)])


class ShownEventForm(Form):
    """A passing as a reviewer sees it: its plate is to be read off the pictures."""

    event_id: int
    camera: str = Field(examples=["gate-north"])
    first_seen: datetime
    last_seen: datetime
    reads: int
    agreeing: int = Field(description="reads that agree on the plate")
    reason: str = Field(examples=["no vignette for CZ"], description="of its verdict")
    pictures: list[str] = Field(
        examples=[["/api/events/4711/pictures/1"]], description="their addresses; the first shows the plate best"
    )

    @classmethod
    def of(cls, one: ShownEvent) -> "ShownEventForm":
        return cls(
            event_id=one.event_id,
            camera=one.camera,
            first_seen=one.first_seen,
            last_seen=one.last_seen,
            reads=one.reads,
            agreeing=one.agreeing,
            reason=one.reason,
            pictures=[f"/api/events/{one.event_id}/pictures/{n}" for n in range(1, len(one.pictures) + 1)],
        )


class ShownForm(Form):
    """A case, which is with this reviewer alone until `until`."""

    case_id: int
    toll_country: str = Field(examples=["CZ"])
    period_from: datetime
    period_to: datetime
    until: datetime
    events: list[ShownEventForm]


class ReviewBody(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid")
    answer: Answer = Field(description="`confirm`: the pictures show `plate`, and nothing speaks for the driver")
    plate: str = Field(default="", max_length=40, pattern=r"^[^\x00]*$", examples=["1A2 3456"])
    reason: str = Field(
        default="",
        max_length=500,
        pattern=r"^[^\x00]*$",
        examples=["seen in the picture"],
        description="why, without the plate; `overturn` needs one",
    )


class DecidedForm(Form):
    """What became of the case by the answer."""

    case_id: int
    state: CaseState


_NONE: dict[int | str, dict[str, Any]] = {204: {"description": "No case waits for you."}}


@router.post("/next", response_model=ShownForm, responses=_NONE)
def following(held: HeldHere, who: Who) -> Any:
    """The next case; asking again while it is yours gives the same one."""
    with held.database.transaction() as conn:
        shown = reviews.claim(conn, who.name, hold_s=held.settings.cases.claim_s, now=datetime.now(UTC))
    if shown is None:
        return Response(status_code=204)
    return ShownForm(
        case_id=shown.case_id,
        toll_country=shown.toll_country,
        period_from=shown.period_from,
        period_to=shown.period_to,
        until=shown.until,
        events=[ShownEventForm.of(one) for one in shown.events],
    )


@router.post("/{case_id}", response_model=DecidedForm)
def answer(case_id: Annotated[int, Path(ge=1, le=LAST_ID)], review: ReviewBody, held: HeldHere, who: Who) -> Any:
    """Answer the case that was handed to you."""
    said = Review(reviewer=who.name, answer=review.answer, plate=review.plate)
    with held.database.transaction() as conn:
        if cases.get(conn, case_id) is None:
            raise Problem(404, f"There is no case {case_id}.")
        state = reviews.answer(conn, case_id, said, reason=review.reason.strip(), now=datetime.now(UTC))
    return DecidedForm(case_id=case_id, state=state)
