"""What the vignette lists in force say of one plate that is known for certain."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from anpr.errors import BadInput
from anpr.plates import MIN_LENGTH, normalise
from anpr.types import PlateEvent, Verdict, VerdictStatus, Vignette
from anpr.vignettes import JudgeRules, Snapshot, judge, readings
from storage import vignettes
from storage.db import Database


class Answer(StrEnum):
    VALID = "valid"
    EXEMPT = "exempt"
    NO_VIGNETTE = "no vignette"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the registry says of a plate at a moment; `look_alikes` are paid for then and one look-alike apart."""

    plate: str
    country: str
    at: datetime
    answer: Answer
    reason: str
    vignette: Vignette | None
    look_alikes: tuple[Vignette, ...]
    snapshot: Snapshot | None

    @property
    def is_paid(self) -> bool:
        return self.answer in (Answer.VALID, Answer.EXEMPT)


def look_up(database: Database, plate: str, *, country: str, at: datetime, rules: JudgeRules) -> Checked:
    """Ask the registry in force about a plate that is known for certain. Raises BadInput where it is no plate."""
    text = plate_of(plate)
    event = _certain(text, country=country, at=at, rules=rules)
    with database.transaction() as conn:
        snapshot = vignettes.in_force(conn, country)
        known = [] if snapshot is None else vignettes.candidates(conn, snapshot.id, readings(event, rules))
    own = [one for one in known if one.plate == text]
    verdict = judge(event, own, snapshot=snapshot, rules=rules, now=datetime.now(UTC))
    return Checked(
        plate=text,
        country=country,
        at=at,
        answer=_answer(verdict),
        reason=verdict.reason,
        vignette=next((one for one in own if one.id == verdict.vignette_id), None),
        look_alikes=tuple(one for one in known if one.plate != text and one.valid_from <= at < one.valid_to),
        snapshot=snapshot,
    )


def plate_of(written: str) -> str:
    """A plate as it is stored. Raises BadInput where it is too short for one."""
    text = normalise(written)
    if len(text) < MIN_LENGTH:
        raise BadInput(f'"{written}" is no plate: it takes at least {MIN_LENGTH} letters and digits')
    return text


def _certain(plate: str, *, country: str, at: datetime, rules: JudgeRules) -> PlateEvent:
    """A passing at which nobody doubts the plate: the pipeline's rules then judge the registry alone."""
    return PlateEvent(
        id=0,
        session_id=0,
        camera="",
        plate=plate,
        confidence=1.0,
        candidates=(),
        reads=rules.suspect_agreeing,
        agreeing=rules.suspect_agreeing,
        first_seen=at,
        last_seen=at,
        toll_country=country,
        state="closed",
        revision=0,
    )


def _answer(verdict: Verdict) -> Answer:
    match verdict.status:
        case VerdictStatus.VALID:
            return Answer.VALID
        case VerdictStatus.EXEMPT:
            return Answer.EXEMPT
        case VerdictStatus.REGISTRY_UNKNOWN:
            return Answer.UNKNOWN
        case _:
            return Answer.NO_VIGNETTE
