"""POST /api/vignettes/import: a list becomes the registry, as `anpr vignettes import` does it."""

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from anpr import log
from anpr.errors import BadRegistry
from api.access import allow
from api.forms import Form
from api.held import HeldHere, Who
from api.parameters import Moment, toll_country
from api.problems import Problem
from storage import vignette_files
from storage.keys import Role
from storage.vignette_files import Terms

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


@router.post("/import", openapi_extra=_BODY)
async def import_list(  # noqa: PLR0917 (FastAPI takes parameters of requests as its own)
    request: Request,
    held: HeldHere,
    who: Who,
    country: Annotated[
        str | None, Query(min_length=2, max_length=2, description="toll country of lines that do not say")
    ] = None,
    as_of: Annotated[Moment | None, Query(description="when the list was true; default: now")] = None,
    rows: Annotated[int | None, Query(ge=1, description="how many entries it must hold, else it is refused")] = None,
    update: Annotated[bool, Query(description="changes of the list in force, instead of a whole list")] = False,
    accept_shrink: Annotated[
        bool, Query(description="take it even if far fewer vignettes are left than are in force")
    ] = False,
    signature: Annotated[
        str | None,
        Header(alias="X-Signature", max_length=LONGEST_SIGNATURE, description="its Ed25519 signature, base64"),
    ] = None,
) -> ImportForm:
    """Make the body, a CSV or JSON list, the registry of its toll countries: all or nothing."""
    wanted = None if country is None else toll_country(country)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise Problem(415, f"A list is {', '.join(TYPES)}; say so in Content-Type.")
    with tempfile.TemporaryDirectory(prefix="anpr-list-") as name:
        path = Path(name) / f"upload{TYPES[kind]}"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        signed = None
        if signature is not None:
            signed = path.with_name(f"{path.name}.sig")
            signed.write_bytes(_signature(signature))
        terms = Terms.of(
            held.settings.registry,
            signature=signed,
            count=rows,
            source=f"upload by {who.name}",
            accept_shrink=accept_shrink,
        )
        put = vignette_files.update_file if update else vignette_files.import_file
        try:
            told = await run_in_threadpool(put, held.database, path, wanted, as_of, terms)
        except BadRegistry as exc:
            raise Problem(422, str(exc).replace(f"{name}/", "")) from exc
    _log.info("api.list_imported", who=who.name, update=update)
    return ImportForm(told=[line.replace(f"{name}/", "") for line in told])


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "X-Signature: is not base64.") from None
