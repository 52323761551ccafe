"""What a toll country demands of whom, as dated data: a file for each in `anpr/rules`, each rule with its sources."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

_SUNDAY = 6
MonthDay = Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")]  # "01-31"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Data):
    """Where a rule was read: the law, the operator's own words, somebody who reports them, or nowhere."""

    title: str
    url: str | None = None
    taken: date
    standing: Literal["law", "operator", "secondary", "unverified"]


class _Rule(_Data):
    sources: tuple[str, ...] = Field(min_length=1)


class Kind(_Rule):
    """A period for which vignettes are sold; its length is said in exactly one way.

    `days` counts calendar days, the first included; `months` ends on the day before the one of the same number, or on
    that day (`ends_on: same-day`), and where the month lacks it, on its last day; a year of `year_from` to `year_until`
    ends in the calendar year after; `hours` counts from the moment of the start; `weekend` is Friday noon to Sunday.
    All but `hours` end at 24:00 in the country's zone, the last second included.
    """

    name: str
    days: int | None = None
    months: int | None = None
    ends_on: Literal["day-before", "same-day"] = "day-before"
    hours: int | None = None
    weekend: bool = False
    year_from: MonthDay | None = None
    year_until: MonthDay | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        said = [self.days, self.months, self.hours, self.weekend or None, self.year_from]
        if sum(one is not None for one in said) != 1 or (self.year_from is None) != (self.year_until is None):
            raise ValueError(f"kind {self.name} must say its length in exactly one way")
        return self


class NotLiable(_Rule):
    """Who needs no vignette: a sort of vehicle, or all that are registered somewhere."""

    vehicle: str | None = None
    registered_in: str | None = None
    why: str


class Series(_Rule):
    """Plates whose text (a whole-match regular expression) says that the vehicle is exempt, for certain or perhaps."""

    plates: str
    registered_in: str
    certain: bool
    why: str

    def matches(self, plate: str) -> bool:
        return re.fullmatch(self.plates, plate) is not None


class Grace(_Rule):
    """Until when after a passing a vignette may be bought; for vehicles of one country alone, where that is given."""

    minutes: int | None = None
    until: Literal["day-end", "next-day-end"] | None = None
    registered_in: str | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.minutes is None) == (self.until is None):
            raise ValueError("a period of grace is either minutes or until")
        return self


class LiabilityPeriod(_Rule):
    """The calendar day or month there within which a car is charged once, however often it passes."""

    per: Literal["day", "month"]


class Stickers(_Rule):
    """Vignettes also exist as stickers, so that no list knows all."""

    why: str


class Exemption(_Rule):
    """Who is exempt: by being in the registry (kind "exempt"), or by law without being listed anywhere."""

    what: str
    listed: bool


class RulePack(_Data):
    """The rules of a toll country for passings from one day to another, both included."""

    country: str
    zone: str
    sources: dict[str, Source]
    version: str
    first: date = Field(alias="from")
    last: date = Field(alias="until", default=date.max)
    tied_to: Literal["plate", "vehicle"]
    categories: tuple[str, ...]
    about: tuple[str, ...]  # sources of the dates, the categories and what a vignette is tied to
    kinds: tuple[Kind, ...]
    grace: Grace | None = None
    stickers: Stickers | None = None
    liability_period: LiabilityPeriod | None = None
    not_liable: tuple[NotLiable, ...] = ()
    series: tuple[Series, ...] = ()
    exempt: tuple[Exemption, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        ZoneInfo(self.zone)
        for one in self.series:
            re.compile(one.plates)
        lacking = self.used - self.sources.keys()
        if lacking:
            raise ValueError(f"{self.version} names sources that are not there: {sorted(lacking)}")
        return self

    @property
    def used(self) -> set[str]:
        """The keys of the sources that its rules name."""
        lone = [one for one in (self.grace, self.stickers, self.liability_period) if one is not None]
        rules = (*self.kinds, *lone, *self.not_liable, *self.series, *self.exempt)
        return {*self.about, *(key for rule in rules for key in rule.sources)}

    @property
    def cited(self) -> list[Source]:
        """The sources that its rules name, in the order of the file."""
        return [source for key, source in self.sources.items() if key in self.used]

    def grace_ends(self, at: datetime, *, registered_in: str | None) -> datetime | None:
        """Until when a vignette may be bought after a passing at `at`; None where it had to be there before."""
        grace = self.grace
        if grace is None or (grace.registered_in and registered_in not in (None, grace.registered_in)):
            return None
        if grace.minutes is not None:
            return at + timedelta(minutes=grace.minutes)
        more = 1 if grace.until == "next-day-end" else 0
        return _end_of(at.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=more), self.zone)


def ends(kind: Kind, start: datetime, zone: str) -> datetime:
    """The first moment, in UTC, at which a vignette that begins at `start` holds no more."""
    if kind.hours is not None:
        return start.astimezone(UTC) + timedelta(hours=kind.hours)
    return _end_of(_last_day(kind, start.astimezone(ZoneInfo(zone)).date()), zone)


def _end_of(day: date, zone: str) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0, 0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _last_day(kind: Kind, first: date) -> date:
    if kind.days is not None:
        return first + timedelta(days=kind.days - 1)
    if kind.weekend:
        return first + timedelta(days=_SUNDAY - first.weekday())
    if kind.year_from is not None and kind.year_until is not None:
        year = first.year + (kind.year_from != "01-01" and f"{first:%m-%d}" >= kind.year_from)
        return date.fromisoformat(f"{year + 1}-{kind.year_until}")
    months = first.year * 12 + first.month - 1 + (kind.months or 0)
    target = date(months // 12, months % 12 + 1, 1)
    length = (target.replace(day=28) + timedelta(days=4)).replace(day=1) - target
    if first.day > length.days:
        return target.replace(day=length.days)
    same = target.replace(day=first.day)
    return same if kind.ends_on == "same-day" else same - timedelta(days=1)


def countries() -> tuple[str, ...]:
    """The toll countries with rules, sorted."""
    return tuple(sorted(path.name.removesuffix(".yaml") for path in _FILES.iterdir() if path.name.endswith(".yaml")))


def in_force(country: str, at: datetime) -> RulePack | None:
    """The rules for a passing at this moment; None where none are known for the country or that day."""
    for pack in packs(country):
        if pack.first <= at.astimezone(ZoneInfo(pack.zone)).date() <= pack.last:
            return pack
    return None


_FILES = resources.files("anpr") / "rules"


@lru_cache
def packs(country: str) -> tuple[RulePack, ...]:
    """All rules of a toll country, oldest first; none where there are none."""
    file = _FILES / f"{country}.yaml"
    return parse(file.read_text(encoding="utf-8")) if file.is_file() else ()


def parse(text: str) -> tuple[RulePack, ...]:
    """Rule packs from the YAML of one country. Raises ValueError (pydantic's too) where they are wrong or overlap."""
    told: dict[str, Any] = yaml.safe_load(text)
    shared = {name: told[name] for name in ("country", "zone", "sources")}
    found = tuple(RulePack.model_validate(shared | one) for one in told["packs"])
    _in_order(found)
    return found


def _in_order(found: Sequence[RulePack]) -> None:
    for earlier, later in pairwise(found):
        if earlier.last >= later.first or earlier.version == later.version:
            raise ValueError(f"{later.version} begins before {earlier.version} ends, or has its name")
