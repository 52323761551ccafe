"""GET /api/cameras: how each camera stands, and what it sees."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field
from redis.exceptions import RedisError

from anpr.health import CameraCondition, FrameCounts, condition_of
from api.access import LOOKING, allow
from api.forms import Form, Share
from api.held import Held, HeldHere
from api.parameters import Moment, Name
from api.problems import Problem
from storage import camera_states
from storage.camera_states import CameraState
from workers import preview_frames, rates
from workers.rates import Rate

router = APIRouter(prefix="/api/cameras", tags=["cameras"], dependencies=[allow(*LOOKING)])


class FpsForm(Form):
    """Frames a second in the last minute."""

    offered: float = Field(description="by the camera or file")
    processed: float = Field(description="looked at by a detector")


class CountersForm(Form):
    """Where the frames of the newest session ended; `offered` is the sum of the others and of those that wait."""

    offered: int
    sampled_out: int = Field(description="left out by `fps` and `motion`")
    shed_early: int = Field(description="dropped by the decoder to keep up")
    sampled: int = Field(description="handed to the detectors")
    corrupt: int = Field(description="could not be decoded; not offered")
    no_plate: int
    read: int
    shed: int = Field(description="dropped by back-pressure")
    expired: int = Field(description="gone before a worker came to them")
    failed: int
    waiting: int


class CameraForm(Form):
    """A camera, and the newest session of its ingest."""

    name: str = Field(examples=["gate-north"])
    toll_country: str = Field(examples=["CZ"])
    state: CameraCondition | Literal["never ran"] = Field(
        description="as in `anpr top`. behind: less than 90 % of its frames are looked at; silent: it sends no frames; "
        "gone: its ingest has not reported for 15 s, and has not said that it ends; finishing: what is left of its "
        "frames is being dealt with"
    )
    is_live: bool | None = Field(description="null: never ran")
    session_id: int | None
    started_at: datetime | None
    seen_at: datetime | None = Field(description="when its ingest last reported")
    last_frame_at: datetime | None = Field(description="when the newest frame was captured that was dealt with")
    lag_s: float | None = Field(description="how long ago that was; null: it is a file, or does not run")
    fps: FpsForm | None = Field(description="null: it does not run, or began just now")
    reconnects: int
    counters: CountersForm | None
    health: Share | None = Field(description="processed ÷ offered, of the frames that were wanted and have ended")
    preview_at: datetime | None = Field(description="when its preview was taken; null: there is none")


class CamerasForm(Form):
    """All cameras, by name."""

    cameras: list[CameraForm]


@router.get("")
def cameras(held: HeldHere) -> CamerasForm:
    """State, frame rates, lag, last frame and counters of every camera."""
    with held.reading() as conn:
        states = camera_states.states(conn)
    now, of_late = datetime.now(UTC), _rates(held)
    seen_at = _previews(held, [one.name for one in states])
    return CamerasForm(cameras=[_form(one, of_late, seen_at.get(one.name), now) for one in states])


_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/preview", response_class=Response, responses=_JPEG)
def preview(
    held: HeldHere,
    camera: Annotated[Name, Query(examples=["gate-north"], description="its name")],
    since: Annotated[Moment | None, Query(description="taken then or later: `preview_at` of GET /api/cameras")] = None,
) -> Any:
    """What a camera saw within the last two minutes, as a JPEG of at most 240 pixels for the width of the whole."""
    try:
        found = None if held.redis is None else preview_frames.get(held.redis, camera)
    except RedisError:
        found = None
    if found is None or (since is not None and found.taken_at < since):
        raise Problem(404, "There is no such preview now.")
    return Response(found.jpeg, media_type="image/jpeg")


def _rates(held: Held) -> dict[int, Rate]:
    if held.redis is None:
        return {}
    try:
        return rates.of_late(held.redis)
    except RedisError:
        return {}


def _previews(held: Held, cameras: list[str]) -> dict[str, datetime]:
    if held.redis is None:
        return {}
    try:
        return preview_frames.taken_at(held.redis, cameras)
    except RedisError:
        return {}


def _form(state: CameraState, of_late: dict[int, Rate], preview_at: datetime | None, now: datetime) -> CameraForm:
    session = state.session
    if session is None or state.seen_at is None:
        return CameraForm(
            name=state.name,
            toll_country=state.toll_country,
            state="never ran",
            is_live=None,
            session_id=None,
            started_at=None,
            seen_at=None,
            last_frame_at=None,
            lag_s=None,
            fps=None,
            reconnects=0,
            counters=None,
            health=None,
            preview_at=preview_at,
        )
    runs = session.ended_at is None
    counts = FrameCounts.of({one.name: getattr(session, one.name) for one in fields(FrameCounts)})
    lately = of_late.get(session.id)
    condition = condition_of(
        is_running=runs,
        is_settled=session.settled_at is not None,
        is_live=session.is_live,
        silent_s=(now - state.seen_at).total_seconds(),
        lately=lately.counts if lately else None,
    )
    rate = lately if runs and condition != "gone" else None
    behind_s = None if state.last_frame_at is None else (now - state.last_frame_at).total_seconds()
    return CameraForm(
        name=state.name,
        toll_country=state.toll_country,
        state=condition,
        is_live=session.is_live,
        session_id=session.id,
        started_at=session.started_at,
        seen_at=state.seen_at,
        last_frame_at=state.last_frame_at,
        lag_s=None if behind_s is None or not runs or not session.is_live else round(max(0.0, behind_s), 3),
        fps=None
        if rate is None
        else FpsForm(offered=round(rate.offered_fps, 2), processed=round(rate.processed_fps, 2)),
        reconnects=session.reconnects,
        counters=CountersForm(
            **{one.name: getattr(counts, one.name) for one in fields(FrameCounts)}, waiting=counts.waiting
        ),
        health=counts.health,
        preview_at=preview_at,
    )
