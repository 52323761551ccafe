"""GET /api/check: what the vignette lists in force say of one plate."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from anpr.types import Vignette
from anpr.vignettes import JudgeRules
from api.access import LOOKING, allow
from api.forms import Form
from api.held import HeldHere, Who
from api.parameters import Moment, Reason, toll_country
from storage import lookups, searches
from storage.lookups import Answer

router = APIRouter(prefix="/api/check", tags=["registry"], dependencies=[allow(*LOOKING)])


class VignetteForm(Form):
    """A vignette of the list."""

    plate: str = Field(examples=["1A23456"])
    plate_country: str = Field(examples=["CZ"])
    kind: str = Field(examples=["year"])
    valid_from: datetime
    valid_to: datetime

    @classmethod
    def of(cls, one: Vignette) -> "VignetteForm":
        return cls(
            plate=one.plate,
            plate_country=one.plate_country,
            kind=one.kind,
            valid_from=one.valid_from.astimezone(UTC),
            valid_to=one.valid_to.astimezone(UTC),
        )


class RegistryForm(Form):
    """The vignette list that was asked."""

    id: int
    as_of: datetime


class CheckForm(Form):
    """What the list says of a plate at a moment."""

    plate: str = Field(examples=["1A23456"])
    country: str = Field(examples=["CZ"], description="toll country")
    at: datetime
    answer: Answer = Field(description="`unknown`: there is no list for the country, or it is too old")
    reason: str = Field(examples=["year vignette valid until 2027-01-01 00:00"])
    vignette: VignetteForm | None
    look_alikes: list[VignetteForm] = Field(
        examples=[[]], description="paid for then, and one look-alike apart; they do not count"
    )
    registry: RegistryForm | None


@router.get("")
def check(  # noqa: PLR0917 (FastAPI takes parameters of requests as its own)
    held: HeldHere,
    who: Who,
    plate: Annotated[str, Query(min_length=1, max_length=40, examples=["1A2 3456"], description="as it is written")],
    country: Annotated[
        str | None,
        Query(min_length=2, max_length=2, examples=["CZ"], description="toll country; default: settings"),
    ] = None,
    at: Annotated[Moment | None, Query(description="default: now", examples=["2026-05-01T08:00:00+02:00"])] = None,
    reason: Reason = "",
) -> CheckForm:
    """Whether a plate has a vignette at a moment, as `anpr check` says it. The search is recorded."""
    text = lookups.plate_of(plate)
    wanted = held.settings.defaults.toll_country if country is None else toll_country(country)
    keeping = held.settings.retention
    with held.database.transaction() as conn:
        searches.record(conn, keeping, who=who.name, command="api check", plate=text, reason=reason)
    rules = JudgeRules(registry_max_age_h=held.settings.check.registry_max_age_h)
    found = lookups.look_up(held.database, text, country=wanted, at=at or datetime.now(UTC), rules=rules)
    return CheckForm(
        plate=found.plate,
        country=found.country,
        at=found.at,
        answer=found.answer,
        reason=found.reason,
        vignette=None if found.vignette is None else VignetteForm.of(found.vignette),
        look_alikes=[VignetteForm.of(one) for one in found.look_alikes],
        registry=None
        if found.snapshot is None
        else RegistryForm(id=found.snapshot.id, as_of=found.snapshot.as_of.astimezone(UTC)),
    )
