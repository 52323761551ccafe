"""What answers look like: every field with its meaning, for the OpenAPI of this server."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from anpr.types import Candidate, PlateEvent, PlateRead, Region
from storage.event_details import CorrectionRow, VerdictRow
from storage.plate_events import EventRow

Share = Annotated[float, Field(ge=0, le=1)]
# Of an event in CSV, here and in `anpr events`; what is added comes last, so that who counts columns is not led astray.
EVENT_COLUMNS: tuple[str, ...] = (
    "id",
    "camera",
    "plate",
    "corrected_plate",
    "confidence",
    "reads",
    "agreeing",
    "first_seen",
    "last_seen",
    "toll_country",
    "state",
    "verdict",
    "reason",
    "picture",
    "plate_country",
    "plate_country_probability",
)


class Form(BaseModel):
    """Nothing that is not declared here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CandidateForm(Form):
    """A possible text of a plate."""

    text: str = Field(examples=["1A23456"])
    confidence: Share

    @classmethod
    def of(cls, one: Candidate) -> "CandidateForm":
        return cls(text=one.text, confidence=_rounded(one.confidence))


class RegionForm(Form):
    """A country that a plate may be of; "" is one that is not known."""

    country: str = Field(examples=["CZ"], description='ISO 3166-1 alpha-2; "" is one whose plates are not known')
    probability: Share

    @classmethod
    def of(cls, one: Region) -> "RegionForm":
        return cls(country=one.country, probability=_rounded(one.probability))


class EventForm(Form):
    """One car passing one camera."""

    id: int = Field(examples=[4711])
    camera: str = Field(examples=["gate-north"])
    plate: str = Field(examples=["1A23456"], description="what its reads make together; empty once erased")
    corrected_plate: str | None = Field(examples=[None], description="what a person says the plate is")
    confidence: Share = Field(description="of the plate, all reads together")
    candidates: list[CandidateForm] = Field(description="the likeliest texts")
    regions: list[RegionForm] = Field(description="countries the plate may be of, likeliest first")
    reads: int = Field(description="how often it was read")
    agreeing: int = Field(description="reads whose best text is the plate")
    first_seen: datetime
    last_seen: datetime
    toll_country: str = Field(examples=["CZ"])
    state: Literal["open", "closed"] = Field(examples=["closed"])
    revision: int = Field(description="grows each time its reads change or people correct it")
    verdict: str | None = Field(examples=["VALID"], description="in force; null: not judged yet")
    reason: str | None = Field(
        examples=["year vignette valid until 2027-01-01 00:00"], description="of the verdict, one sentence"
    )
    picture: str | None = Field(
        examples=["/api/events/4711/pictures/1"], description="address of the one that shows the plate best"
    )
    distance: float | None = Field(
        default=None,
        examples=[None],
        description="in a fuzzy search: how far the plate is from the one searched; look-alikes are half",
    )

    @classmethod
    def of(cls, row: EventRow, *, distance: float | None = None) -> "EventForm":
        event = row.event
        return cls(
            id=event.id,
            camera=event.camera,
            plate=event.plate,
            corrected_plate=event.corrected_plate,
            confidence=_rounded(event.confidence),
            candidates=[CandidateForm.of(one) for one in event.candidates],
            regions=[RegionForm.of(one) for one in event.regions],
            reads=event.reads,
            agreeing=event.agreeing,
            first_seen=event.first_seen,
            last_seen=event.last_seen,
            toll_country=event.toll_country,
            state=event.state,
            revision=event.revision,
            verdict=None if row.status is None else row.status.value,
            reason=row.reason,
            picture=None if row.picture is None else f"/api/events/{event.id}/pictures/1",
            distance=distance,
        )


def country_columns(event: PlateEvent) -> dict[str, str | float | None]:
    """The likeliest country of an event's plate, "" where it is one that is not known; None where nothing tells it."""
    if not event.regions:
        return {"plate_country": None, "plate_country_probability": None}
    likeliest = event.regions[0]
    return {"plate_country": likeliest.country, "plate_country_probability": _rounded(likeliest.probability)}


class EventsForm(Form):
    """A page of events, newest first."""

    events: list[EventForm]
    next: str | None = Field(
        examples=["AAZgy5OoukAAAAAAAAAABg"], description="`cursor` of the next page; null: this is the last"
    )


class BoxForm(Form):
    """In pixels of the camera's full frame."""

    x1: float = Field(examples=[212.4])
    y1: float = Field(examples=[340.0])
    x2: float = Field(examples=[318.3])
    y2: float = Field(examples=[366.5])


class ReadForm(Form):
    """One look at the plate of an event."""

    frame_no: int
    plate_no: int
    captured_at: datetime
    box: BoxForm
    detection_score: Share
    outcome: str = Field(examples=["read"])
    text: str = Field(examples=["1A23456"])
    confidence: Share
    candidates: list[CandidateForm]
    regions: list[RegionForm]

    @classmethod
    def of(cls, read: PlateRead) -> "ReadForm":
        box = read.box
        return cls(
            frame_no=read.frame_no,
            plate_no=read.plate_no,
            captured_at=read.captured_at,
            box=BoxForm(x1=box.x1, y1=box.y1, x2=box.x2, y2=box.y2),
            detection_score=_rounded(read.detection_score),
            outcome=read.outcome.value,
            text=read.text,
            confidence=_rounded(read.confidence),
            candidates=[CandidateForm.of(one) for one in read.candidates],
            regions=[RegionForm.of(one) for one in read.regions],
        )


class VerdictForm(Form):
    """A verdict as it was given, with what it was judged on."""

    id: int
    status: str = Field(examples=["VALID"])
    reason: str = Field(examples=["year vignette valid until 2027-01-01 00:00"])
    revision: int = Field(description="state of the event that was judged; negative: of an event merged into this one")
    readings_tried: list[str] = Field(examples=[["1A23456", "IA23456"]])
    vignette_id: int | None
    snapshot_id: int | None = Field(description="vignette list that was asked")
    rules_version: str = Field(examples=["2026-11 CZ-2024-03"])
    judged_at: datetime
    judge_again_at: datetime | None = Field(examples=[None], description="a provisional verdict is judged again then")

    @classmethod
    def of(cls, row: VerdictRow) -> "VerdictForm":
        return cls(
            id=row.id,
            status=row.status,
            reason=row.reason,
            revision=row.revision,
            readings_tried=row.readings_tried,
            vignette_id=row.vignette_id,
            snapshot_id=row.snapshot_id,
            rules_version=row.rules_version,
            judged_at=row.judged_at,
            judge_again_at=row.judge_again_at,
        )


class PictureForm(Form):
    """A kept picture of an event."""

    url: str = Field(examples=["/api/events/4711/pictures/1"])
    frame_no: int
    plate_no: int
    captured_at: datetime
    sha256: str = Field(examples=["5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"])


class CorrectionForm(Form):
    """What somebody said the plate is; null: withdrew what was said before."""

    plate: str | None = Field(examples=["1A23466"])
    who: str = Field(examples=["ann"])
    reason: str = Field(examples=["the 8 is a B"])
    corrected_at: datetime

    @classmethod
    def of(cls, row: CorrectionRow) -> "CorrectionForm":
        return cls(plate=row.plate, who=row.who, reason=row.reason, corrected_at=row.corrected_at)


class EventDetailForm(Form):
    """An event with all that belongs to it."""

    event: EventForm
    erased_at: datetime | None = Field(examples=[None], description="when what it left was erased; null: not yet")
    explanation: str | None = Field(
        examples=["VALID. A vignette was found: year vignette valid until 2027-01-01 00:00."],
        description="the verdict in plain words; null: not judged yet, or erased",
    )
    reads: list[ReadForm] = Field(description="its looks, most confident first, at most 200")
    verdicts: list[VerdictForm] = Field(description="the one in force first, at most 100")
    pictures: list[PictureForm] = Field(description="the one that shows the plate best first")
    corrections: list[CorrectionForm] = Field(description="what people said, the last word first, at most 100")


def _rounded(share: float) -> float:
    return round(min(1.0, max(0.0, share)), 4)
