"""GET /api/events: what passed, and what it was judged."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from anpr import rule_packs
from anpr.explain import explain
from anpr.plates import distance
from anpr.types import VerdictStatus
from api import cursors
from api.access import LOOKING, allow
from api.forms import (
    EVENT_COLUMNS,
    CorrectionForm,
    EventDetailForm,
    EventForm,
    EventsForm,
    PictureForm,
    ReadForm,
    VerdictForm,
    country_columns,
)
from api.held import Held, HeldHere, Who
from api.parameters import Moment, Name, Reason, in_order
from api.problems import Problem
from storage import erasures, event_details, event_search, plate_events, plate_reads, searches
from storage import verdicts as verdicts_table
from storage.db import Conn
from storage.event_search import EventSearch, Match, PlateQuery, Position
from storage.keys import Principal
from storage.plate_events import EventRow

MOST_READS = 200
MOST_ACTS = 100  # verdicts, corrections
EventId = Annotated[int, Path(ge=1, le=event_search.LAST_ID)]
router = APIRouter(prefix="/api/events", tags=["events"], dependencies=[allow(*LOOKING)])
_CSV_EXAMPLE = f"""{",".join(EVENT_COLUMNS)}
4711,gate-north,1A23456,,0.9976,13,13,2026-05-01T08:00:00Z,2026-05-01T08:00:02.600000Z,CZ,closed,VALID,\
year vignette valid until 2027-01-01 00:00,/api/events/4711/pictures/1,CZ,0.9359
"""
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}}}
}


@router.get("", response_model=EventsForm, responses=_CSV)
def events(  # noqa: PLR0917 (FastAPI takes parameters of requests as its own)
    request: Request,
    response: Response,
    held: HeldHere,
    who: Who,
    plate: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=40,
            description="as it is written; `*` stands for any characters, `?` for one",
            examples=["1A2 3456"],
        ),
    ] = None,
    match: Annotated[
        Match | None,
        Query(description="how the plate is looked for; default: `wildcard` where it has * or ?, else `exact`"),
    ] = None,
    camera: Annotated[
        list[Name] | None,
        Query(max_length=50, examples=[["gate-north"]], description="name of a camera; may be repeated"),
    ] = None,
    since: Annotated[
        Moment | None, Query(alias="from", description="first seen then or later", examples=["2026-05-01T08:00:00Z"])
    ] = None,
    until: Annotated[Moment | None, Query(alias="to", description="first seen before then")] = None,
    verdict: Annotated[list[VerdictStatus] | None, Query(max_length=8, description="in force; may be repeated")] = None,
    confidence: Annotated[float | None, Query(ge=0, le=1, description="at least so sure of the plate")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="events a page")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=40, examples=["AAZgy5OoukAAAAAAAAAABg"], description="`next` of the page before")
    ] = None,
    format: Annotated[Literal["json", "csv"] | None, Query(description="instead of the header Accept")] = None,
    reason: Reason = "",
) -> Any:
    """Events, newest first. A search by plate is recorded: who, when, which plate, why.

    `exact` finds the plate itself; `prefix` what begins so (2 characters or more); `fuzzy` what is one character more,
    fewer or different away, or two look-alikes such as 0 and O. A plate that people corrected is found by both texts.
    """
    query = None if plate is None else event_search.plate_query(plate, match)
    if query is None and match is not None:
        raise Problem(422, "match: says how a plate is looked for, but there is no `plate`.")
    in_order(since, until)
    wanted = EventSearch(
        plate=query,
        cameras=camera,
        since=since,
        until=until,
        verdicts=verdict,
        least_confidence=confidence,
        after=event_search.START if cursor is None else cursors.read(cursor),
    )
    if query is not None:
        record(held, who, query, reason=reason)
    with held.reading() as conn:
        rows = event_search.search(conn, wanted, limit=limit + 1)
    page = rows[:limit]
    following = None if len(rows) <= limit else cursors.written(_end(page))
    if following is not None:
        response.headers["Link"] = f'<{request.url.include_query_params(cursor=following)}>; rel="next"'
    if (format or _preferred(request)) == "csv":
        return Response(_csv(page), media_type="text/csv; charset=utf-8", headers=dict(response.headers))
    return EventsForm(events=[EventForm.of(row, distance=_distance(row, query)) for row in page], next=following)


def record(held: Held, who: Principal, query: PlateQuery, *, reason: str) -> None:
    """Record a search by plate before it is done."""
    with held.database.transaction() as conn:
        searches.record(
            conn, held.settings.retention, who=who.name, command="api events", plate=query.text, reason=reason
        )


def _end(page: Sequence[EventRow]) -> Position:
    return Position(first_seen=page[-1].event.first_seen, id=page[-1].event.id)


def _preferred(request: Request) -> str:
    """The form that the Accept header names first; JSON where it names neither."""
    accept = request.headers.get("accept", "")
    at = {form: accept.find(name) for form, name in (("json", "application/json"), ("csv", "text/csv"))}
    return "csv" if at["csv"] >= 0 and (at["json"] < 0 or at["csv"] < at["json"]) else "json"


def _distance(row: EventRow, query: PlateQuery | None) -> float | None:
    if query is None or query.match is not Match.FUZZY:
        return None
    texts = {row.event.plate, row.event.judged_plate}
    return min(distance(query.text, text) for text in texts)


def _csv(rows: Sequence[EventRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, EVENT_COLUMNS, lineterminator="\r\n", extrasaction="ignore")  # RFC 4180
    writer.writeheader()
    writer.writerows(EventForm.of(row).model_dump(mode="json") | country_columns(row.event) for row in rows)
    return text.getvalue()


@router.get("/{event_id}", response_model=EventDetailForm)
def event(event_id: EventId, held: HeldHere) -> Any:
    """An event with its reads, the history of its verdicts, its pictures and what people corrected."""
    with held.reading() as conn:
        row = existing(conn, event_id)
        erased_at = erasures.erased_at(conn, event_id)
        verdict = verdicts_table.in_force(conn, event_id)
        pack = rule_packs.in_force(row.event.toll_country, row.event.first_seen)
        return EventDetailForm(
            event=EventForm.of(row),
            erased_at=erased_at,
            explanation=None if verdict is None or erased_at is not None else explain(row.event, verdict, pack),
            reads=[ReadForm.of(one) for one in plate_reads.of_event(conn, event_id, most=MOST_READS)],
            verdicts=[VerdictForm.of(one) for one in event_details.verdicts(conn, event_id, most=MOST_ACTS)],
            pictures=[
                PictureForm(
                    url=f"/api/events/{event_id}/pictures/{number}",
                    frame_no=one.frame_no,
                    plate_no=one.plate_no,
                    captured_at=one.captured_at,
                    sha256=one.sha256,
                )
                for number, one in enumerate(event_details.pictures(conn, event_id), 1)
            ],
            corrections=[CorrectionForm.of(one) for one in event_details.corrections(conn, event_id, most=MOST_ACTS)],
        )


_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/{event_id}/pictures/{number}", response_class=FileResponse, responses=_JPEG)
def picture(
    event_id: EventId,
    number: Annotated[int, Path(ge=1, le=1000)],
    held: HeldHere,
    revision: Annotated[  # noqa: ARG001 (an address of its own)
        int | None,
        Query(ge=0, examples=[2], description="of the event: with a new one browsers fetch the picture anew"),
    ] = None,
) -> Any:
    """A picture of an event's plate as JPEG; 1 shows it best."""
    with held.reading() as conn:
        existing(conn, event_id)
        kept = event_details.pictures(conn, event_id)
    if number > len(kept):
        raise Problem(404, f"Event {event_id} has {len(kept)} pictures.")
    path = held.evidence_dir / kept[number - 1].path
    if not path.is_file():
        raise Problem(404, "The picture is not in the evidence directory of this server.")
    return FileResponse(path, media_type="image/jpeg")


def existing(conn: Conn, event_id: int) -> EventRow:
    """An event. Raises Problem where there is none."""
    row = plate_events.get(conn, event_id)
    if row is None:
        raise Problem(404, f"There is no event {event_id}.")
    return row
