"""Which plates may have been meant by a text that somebody remembers or a reader got slightly wrong."""

from functools import cache
from itertools import combinations
from string import ascii_uppercase, digits

from anpr.plates import look_alikes_of

ALPHABET = digits + ascii_uppercase


def nearby(text: str) -> list[str]:
    """All texts one character more, fewer or different from `text`, or two swapped for look-alikes; sorted, with it.

    Of letters and digits, never empty. Some 1 000 for a plate of 7 characters: few enough to look each of them up,
    however many plates there are.
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
            before + one + between + other + after for one in _alike(text[first]) for other in _alike(text[second])
        )
    return sorted(found - {""})


@cache
def _alike(character: str) -> tuple[str, ...]:
    return tuple(look_alikes_of(character))
