from datetime import timedelta

import pytest

from anpr.config import Settings, parse
from anpr.errors import BadConfig
from anpr.retention import OUTCOMES, Periods, known, limits, pseudonym
from anpr.types import VerdictStatus
from anpr.vignettes import ZONES
from workers.queues import why_of


def parsed(text: str) -> Settings:
    return parse(text, where="anpr.yaml", environ={"KEY": "0123456789abcdef"})


def test_every_outcome_falls_under_exactly_one_period() -> None:
    assert sorted(status for statuses in OUTCOMES.values() for status in statuses) == sorted(VerdictStatus)


def test_the_country_in_the_settings_wins_over_all_its_data_and_the_defaults() -> None:
    hour = timedelta(hours=1)
    assert limits("CZ", Periods()).paid == 24 * hour
    assert limits("AT", Periods()).paid == 0 * hour
    assert limits("AT", Periods(paid_h=2)).paid == 2 * hour
    assert limits("AT", Periods(paid_h=2), Periods(paid_h=1)).paid == hour
    assert limits("AT", Periods(paid_h=2), Periods(suspect_d=1)).paid == 2 * hour


def test_zero_is_a_period_of_its_own() -> None:
    assert limits("CZ", Periods(paid_h=5), Periods(paid_h=0)).paid == timedelta(0)


def test_the_data_name_toll_countries_alone() -> None:
    assert set(known().countries) <= set(ZONES)


def test_a_pseudonym_is_the_hmac_of_the_plate() -> None:
    # RFC 4231, test case 2
    assert pseudonym("Jefe", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert pseudonym("another key", "1A23456") != pseudonym("a key", "1A23456") != pseudonym("a key", "1A23457")


def test_the_settings_say_periods_for_all_and_for_a_country() -> None:
    got = parsed("retention: {key: '${KEY}', paid_h: 1, countries: {AT: {suspect_d: 3}}}").retention
    assert (got.for_all, got.countries) == (Periods(paid_h=1), {"AT": Periods(suspect_d=3)})
    assert got.key == "0123456789abcdef"
    assert got.key not in repr(got)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retention: {key: short}", "`retention.key`: must have at least 16 characters"),
        ("retention: {countries: {XX: {paid_h: 1}}}", "`retention.countries`: unknown toll country 'XX'"),
        ("retention: {paid_h: -1}", "`retention.paid_h`: Input should be greater than or equal to 0"),
        ("retention: {countries: {AT: {paid: 1}}}", "unknown key `retention.countries.AT.paid`"),
    ],
)
def test_a_wrong_period_is_named(text: str, told: str) -> None:
    with pytest.raises(BadConfig, match=r"anpr\.yaml") as caught:
        parsed(text)
    assert told in str(caught.value)


def test_why_a_job_failed_is_told_without_the_row_that_postgres_quotes() -> None:
    told = (
        "Traceback (most recent call last):\n  File x\n"
        'psycopg.errors.CheckViolation: new row violates check constraint "c"\n'
        "DETAIL:  Failing row contains (1, 1A23456).\nCONTEXT:  COPY plate_reads, line 1\n"
    )
    assert why_of(told) == 'psycopg.errors.CheckViolation: new row violates check constraint "c"'
    assert why_of("") == "unknown"
