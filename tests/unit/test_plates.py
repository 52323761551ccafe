from hypothesis import given
from hypothesis import strategies as st

from anpr.plates import distance, look_alike, look_alikes_of, narrow_slips_of, normalise, one_look_alike_apart

PLATES = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=9)


@given(st.text(max_size=20))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == "" or (once.isascii() and once.isalnum() and once == once.upper())


def test_a_plate_loses_spaces_hyphens_and_dots() -> None:
    assert normalise(" 1a2-3456 ") == "1A23456"
    assert normalise("MÜ-AB 12") == "MUAB12"


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
        assert distance(text, other) == 0.5


def test_look_alikes_are_what_people_confuse() -> None:
    assert look_alike("0", "O")
    assert look_alike("8", "B")
    assert not look_alike("0", "7")
    assert not look_alike("A", "A")
    assert not one_look_alike_apart("B8", "8B")


@given(PLATES)
def test_a_narrow_slip_is_one_edit_and_can_be_undone(text: str) -> None:
    for other in narrow_slips_of(text):
        assert distance(text, other) == 1
        assert text in narrow_slips_of(other)


def test_a_dropped_i_is_a_narrow_slip() -> None:
    assert "B305CIL" in narrow_slips_of("B305CL")
    assert "B305CL" in narrow_slips_of("B305CIL")
