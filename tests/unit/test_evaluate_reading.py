"""Readings are compared with what the plates say, character by character."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr.types import Candidate, Reading
from models.evaluate.alignment import aligned, confusions, edits
from models.evaluate.calibration import Bin, bins, expected_error
from models.evaluate.crops import LabelledCrop
from models.evaluate.reader import Confusion, Group, Read, height_range, measured, worst

plates = st.text("ABC018", max_size=8)


def a_look(truth: str, *read: str, confidence: float = 0.9, height_px: int = 30, **about: object) -> Read:
    facts: dict[str, object] = {"country": "CZ", "lines": 1, "is_hard": False} | about
    crop = LabelledCrop(path=Path(f"{truth}.png"), text=truth, **facts)  # type: ignore[arg-type]
    candidates = tuple(Candidate(text=text, confidence=confidence / (n + 1)) for n, text in enumerate(read))
    return Read(crop=crop, height_px=height_px, reading=Reading(candidates=candidates), took_ms=2.0)


@pytest.mark.parametrize(
    ("truth", "read", "pairs"),
    [
        ("B305CIL", "B305CL", [(c, c) for c in "B305C"] + [("I", ""), ("L", "L")]),
        ("AB", "XAB", [("", "X"), ("A", "A"), ("B", "B")]),
        ("1B8", "188", [("1", "1"), ("B", "8"), ("8", "8")]),
        ("AB", "", [("A", ""), ("B", "")]),
        ("", "", []),
    ],
)
def test_characters_are_aligned_by_the_fewest_edits(truth: str, read: str, pairs: list[tuple[str, str]]) -> None:
    assert aligned(truth, read) == pairs


@given(plates, plates)
def test_an_alignment_holds_both_texts(truth: str, read: str) -> None:
    pairs = aligned(truth, read)
    assert ("".join(x for x, _ in pairs), "".join(y for _, y in pairs)) == (truth, read)
    assert ("", "") not in pairs


@given(plates, plates, plates)
def test_edits_are_a_distance(a: str, b: str, c: str) -> None:
    assert (edits(a, b) == 0) == (a == b)
    assert edits(a, b) == edits(b, a)
    assert edits(a, c) <= edits(a, b) + edits(b, c)
    assert abs(len(a) - len(b)) <= edits(a, b) <= max(len(a), len(b))


def test_confusions_count_what_was_read_for_what() -> None:
    assert confusions([("B8", "88"), ("B", "8"), ("I", "")]) == {("B", "8"): 2, ("8", "8"): 1, ("I", ""): 1}


def test_readers_that_are_as_right_as_they_are_sure_have_no_calibration_error() -> None:
    made = bins([0.5, 0.5, 1.0], [True, False, True])
    assert made == [
        Bin(low=0.5, high=0.6, count=2, confidence=0.5, right=0.5),
        Bin(low=0.9, high=1.0, count=1, confidence=1.0, right=1.0),
    ]
    assert expected_error(made) == 0.0


def test_calibration_error_weighs_bins_by_their_readings() -> None:
    made = bins([0.9, 0.9, 0.9, 0.2], [True, False, False, True])
    assert expected_error(made) == pytest.approx(0.75 * (0.9 - 1 / 3) + 0.25 * 0.8)
    assert expected_error([]) is None


def test_the_figures_of_a_reader_are_shares_of_plates_and_of_characters() -> None:
    figures = measured(
        "net",
        [
            a_look("1A23456", "1A23456", height_px=20),
            a_look("1A23456", "1A2345G", "1A23456", height_px=40, is_hard=True),
            a_look("ABC", country="", lines=2),
        ],
    )
    assert (figures.crops, figures.exact, figures.among_candidates, figures.unread) == (3, 1 / 3, 2 / 3, 1)
    assert figures.characters == pytest.approx(1 - 4 / 17)
    assert figures.calibration_error == pytest.approx(0.4)  # two readings of 0.9, one of them right
    assert figures.confusions[0] == Confusion(truth="6", read="G", count=1)
    assert {(group.by, group.kind): group.crops for group in figures.groups} == {
        ("country", "CZ"): 2,
        ("country", "unknown"): 1,
        ("height", "16–23 px"): 1,
        ("height", "24–31 px"): 1,
        ("height", "32–47 px"): 1,
        ("lines", "1"): 2,
        ("lines", "2"): 1,
        ("hard", "no"): 2,
        ("hard", "yes"): 1,
    }
    hard = next(group for group in figures.groups if group.kind == "yes")
    assert hard == Group(
        by="hard",
        kind="yes",
        crops=1,
        exact=0.0,
        ranked=1.0,
        among_candidates=1.0,
        characters=1 - 1 / 7,
        ranked_characters=1.0,
    )


def test_the_worst_readings_are_the_surest_of_the_wrong_ones() -> None:
    right = a_look("A1", "A1")
    unsure, sure, unread = a_look("B1", "81", confidence=0.3), a_look("C1", "G1", confidence=0.8), a_look("D1")
    assert worst([unread, unsure, right, sure]) == [sure, unsure, unread]


@pytest.mark.parametrize(("height_px", "kind"), [(15, "0–15 px"), (16, "16–23 px"), (96, "96 px and more")])
def test_heights_fall_into_ranges(height_px: int, kind: str) -> None:
    assert height_range(height_px) == kind


def test_candidates_count_as_the_grammars_of_countries_rank_them() -> None:
    figures = measured("net", [a_look("B202LHN", "B2O2LHN", "B202LHN"), a_look("B202LHN", "B202LHN", "B2O2LHN")])
    assert (figures.exact, figures.ranked) == (0.5, 1.0)
