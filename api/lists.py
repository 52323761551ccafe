"""POST /api/vignettes/import: a list becomes the registry, as `anpr vignettes import` does it."""

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from structlog.stdlib import BoundLogger

from anpr import log
from anpr.errors import BadRegistry
from api.access import allow
from api.forms import Form
from api.held import HeldHere, Who
from api.parameters import Moment, toll_country
from api.problems import Problem
from api.told import EVENT_STREAM, Abandoned, is_wanted, streamed
from storage import vignette_files
from storage.keys import Role
from storage.list_files import Progress, Terms, unheard

TYPES = {"text/csv": ".csv", "application/json": ".json", "application/x-ndjson": ".json"}
LONGEST_SIGNATURE = 1000
_log = log.get(__name__)
router = APIRouter(prefix="/api/vignettes", tags=["registry"], dependencies=[allow(Role.ADMIN)])


class ImportForm(Form):
    """What was done."""

    told: list[str] = Field(description="a line for each toll country", examples=[["imported 2 vignettes for CZ"]])


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "toll_country,plate,kind,valid_from,valid_to\nCZ,1A23456,year,2026-01-01,2026-12-31\n",
            },
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [
                    {
                        "toll_country": "CZ",
                        "plate": "1A23456",
                        "kind": "year",
                        "valid_from": "2026-01-01",
                        "valid_to": "2026-12-31",
                    }
                ],
            },
        },
    }
}


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EVENT_STREAM: {
                "schema": {"type": "string"},
                "example": (
                    'event: progress\ndata: {"phase": "checking", "rows": 250000, "total": null, "share": 0.25}\n\n'
                    'event: progress\ndata: {"phase": "storing", "rows": 400000, "total": 1000000, "share": 0.4}\n\n'
                    'event: done\ndata: {"told": ["imported 1000000 vignettes for CZ"]}\n\n'
                ),
            }
        }
    }
}


@router.post("/import", openapi_extra=_BODY, response_model=ImportForm, responses=_STREAM)
async def import_list(  # noqa: PLR0917 (FastAPI takes parameters of requests as its own)
    request: Request,
    held: HeldHere,
    who: Who,
    country: Annotated[
        str | None,
        Query(min_length=2, max_length=2, examples=["CZ"], description="toll country of lines that do not say"),
    ] = None,
    as_of: Annotated[Moment | None, Query(description="when the list was true; default: now")] = None,
    rows: Annotated[int | None, Query(ge=1, description="how many entries it must hold, else it is refused")] = None,
    update: Annotated[bool, Query(description="changes of the list in force, instead of a whole list")] = False,
    accept_shrink: Annotated[
        bool, Query(description="take it even if far fewer vignettes are left than are in force")
    ] = False,
    signature: Annotated[
        str | None,
        Header(
            alias="X-Signature",
            max_length=LONGEST_SIGNATURE,
            examples=[f"{'A' * 86}=="],
            description="its Ed25519 signature, base64",
        ),
    ] = None,
) -> Any:
    """Make the body, a CSV or JSON list, the registry of its toll countries: all or nothing.

    Where `Accept` names `text/event-stream` first, the answer is a stream that begins when the list has come whole:
    `event: progress` several times a second, then `event: done` with the object that is the answer otherwise, or
    `event: problem` with the problem. The phases are `checking`; `waiting`, only while another import changes the
    registry of the same toll country; `storing`; `finishing`. So many `rows` were checked or stored, of `total` where
    that is known; `share` of the phase is done. Who goes away before the end leaves the registry as it was.
    """
    wanted = None if country is None else toll_country(country)
    signed = None if signature is None else _signature(signature)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise Problem(415, f"A list is {', '.join(TYPES)}; say so in Content-Type.")
    note = _log.bind(who=who.name, update=update)
    directory = await _received(request, f"upload{TYPES[kind]}", signed, note)
    path = Path(directory.name) / f"upload{TYPES[kind]}"
    terms = Terms.of(
        held.settings.registry,
        signature=None if signed is None else path.with_name(f"{path.name}.sig"),
        count=rows,
        source=f"upload by {who.name}",
        accept_shrink=accept_shrink,
    )
    put = vignette_files.update_file if update else vignette_files.import_file

    def work(progress: Progress = unheard) -> ImportForm:
        with directory:
            try:
                told = put(held.database, path, wanted, as_of, terms, progress=progress)
            except BadRegistry as exc:
                raise Problem(422, str(exc).replace(f"{directory.name}/", "")) from exc
            except Abandoned:
                note.info("api.list_abandoned")
                raise
        note.info("api.list_imported")
        return ImportForm(told=told)

    return await (streamed(work) if is_wanted(request) else run_in_threadpool(work))


async def _received(
    request: Request, name: str, signature: bytes | None, note: BoundLogger
) -> "tempfile.TemporaryDirectory[str]":
    """A directory that holds the body, and its signature beside it; who gets it has to clean it up."""
    directory = tempfile.TemporaryDirectory(prefix="anpr-list-")
    try:
        path = Path(directory.name) / name
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        if signature is not None:
            path.with_name(f"{name}.sig").write_bytes(signature)
    except BaseException as exc:
        directory.cleanup()
        if isinstance(exc, ClientDisconnect):
            note.info("api.list_abandoned")
            raise Problem(400, "The list did not come whole.") from exc
        raise
    return directory


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "X-Signature: is not base64.") from None
