"""GET /api/live: events as they happen, as server-sent events (HTML standard, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import computed_field
from starlette.concurrency import run_in_threadpool

from anpr.types import VerdictStatus
from api.access import LOOKING, allow
from api.dashboard import looks
from api.forms import EventForm
from api.held import Held, HeldHere
from api.live import Told, Watcher
from api.parameters import Name
from api.problems import Problem
from storage import changes, plate_events
from storage.changes import Mark
from storage.plate_events import EventRow

HEARTBEAT_S = 15.0  # proxies cut what is silent for a minute
AGAIN_MS = 2000
router = APIRouter(prefix="/api/live", tags=["events"], dependencies=[allow(*LOOKING)])
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: event\nid: 4711-9023\ndata: {"id": 4711, "camera": "gate-north", …}\n\n',
            }
        }
    }
}


class ShownForm(EventForm):
    """An event with its plate as the dashboard shows it."""

    @computed_field
    @property
    def written(self) -> str:
        return looks.written(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody watches."""

    cameras: Collection[str] | None
    verdicts: Collection[VerdictStatus] | None

    def fits(self, row: EventRow) -> bool:
        is_of_camera = self.cameras is None or row.event.camera in self.cameras
        return is_of_camera and (self.verdicts is None or row.status in self.verdicts)


@router.get("", response_class=StreamingResponse, responses=_STREAM)
async def live(
    held: HeldHere,
    camera: Annotated[
        list[Name] | None,
        Query(max_length=50, examples=[["gate-north"]], description="name of a camera; may be repeated"),
    ] = None,
    verdict: Annotated[list[VerdictStatus] | None, Query(max_length=8, description="may be repeated")] = None,
    last_event_id: Annotated[
        str | None,
        Header(
            max_length=50,
            examples=["4711-9023"],
            description="the last id that was seen: what came since is sent first",
        ),
    ] = None,
) -> Any:
    """New and changed events: `event: event` with the event, `event: gone` where one was merged into another.

    `event: away` says that the database does not answer, `event: back` that it does again.

    The same event comes again each time it changes. A comment comes every 15 s where nothing else does.
    """
    watcher = held.live.join(asyncio.get_running_loop())
    if watcher is None:
        raise Problem(503, "Too many watch already.", headers={"Retry-After": "5"})
    wanted = Wanted(cameras=camera, verdicts=verdict)
    try:
        first = await run_in_threadpool(_missed, held, _mark(last_event_id), wanted)
    except BaseException:
        held.live.leave(watcher)
        raise
    return StreamingResponse(_stream(held, watcher, wanted, first), media_type="text/event-stream")


async def _stream(held: Held, watcher: Watcher, wanted: Wanted, first: str) -> AsyncIterator[str]:
    try:
        yield f"retry: {AGAIN_MS}\n\n{first}"
        while True:
            try:
                told = await asyncio.wait_for(watcher.queue.get(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if told is None:
                return
            text = _written(told, wanted)
            if text:
                yield text
    finally:
        held.live.leave(watcher)


def _written(told: Told, wanted: Wanted) -> str:
    parts = [] if told.is_back is None else [f"event: {'back' if told.is_back else 'away'}\ndata: {{}}\n\n"]
    parts += [f"event: gone\ndata: {json.dumps({'id': one})}\n\n" for one in told.gone]
    return "".join(parts) + ("" if told.mark is None else _rows(told.rows, told.mark, wanted))


def _rows(rows: Sequence[EventRow], mark: Mark, wanted: Wanted) -> str:
    known = f"{mark.event_id}-{mark.verdict_id}"
    return "".join(
        f"event: event\nid: {known}\ndata: {ShownForm.of(row).model_dump_json()}\n\n"
        for row in rows
        if wanted.fits(row)
    )


def _missed(held: Held, seen: Mark | None, wanted: Wanted) -> str:
    """What came since somebody was here last; for newcomers how far things are."""
    with held.reading() as conn:
        mark = changes.mark(conn)
        if seen is None:
            return f"id: {mark.event_id}-{mark.verdict_id}\n\n"
        rows = plate_events.get_all(conn, changes.since(conn, seen))
    return _rows(rows[::-1], mark, wanted)


def _mark(text: str | None) -> Mark | None:
    """What an id says; None where it is none of ours, as for a newcomer."""
    event_id, _, verdict_id = (text or "").partition("-")
    if not (event_id.isdecimal() and verdict_id.isdecimal() and event_id.isascii() and verdict_id.isascii()):
        return None
    most = 2**63 - 1
    return Mark(event_id=min(int(event_id), most), verdict_id=min(int(verdict_id), most))
