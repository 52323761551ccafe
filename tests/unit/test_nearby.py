"""The plates that a fuzzy search looks up."""

from hypothesis import given
from hypothesis import strategies as st

from anpr.nearby import ALPHABET, nearby
from anpr.plates import LOOK_ALIKES, distance

PLATES = st.text(alphabet=ALPHABET, min_size=1, max_size=8)
EDITS = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["more", "fewer", "other"]), st.sampled_from(ALPHABET)))


def edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    for place, how, character in edits[:3]:
        after = text[place:] if how == "more" else text[place + 1 :]
        text = text[:place] + ("" if how == "fewer" else character) + after
    return text


@given(PLATES, EDITS)
def test_a_text_is_nearby_just_where_its_distance_is_at_most_1(text: str, edits: list[tuple[int, str, str]]) -> None:
    other = edited(text, edits)
    assert (other in nearby(text)) == (other != "" and distance(text, other) <= 1)


@given(PLATES)
def test_everything_nearby_is_at_most_1_apart(text: str) -> None:
    assert [other for other in nearby(text) if distance(text, other) > 1] == []


@given(PLATES, st.data())
def test_two_look_alikes_taken_for_one_another_are_nearby(text: str, data: st.DataObject) -> None:
    places = data.draw(st.sets(st.integers(0, len(text) - 1), max_size=2))
    groups = {place: "".join(g for g in LOOK_ALIKES if text[place] in g) or text[place] for place in places}
    swapped = "".join(
        data.draw(st.sampled_from(groups[place])) if place in groups else one for place, one in enumerate(text)
    )
    assert swapped in nearby(text)


def test_a_plate_has_few_enough_neighbours_to_look_each_up() -> None:
    assert len(nearby("1A23456")) < 1500
    assert len(nearby("UD0Q8B0O")) < 2500
