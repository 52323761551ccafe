"""Which readings are taken for a plate that is waited for, and the CSV that such plates come in."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from builders import NOON, an_event
from hypothesis import given
from hypothesis import strategies as st

from anpr.errors import BadWatchList
from anpr.plates import one_look_alike_apart
from anpr.types import Candidate
from anpr.watch_lists import LEVELS, Tolerance, WatchEntry, WatchRow, accepted, likely, match, rows

PLATES = st.text("ABDGIOQSZ012578", min_size=2, max_size=8)
TOLERANCES = st.sampled_from(Tolerance)


def an_entry(plate: str, tolerance: Tolerance) -> WatchEntry:
    return WatchEntry(
        id=1, list="stolen", plate=plate, tolerance=tolerance, note="", added_by="me", added_at=NOON, until=None
    )


@given(PLATES, TOLERANCES, st.integers(0, 10**9))
def test_a_reading_is_taken_for_a_plate_just_where_the_plate_is_taken_for_the_reading(
    plate: str, tolerance: Tolerance, seed: int
) -> None:
    reading = random.Random(seed).choice(sorted(accepted(plate, tolerance)))
    assert accepted(reading, tolerance)[plate] is accepted(plate, tolerance)[reading]


@given(PLATES)
def test_each_level_accepts_all_that_the_ones_before_it_accept(plate: str) -> None:
    levels = [accepted(plate, level) for level in LEVELS]
    for narrow, wide in pairwise(levels):
        assert narrow.items() <= wide.items()
    assert levels[0] == {plate: Tolerance.EXACT}


@given(PLATES)
def test_no_level_goes_further_than_it_says(plate: str) -> None:
    for text, how in accepted(plate, Tolerance.TWO).items():
        if how is Tolerance.LOOK_ALIKE:
            assert one_look_alike_apart(plate, text)
        elif how is Tolerance.SLIP:
            assert abs(len(text) - len(plate)) == 1
        else:
            assert sum(a != b for a, b in zip(plate, text, strict=True)) == (2 if how is Tolerance.TWO else 0)


def test_two_look_alikes_in_one_place_are_no_look_alike() -> None:
    near = accepted("0AA", Tolerance.TWO)  # 0 is like Q and Q like 9, but 0 is not like 9
    assert near["QAA"] is Tolerance.LOOK_ALIKE
    assert "9AA" not in near


@pytest.mark.parametrize(
    ("tolerance", "texts", "want"),
    [
        (Tolerance.EXACT, ["8A23456", "1A23456"], Tolerance.EXACT),
        (Tolerance.EXACT, ["IA23456"], None),
        (Tolerance.LOOK_ALIKE, ["IA23456"], Tolerance.LOOK_ALIKE),
        (Tolerance.LOOK_ALIKE, ["A23456"], None),
        (Tolerance.SLIP, ["A23456"], Tolerance.SLIP),
        (Tolerance.SLIP, ["IA23455"], None),
        (Tolerance.TWO, ["IA234S6"], Tolerance.TWO),
        (Tolerance.TWO, ["IA234S6", "IA23456"], Tolerance.LOOK_ALIKE),
        (Tolerance.TWO, [], None),
    ],
)
def test_an_entry_matches_by_its_own_tolerance(tolerance: Tolerance, texts: list[str], want: Tolerance | None) -> None:
    assert match(an_entry("1A23456", tolerance), texts) is want


def test_unlikely_readings_are_not_looked_for() -> None:
    candidates = (Candidate(text="1A23456", confidence=0.9), Candidate(text="7A23456", confidence=0.04))
    event = an_event(candidates=candidates)
    assert likely(event, 0.05) == ["1A23456"]
    assert likely(event, 0.0) == ["1A23456", "7A23456"]


def test_what_people_say_the_plate_is_is_looked_for_alone() -> None:
    assert likely(replace(an_event(), corrected_plate="7A23456"), 0.05) == ["7A23456"]
    assert likely(replace(an_event(), corrected_plate=""), 0.05) == []


def read(text: str) -> list[WatchRow]:
    return rows(text.splitlines(keepends=True), where="list.csv", tolerance=Tolerance.LOOK_ALIKE)


def refused(text: str) -> str:
    with pytest.raises(BadWatchList) as caught:
        read(text)
    return str(caught.value)


def test_a_list_is_read_with_what_its_lines_say() -> None:
    assert read("\ufeffplate;tolerance;note;until\n1a2-3456;exact;red van;2026-05-01\nMKT 4173;;;\n") == [
        WatchRow(
            number=2,
            plate="1A23456",
            tolerance=Tolerance.EXACT,
            note="red van",
            until=datetime(2026, 5, 2, tzinfo=UTC),
        ),
        WatchRow(number=3, plate="MKT4173", tolerance=Tolerance.LOOK_ALIKE, note="", until=None),
    ]


def test_a_moment_with_its_zone_is_taken_as_it_is() -> None:
    (row,) = read("plate,until\n1A23456,2026-05-01T08:00+02:00\n")
    assert row.until == datetime(2026, 5, 1, 6, tzinfo=UTC)


def test_all_wrong_lines_are_told_and_nothing_is_read() -> None:
    text = "plate,tolerance,until\n1A23456,near,\n?,,\n1A2,,tomorrow\n1A2,,2026-05-01T08:00\n7B7,,\n7-b7,,\n8,8\n"
    assert refused(text) == (
        "list.csv: 6 lines are wrong: line 2: 'near' is no tolerance: exact, look-alike, slip, two;"
        " line 3: '?' is no plate: it needs 2 letters or digits at least; line 4: 'tomorrow' is no time in ISO 8601;"
        " line 5: '2026-05-01T08:00' needs a zone, such as 2026-05-01T08:00+01:00;"
        " line 7: 7B7 is in line 6 already; line 8: has more or fewer fields than the first line"
    )


def test_a_list_without_plates_or_with_unknown_columns_is_refused() -> None:
    assert refused("plate\n") == "list.csv: holds no plate"
    assert refused("") == (
        "list.csv: the first line must name the columns, `plate` among them: plate,tolerance,note,until"
    )
    assert refused("plate,colour\n1A2,red\n") == (
        "list.csv: unknown column 'colour'; known are plate, tolerance, note, until"
    )
