import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr import rule_packs
from anpr.rule_packs import Kind, RulePack, ends, in_force, packs
from anpr.vignettes import ZONES

PAGE = Path(__file__).parents[2] / "docs/verdicts.md"
ALL = [pack for country in rule_packs.countries() for pack in packs(country)]
KINDS = [(pack.zone, kind) for pack in ALL for kind in pack.kinds]
FIRST, LAST = datetime(2020, 1, 1), datetime(2035, 12, 31)  # noqa: DTZ001 (Hypothesis adds the zone)
A_PACK = """
country: XX
zone: Europe/Prague
sources:
  act: {title: An act, taken: 2026-11-21, standing: law}
packs:
  - {version: XX-1, from: 2026-01-01, until: 2026-06-30, tied_to: plate, about: [act], categories: [cars], kinds: []}
  - {version: XX-2, from: 2026-07-01, tied_to: plate, about: [act], categories: [cars], kinds: []}
"""


def kind_of(country: str, name: str) -> Kind:
    return next(kind for kind in packs(country)[-1].kinds if kind.name == name)


def last_second(country: str, name: str, first: str) -> str:
    """The last second, in the country, of a vignette that begins when a day or at a time there begins."""
    zone = ZoneInfo(ZONES[country])
    end = ends(kind_of(country, name), datetime.fromisoformat(first).replace(tzinfo=zone), ZONES[country])
    return f"{(end - timedelta(seconds=1)).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def test_each_toll_country_has_rules_in_its_zone() -> None:
    assert {pack.country: pack.zone for pack in ALL} == ZONES


@pytest.mark.parametrize(
    ("country", "name", "first", "end"),
    [
        ("CZ", "year", "2023-11-22 15:00", "2024-11-21 23:59:59"),  # the operator's own example
        ("CZ", "year", "2024-02-29", "2025-02-28 23:59:59"),
        ("CZ", "1-day", "2026-10-25 22:00", "2026-10-25 23:59:59"),
        ("SK", "10-day", "2026-05-01", "2026-05-10 23:59:59"),
        ("AT", "10-day", "2026-08-10", "2026-08-19 23:59:59"),
        ("AT", "2-month", "2026-12-31", "2027-02-28 23:59:59"),
        ("AT", "year", "2025-12-01", "2027-01-31 23:59:59"),
        ("AT", "year", "2026-01-15", "2027-01-31 23:59:59"),
        ("CH", "year", "2026-11-30", "2027-01-31 23:59:59"),
        ("HU", "10-day", "2026-03-25", "2026-04-03 23:59:59"),
        ("HU", "month", "2026-01-31", "2026-02-28 23:59:59"),
        ("HU", "month", "2026-03-15", "2026-04-15 23:59:59"),
        ("HU", "year", "2026-12-15", "2027-01-31 23:59:59"),
        ("SI", "week", "2026-05-01", "2026-05-07 23:59:59"),
        ("SI", "half-year", "2026-08-31", "2027-02-28 23:59:59"),
        ("SI", "year", "2024-12-01", "2025-12-01 23:59:59"),
        ("BG", "1-day", "2026-02-11 10:00", "2026-02-12 09:59:59"),  # the agency's own example
        ("BG", "1-day", "2026-03-28 10:00", "2026-03-29 10:59:59"),  # 24 hours over the change to summer time
        ("BG", "weekend", "2026-05-01 12:00", "2026-05-03 23:59:59"),
        ("MD", "7-day", "2026-05-01", "2026-05-07 23:59:59"),
    ],
)
def test_a_vignette_ends_as_its_country_says(country: str, name: str, first: str, end: str) -> None:
    assert last_second(country, name, first) == end


@given(st.sampled_from(KINDS), st.datetimes(FIRST, LAST))
def test_all_but_hours_end_with_the_last_second_of_a_day_there_also_when_clocks_change(
    sold: tuple[str, Kind], begins: datetime
) -> None:
    zone, kind = sold
    start = begins.replace(tzinfo=ZoneInfo(zone))
    end = ends(kind, start, zone)
    assert end > start
    assert end.tzinfo is UTC
    if kind.hours is not None:
        assert end - start.astimezone(UTC) == timedelta(hours=kind.hours)
        return
    local = end.astimezone(ZoneInfo(zone))
    assert local.time() == time(0, 0)
    if kind.days is not None:
        last = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
        assert last == begins.date() + timedelta(days=kind.days - 1)


@given(st.sampled_from(ALL), st.datetimes(FIRST, LAST, timezones=st.just(UTC)))
def test_a_passing_is_judged_by_the_rules_of_its_day_there(pack: RulePack, at: datetime) -> None:
    found = in_force(pack.country, at)
    day = at.astimezone(ZoneInfo(pack.zone)).date()
    assert (found == pack) == (pack.first <= day <= pack.last)


def test_no_rules_are_known_before_the_first_and_of_other_countries() -> None:
    assert in_force("CZ", datetime(2019, 5, 1, tzinfo=UTC)) is None
    assert in_force("DE", datetime(2026, 5, 1, tzinfo=UTC)) is None


def test_rules_change_at_midnight_there() -> None:
    before, after = datetime(2024, 2, 29, 22, 59, tzinfo=UTC), datetime(2024, 2, 29, 23, tzinfo=UTC)
    found = [in_force("CZ", at) for at in (before, after)]
    assert [one and one.version for one in found] == ["CZ-2021-02", "CZ-2024-03"]


def test_the_grace_is_as_long_as_the_country_says() -> None:
    at = datetime(2026, 10, 24, 20, tzinfo=UTC)  # the evening before the change to winter time

    def granted(country: str, registered_in: str | None = None) -> datetime | None:
        pack = in_force(country, at)
        assert pack is not None
        return pack.grace_ends(at, registered_in=registered_in)

    assert granted("HU") == at + timedelta(minutes=60)
    assert granted("SK") == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert granted("RO") == granted("RO", "RO") == datetime(2026, 10, 25, 22, tzinfo=UTC)
    assert [granted("RO", "HU"), granted("CZ"), granted("AT")] == [None, None, None]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("until: 2026-06-30", "until: 2026-07-01", "XX-2 begins before XX-1 ends"),
        ("XX-2", "XX-1", "has its name"),
        ("zone: Europe/Prague", "zone: Europe/Brno", "No time zone found"),
        ("kinds: []", "kinds: [{name: day, sources: [act]}]", "exactly one way"),
        ("kinds: []", "kinds: [{name: day, days: 1, months: 1, sources: [act]}]", "exactly one way"),
        ("kinds: []", "kinds: [{name: day, days: 1, sources: [hearsay]}]", "sources that are not there: ['hearsay']"),
        ("kinds: []", "kinds: [{name: day, days: 1, sources: []}]", "at least 1 item"),
        ("kinds: []", "kinds: [], grace: {minutes: 5, until: day-end, sources: [act]}", "either minutes or until"),
        ("kinds: []", "kinds: [], colour: red", "Extra inputs"),
    ],
)
def test_wrong_rules_are_refused(old: str, new: str, told: str) -> None:
    assert [pack.version for pack in rule_packs.parse(A_PACK)] == ["XX-1", "XX-2"]
    with pytest.raises((ValueError, KeyError), match=re.escape(told)):
        rule_packs.parse(A_PACK.replace(old, new, 1))


def test_every_rule_says_where_it_was_read_and_nothing_unverified_has_an_address() -> None:
    sources = [source for pack in ALL for source in pack.sources.values()]
    assert all((source.url is None) == (source.standing == "unverified") for source in sources)
    assert all(date(2026, 11, 1) <= source.taken for source in sources)


@pytest.mark.parametrize("country", rule_packs.countries())
def test_no_source_is_there_for_nothing(country: str) -> None:
    assert set(packs(country)[0].sources) == {key for pack in packs(country) for key in pack.used}


def marked(pack: RulePack, keys: tuple[str, ...]) -> str:
    """ "" where the law or the operator says so, "¹" where others report it, "²" where nobody was found to say it."""
    found = {pack.sources[key].standing for key in keys}
    return "" if found & {"law", "operator"} else "¹" if "secondary" in found else "²"


def row(pack: RulePack) -> str:
    until = "" if pack.last == date.max else f" to {pack.last}"
    kinds = ", ".join(f"`{kind.name}`{marked(pack, kind.sources)}" for kind in pack.kinds)
    grace = "none"
    if pack.grace is not None:
        length = {"day-end": "until 24:00", "next-day-end": "until 24:00 of the next day", None: ""}[pack.grace.until]
        whom = f", if registered in {pack.grace.registered_in}" if pack.grace.registered_in else ""
        grace = f"{length or f'{pack.grace.minutes} minutes'}{whom}{marked(pack, pack.grace.sources)}"
    spared = [
        f"{rule.vehicle or f'registered in {rule.registered_in}'}{marked(pack, rule.sources)}"
        for rule in pack.not_liable
    ]
    spared += [f"`{one.plates}`{'' if one.certain else ' perhaps'}{marked(pack, one.sources)}" for one in pack.series]
    open_ = f"stickers{marked(pack, pack.stickers.sources)}" if pack.stickers else ""
    return f"| `{pack.version}` | {pack.first}{until} | {kinds} | {grace} | {', '.join(spared) or 'none'} | {open_} |"


def test_the_page_shows_the_rules_as_they_are() -> None:
    told = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| `[A-Z]{2}-\d{4}-", line)]
    assert told == [row(pack) for pack in ALL]
