from itertools import permutations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anpr.look_alikes import LEAST, MOST, look_alikes, parsed
from anpr.plates import distance, look_alike, look_alikes_of, narrow_slips_of, normalise, one_look_alike_apart
from anpr.types import Candidate
from models.evaluate.look_alikes import KNOWN, as_yaml, costs, counted

PLATES = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=9)


@given(st.text(max_size=20))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == "" or (once.isascii() and once.isalnum() and once == once.upper())


def test_a_plate_loses_spaces_hyphens_and_dots() -> None:
    assert normalise(" 1a2-3456 ") == "1A23456"
    assert normalise("MÜ-AB 12") == "MUAB12"


def test_letters_lose_their_strokes() -> None:
    assert normalise("ŽĐ-Ł01 Ø") == "ZDL01O"


def test_cyrillic_and_greek_letters_that_look_latin_are_latin() -> None:
    assert normalise("СВ 1234 АХ") == "CB1234AX"
    assert normalise("ΥΖΕ-4021") == "YZE4021"


@given(PLATES, PLATES)
def test_distance_is_a_metric_of_two_texts(a: str, b: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) <= max(len(a), len(b))


@given(PLATES, PLATES, PLATES)
def test_a_detour_is_never_shorter(a: str, b: str, c: str) -> None:
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(PLATES)
def test_look_alikes_are_one_look_alike_apart_both_ways(text: str) -> None:
    for other in look_alikes_of(text):
        assert one_look_alike_apart(text, other)
        assert one_look_alike_apart(other, text)
        assert LEAST <= distance(text, other) <= MOST


def test_look_alikes_are_what_people_confuse() -> None:
    assert look_alike("0", "O")
    assert look_alike("8", "B")
    assert not look_alike("0", "7")
    assert not look_alike("A", "A")
    assert not one_look_alike_apart("B8", "8B")


@given(PLATES)
def test_a_narrow_slip_is_one_edit_and_can_be_undone(text: str) -> None:
    for other in narrow_slips_of(text):
        assert LEAST <= distance(text, other) <= MOST
        assert text in narrow_slips_of(other)


def test_a_dropped_i_is_a_narrow_slip() -> None:
    assert "B305CIL" in narrow_slips_of("B305CL")
    assert "B305CL" in narrow_slips_of("B305CIL")


def test_what_people_know_to_look_alike_stays_so_whatever_is_measured() -> None:
    for group in KNOWN:
        assert all(look_alike(a, b) for a in group for b in group if a != b)


def test_the_commonest_mistakes_cost_least() -> None:
    swaps = look_alikes().swaps
    assert swaps["0", "O"] == LEAST
    assert swaps["0", "O"] < swaps["M", "W"] <= MOST
    assert set(swaps.values()) | set(look_alikes().gaps.values()) <= {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8}


def test_a_pair_that_a_reader_mistakes_often_becomes_cheap() -> None:
    truth, read = "8" * 100, "8" * 97 + "999"
    found = counted([(truth, (Candidate(text=read, confidence=0.9),))] * 20)
    swaps, gaps = costs(found)
    assert found.pairs["8", "9"] == pytest.approx(54)
    assert swaps["8", "9"] == LEAST
    assert swaps["0", "O"] > LEAST  # never seen here: as people know it
    assert ("X", "Y") not in swaps
    assert set(gaps) == {"1", "I"}


def test_the_file_of_look_alikes_says_what_it_was_made_of() -> None:
    text = as_yaml(counted([("1A23456", (Candidate(text="1A23456", confidence=1.0),))]), command="a command")
    told = yaml.safe_load(text)
    assert "a command" in text
    assert parsed(told["swaps"], told["gaps"]).swaps.keys() == {
        pair for group in KNOWN for pair in permutations(group, 2)
    }
