"""POST /api/read: a picture in, its plates out, in the form that programs of this field expect."""

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.datastructures import UploadFile

from anpr.ranking import region_posterior
from anpr.types import Reading
from api.access import WORKING, allow
from api.forms import Form, Share
from api.held import HeldHere
from api.problems import Problem
from models.recognise import Recognition
from storage.keys import Role

VERSION = 1  # of the form of the reply
router = APIRouter(prefix="/api/read", tags=["read"], dependencies=[allow(*WORKING, Role.CAMERA)])


class PixelsForm(Form):
    """In pixels of the picture; max is outside."""

    xmin: int = Field(examples=[212])
    ymin: int = Field(examples=[340])
    xmax: int = Field(examples=[318])
    ymax: int = Field(examples=[366])


class RegionCodeForm(Form):
    """The likeliest country of a plate."""

    code: str = Field(examples=["cz"], description='ISO 3166-1 alpha-2 in small letters; "" where it is not known')
    score: Share


class CandidateScoreForm(Form):
    """A possible text."""

    plate: str = Field(examples=["1A23456"])
    score: Share


class ResultForm(Form):
    """One plate of the picture."""

    plate: str = Field(examples=["1A23456"], description="empty where it is too small or unreadable")
    score: Share = Field(description="how sure the reader is of the text")
    dscore: Share = Field(description="how sure the detector is that this is a plate")
    box: PixelsForm
    region: RegionCodeForm
    candidates: list[CandidateScoreForm]


class ReplyForm(Form):
    """The plates of a picture, surest first."""

    filename: str = Field(examples=["car.jpg"], description="as it was sent; empty where it was not")
    timestamp: datetime
    processing_time: float = Field(examples=[41.7], description="milliseconds")
    version: int
    results: list[ResultForm]


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["upload"],
                    "properties": {"upload": {"type": "string", "format": "binary"}},
                }
            },
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/webp": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("", openapi_extra=_BODY)
async def read(request: Request, held: HeldHere) -> ReplyForm:
    """Find and read the plates of a JPEG, PNG or WebP: the field `upload` of a form, or the body itself.

    Nothing is stored.
    """
    began_s = time.monotonic()
    filename, data = await _picture(request)
    plates = await held.networks.plates(data)
    now = datetime.now(UTC)
    return ReplyForm(
        filename=filename,
        timestamp=now,
        processing_time=round(1000 * (time.monotonic() - began_s), 3),
        version=VERSION,
        results=[_result(one, now) for one in plates],
    )


async def _picture(request: Request) -> tuple[str, bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return "", await request.body()
    if kind != "multipart/form-data":
        raise Problem(415, "Send a picture as the field `upload` of a form, or as the body with its Content-Type.")
    async with request.form(max_files=1, max_fields=20) as form:
        upload = form.get("upload")
        if not isinstance(upload, UploadFile):
            raise Problem(422, "upload: the form has no picture in this field.")
        return upload.filename or "", await upload.read()


def _result(found: Recognition, now: datetime) -> ResultForm:
    box, reading = found.detection.box, found.reading
    return ResultForm(
        plate=reading.text,
        score=_rounded(reading.confidence),
        dscore=_rounded(found.detection.score),
        box=PixelsForm(xmin=round(box.x1), ymin=round(box.y1), xmax=round(box.x2), ymax=round(box.y2)),
        region=_region(reading, now),
        candidates=[CandidateScoreForm(plate=one.text, score=_rounded(one.confidence)) for one in reading.candidates],
    )


def _region(reading: Reading, now: datetime) -> RegionCodeForm:
    """By the text and what the reader says of the plate's look, together."""
    if not reading.candidates:
        return RegionCodeForm(code="", score=0.0)
    head = {one.country: one.probability for one in reading.regions} or None
    posterior = region_posterior(reading.candidates, head, at=now.date())
    code = max(posterior, key=lambda country: (posterior[country], country), default="")
    return RegionCodeForm(code=code.lower(), score=_rounded(posterior.get(code, 0.0)))


def _rounded(share: float) -> float:
    return round(min(1.0, max(0.0, share)), 4)
