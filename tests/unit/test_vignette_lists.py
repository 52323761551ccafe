from dataclasses import replace
from datetime import UTC, datetime

import pytest

from anpr.errors import BadRegistry
from anpr.vignette_lists import COLUMNS, FACTS, LATEST, VignetteRow, rows

HEADER = ",".join(COLUMNS)


def parsed(*lines: str, header: str = HEADER, country: str | None = None, only: str | None = None) -> list[VignetteRow]:
    return list(rows([f"{line}\n" for line in (header, *lines)], where="list.csv", country=country, only=only))


def wrong(*lines: str, header: str = HEADER, country: str | None = None) -> str:
    with pytest.raises(BadRegistry) as caught:
        parsed(*lines, header=header, country=country)
    return str(caught.value)


def a_row(
    *,
    toll_country: str = "CZ",
    plate: str = "1A23456",
    plate_country: str = "CZ",
    kind: str = "year",
    valid_from: datetime = datetime(2026, 4, 30, 22, tzinfo=UTC),
    valid_to: datetime = datetime(2026, 5, 31, 22, tzinfo=UTC),
) -> VignetteRow:
    return VignetteRow(
        toll_country=toll_country,
        plate=plate,
        plate_country=plate_country,
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def test_dates_are_whole_days_in_the_zone_of_the_toll_country() -> None:
    assert parsed("CZ,1A2 3456,cz,Year,2026-05-01,2026-05-31") == [a_row()]


def test_a_day_of_the_change_to_winter_time_has_25_hours() -> None:
    (row,) = parsed("CZ,1A23456,CZ,1-day,2026-10-25,2026-10-25")
    assert (row.valid_from, row.valid_to) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    )


def test_times_with_a_zone_are_taken_as_they_are() -> None:
    (row,) = parsed("CZ,1A23456,CZ,year,2026-05-01T08:00:00+02:00,2026-05-02T06:00Z")
    assert (row.valid_from, row.valid_to) == (
        datetime(2026, 5, 1, 6, tzinfo=UTC),
        datetime(2026, 5, 2, 6, tzinfo=UTC),
    )


def test_a_list_may_say_who_sold_a_vignette_when_and_for_what() -> None:
    header = f"{HEADER},source,bought_at,vehicle_category"
    sold, silent = parsed(
        "CZ,1A23456,CZ,year,2026-05-01,2026-05-31,e-shop,2026-04-20T10:15+02:00,2A",
        "CZ,1A23456,CZ,year,2026-05-01,2026-05-31,,,",
        header=header,
    )
    assert silent == a_row()
    assert sold == replace(
        silent, source="e-shop", bought_at=datetime(2026, 4, 20, 8, 15, tzinfo=UTC), vehicle_category="2A"
    )


@pytest.mark.parametrize("last", ["23:59", "23:59:59"])
def test_the_last_second_that_a_list_names_is_included(last: str) -> None:
    (row,) = parsed(f"CZ,1A23456,CZ,year,2026-05-01,2026-05-31T{last}+02:00")
    assert row == a_row()


def test_a_vignette_for_ever_ends_where_every_zone_can_say_when() -> None:
    (row,) = parsed("RO,B123ABC,RO,exempt,0001-01-01,9999-12-31")
    assert row.valid_from.year == 1899
    assert row.valid_to == LATEST.replace(hour=22)


@pytest.mark.parametrize("header", ["kind,valid_to,plate,valid_from", "\ufeffKind, Valid_To ,PLATE,valid_from"])
def test_columns_come_in_any_order_and_two_may_be_left_out(header: str) -> None:
    assert parsed("year,2026-05-31,1A23456,2026-05-01", header=header, country="CZ") == [a_row(plate_country="")]


def test_semicolons_and_a_byte_order_mark_are_what_spreadsheets_write() -> None:
    header = "\ufeff" + HEADER.replace(",", ";")
    assert parsed("CZ;1A23456;CZ;year;2026-05-01;2026-05-31\r", header=header) == [a_row()]


def test_a_country_fills_empty_fields_and_changes_no_others() -> None:
    lines = (",1A23456,CZ,year,2026-05-01,2026-05-31", "SK,1A23456,CZ,year,2026-05-01,2026-05-31")
    assert [row.toll_country for row in parsed(*lines, country="CZ")] == ["CZ", "SK"]


def test_only_one_country_is_looked_at_where_it_is_asked_for() -> None:
    lines = ("sk,1A23456,CZ,year,2026-05-01,2026-05-31", ",1A23456,CZ,year,2026-05-01,2026-05-31", "AT,,,,,")
    assert parsed(*lines, country="CZ", only="CZ") == [a_row()]


def test_empty_lines_are_no_vignettes() -> None:
    assert parsed("", "CZ,1A23456,CZ,year,2026-05-01,2026-05-31", ",,,,,", "") == [a_row()]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CZ,1A23456,CZ,year,2026-02-01,2026-01-01", "valid_to 2026-01-01 lies before valid_from 2026-02-01"),
        ("CZ,1A23456,CZ,year,2026-02-01,2026-01-31", "valid_to 2026-01-31 lies before valid_from 2026-02-01"),
        (
            "CZ,1A23456,CZ,year,2026-02-01T00:00Z,2026-02-01T00:00Z",
            "valid_to 2026-02-01T00:00Z equals valid_from 2026-02-01T00:00Z",
        ),
        ("XX,1A23456,CZ,year,2026-02-01,2026-03-01", 'toll_country "XX" is none of AT, BG, CH, CZ, HU, MD, RO, SI, SK'),
        ("CZ,-,CZ,year,2026-02-01,2026-03-01", 'plate "-" holds no letter or digit'),
        ("CZ,1A23456,Czechia,year,2026-02-01,2026-03-01", 'plate_country "CZECHIA" is no country code such as SK'),
        ("CZ,1A23456,CZ,,2026-02-01,2026-03-01", "kind '' is no short name such as 10-day or exempt"),
        ("CZ,1A23456,CZ,a\0b,2026-02-01,2026-03-01", "kind 'a\\x00b' is no short name such as 10-day or exempt"),
        (
            "CZ,1A23456,CZ,year,2026-02-30,2026-03-01",
            'valid_from "2026-02-30" is neither a date (2026-05-01) nor a time with zone (2026-05-01T08:00+02:00)',
        ),
        (
            "CZ,1A23456,CZ,year,2026-02-01,2026-03-01T12:00",
            "valid_to 2026-03-01T12:00 has no zone (such as 2026-05-01T08:00+02:00)",
        ),
        (
            "CZ,1A23456,CZ,year,9999-12-31T23:59:59Z,9999-12-31T23:59:59Z",
            "valid_to 9999-12-31T23:59:59Z equals valid_from 9999-12-31T23:59:59Z",
        ),
        ("CZ,1A23456,CZ,year,2026-02-01", "5 columns where the first line has 6"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(line: str, told: str) -> None:
    good = "CZ,1A23456,CZ,year,2026-05-01,2026-05-31"
    assert wrong(good, line, good) == f"list.csv: 1 line is wrong: line 3: {told}"


def test_of_many_wrong_lines_the_first_five_are_named_and_all_are_counted() -> None:
    told = wrong(*["CZ,,CZ,year,2026-05-01,2026-05-31"] * 7)
    assert told.startswith('list.csv: 7 lines are wrong: line 2: plate "" holds no letter or digit; line 3: ')
    assert told.endswith('line 6: plate "" holds no letter or digit; …')


def test_no_vignette_is_no_list() -> None:
    assert "holds no vignette" in wrong()
    assert "holds no vignette" in wrong("", ",,,,,")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", f"the first line must name the columns: {HEADER}"),
        (f"{HEADER},colour,", f"unknown column colour, (no name); known are {', '.join(COLUMNS + FACTS)}"),
        ("plate,plate_country,kind,valid_from,valid_to", "no column toll_country: add it, or say --country"),
        ("toll_country,plate,kind", "no column valid_from, valid_to"),
        (f"{HEADER},plate", f"a column is there twice: {', '.join(COLUMNS)}, plate"),
    ],
)
def test_a_wrong_header_is_told_at_once(header: str, told: str) -> None:
    assert wrong(header=header) == f"list.csv: {told}"


def test_a_quote_that_never_ends_is_told() -> None:
    assert "line 3: 2 columns where the first line has 6" in wrong('CZ,"1A23456', "CZ,1A23456,CZ")
    assert wrong('CZ,"' + "x" * 200_000).startswith("list.csv: not CSV: ")
