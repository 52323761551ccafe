"""The plates that a fuzzy search looks up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from anpr.nearby import ALPHABET, nearby
from anpr.plates import look_alike, look_alikes_of

PLATES = st.text(alphabet=ALPHABET, min_size=1, max_size=7)
EDITS = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(["more", "fewer", "other"]), st.sampled_from(ALPHABET)), max_size=3
)


def edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    for place, how, character in edits:
        after = text[place:] if how == "more" else text[place + 1 :]
        text = text[:place] + ("" if how == "fewer" else character) + after
    return text


def is_one_edit_apart(a: str, b: str) -> bool:
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) <= 1
    shorter, longer = sorted((a, b), key=len)
    return len(longer) - len(shorter) == 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )


def is_two_look_alikes_apart(a: str, b: str) -> bool:
    different = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    return len(a) == len(b) and len(different) == 2 and all(look_alike(x, y) for x, y in different)


@given(PLATES, EDITS)
def test_a_text_is_nearby_just_where_one_edit_or_two_look_alikes_make_it(
    text: str, edits: list[tuple[int, str, str]]
) -> None:
    other = edited(text, edits)
    is_near = is_one_edit_apart(text, other) or is_two_look_alikes_apart(text, other)
    assert (other in nearby(text)) == (other != "" and is_near)


@settings(max_examples=10)
@given(PLATES)
def test_nothing_else_is_nearby(text: str) -> None:
    wrong = [
        one for one in nearby(text) if not is_one_edit_apart(text, one) and not is_two_look_alikes_apart(text, one)
    ]
    assert wrong == []


@given(PLATES, st.data())
def test_two_look_alikes_taken_for_one_another_are_nearby(text: str, data: st.DataObject) -> None:
    places = data.draw(st.sets(st.integers(0, len(text) - 1), max_size=2))
    swapped = "".join(
        data.draw(st.sampled_from([one, *look_alikes_of(one)])) if place in places else one
        for place, one in enumerate(text)
    )
    assert swapped in nearby(text)


def test_a_plate_has_few_enough_neighbours_to_look_each_up() -> None:
    assert len(nearby("1A23456")) < 1500
    assert len(nearby("UD0Q8B0O")) < 2500
