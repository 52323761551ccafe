"""How long the traces of a passing are kept, by the outcome of its verdict and by toll country."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field

from anpr.cases import CaseState
from anpr.rule_packs import Source
from anpr.types import VerdictStatus


class Keeping(StrEnum):
    """Which period counts for an outcome."""

    PAID = "paid"
    DOUBTFUL = "doubtful"
    SUSPECT = "suspect"


OUTCOMES: Mapping[Keeping, tuple[VerdictStatus, ...]] = {
    Keeping.PAID: (VerdictStatus.VALID, VerdictStatus.EXEMPT, VerdictStatus.NOT_LIABLE, VerdictStatus.GRACE),
    Keeping.DOUBTFUL: (VerdictStatus.AMBIGUOUS, VerdictStatus.UNREADABLE, VerdictStatus.REGISTRY_UNKNOWN),
    Keeping.SUSPECT: (VerdictStatus.SUSPECT,),
}


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Periods(_Data):
    """Periods that somebody sets; None leaves one as it is."""

    paid_h: float | None = Field(
        default=None, ge=0, description="until VALID, EXEMPT, NOT_LIABLE and GRACE are erased, hours; 0: at once"
    )
    doubtful_h: float | None = Field(
        default=None, ge=0, description="until AMBIGUOUS, UNREADABLE and REGISTRY_UNKNOWN become pseudonyms, hours"
    )
    suspect_d: float | None = Field(default=None, ge=0, description="until SUSPECT is erased, days")
    confirmed_d: float | None = Field(default=None, ge=0, description="until a confirmed case is erased, days")
    pseudonym_d: float | None = Field(default=None, ge=0, description="until a pseudonym is erased, days")

    def over(self, other: "Periods") -> "Periods":
        """These periods, those of `other` where this says none."""
        return other.model_copy(update=self.model_dump(exclude_none=True))


class CountryPeriods(Source):
    """Periods of one toll country and where they were read."""

    periods: Periods


class _File(_Data):
    defaults: Periods
    countries: dict[str, CountryPeriods]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for one toll country."""

    paid: timedelta
    doubtful: timedelta
    suspect: timedelta
    confirmed: timedelta  # from the decision
    pseudonym: timedelta

    @property
    def of_cases(self) -> Mapping[CaseState, timedelta]:
        """How long passings are kept whose case people have decided, from then on."""
        return {
            CaseState.CONFIRMED: self.confirmed,
            CaseState.OVERTURNED: self.paid,
            CaseState.UNCLEAR: self.doubtful,
        }

    def of(self, keeping: Keeping) -> timedelta:
        return {Keeping.PAID: self.paid, Keeping.DOUBTFUL: self.doubtful, Keeping.SUSPECT: self.suspect}[keeping]


def limits(country: str, told: Periods, told_of_country: Periods | None = None) -> Limits:
    """What holds for a toll country: the settings for it, the settings for all, the country's data, the defaults."""
    data = known()
    own = data.countries[country].periods if country in data.countries else Periods()
    periods = (told_of_country or Periods()).over(told).over(own).over(data.defaults)
    found: dict[str, float] = periods.model_dump(exclude_none=True)
    return Limits(
        paid=timedelta(hours=found["paid_h"]),
        doubtful=timedelta(hours=found["doubtful_h"]),
        suspect=timedelta(days=found["suspect_d"]),
        confirmed=timedelta(days=found["confirmed_d"]),
        pseudonym=timedelta(days=found["pseudonym_d"]),
    )


@lru_cache(maxsize=1)
def known() -> _File:
    """The periods that ship."""
    text = (resources.files("anpr") / "retention.yaml").read_text(encoding="utf-8")
    return _File.model_validate(yaml.safe_load(text))


def pseudonym(key: str, plate: str) -> str:
    """What stands for a plate: HMAC-SHA256 (RFC 2104) of its text under a secret key, 64 hexadecimal digits.

    Equal plates have equal pseudonyms; who lacks the key can neither tell the plate nor try all there are.
    """
    return hmac.new(key.encode(), plate.encode(), "sha256").hexdigest()
