"""Which plates may have been meant by a text that somebody remembers or a reader got slightly wrong."""

from itertools import combinations
from string import ascii_uppercase, digits

from anpr.plates import LOOK_ALIKES

ALPHABET = digits + ascii_uppercase
_ALIKE = {
    one: "".join(sorted({other for group in LOOK_ALIKES if one in group for other in group} - {one}))
    for one in ALPHABET
}


def nearby(text: str) -> list[str]:
    """All texts of letters and digits at most 1 apart from `text` by `anpr.plates.distance`, sorted, itself included.

    That is one character more, fewer or another, or two taken for look-alikes. Some 1 500 for a plate of 8 characters:
    few enough to look each of them up, however many plates there are.
    """
    found = {text}
    for place in range(len(text) + 1):
        found.update(text[:place] + one + text[place:] for one in ALPHABET)
    for place, character in enumerate(text):
        before, after = text[:place], text[place + 1 :]
        found.add(before + after)
        found.update(before + one + after for one in ALPHABET if one != character)
    for first, second in combinations(range(len(text)), 2):
        before, between, after = text[:first], text[first + 1 : second], text[second + 1 :]
        found.update(
            before + one + between + other + after
            for one in _ALIKE.get(text[first], "")
            for other in _ALIKE.get(text[second], "")
        )
    return sorted(found - {""})
