"""What a plate's text is, and which characters are taken for which others."""

import re
import unicodedata
from functools import lru_cache

MIN_LENGTH = 4  # the shortest ordinary series of the countries we know (for example "B-1 ABC" has 5, "AB 1" has 3)

# Groups of characters that people and readers mistake for one another; data, not a rule of any country.
LOOK_ALIKES = ("0OQDCU", "1ILTJ7", "2Z7", "5S6", "6GB", "8B3", "4A", "VYUW", "MNWH", "KX", "EF", "PR", "QG9")

NARROW = "1I"

_ALIKE: frozenset[tuple[str, str]] = frozenset((a, b) for group in LOOK_ALIKES for a in group for b in group if a != b)
_NOT_PLATE = re.compile(r"[^A-Z0-9]")

# Cyrillic and Greek capitals that plates show because they look Latin (Vienna Convention on Road Traffic, annex 2).
_FOLD = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX")


def normalise(text: str) -> str:
    """A plate as it is stored and compared: capitals A-Z and digits alone; look-alike Cyrillic and Greek folded.

    Umlauts lose their dots (German "MÜ-AB 12" is "MUAB12"). Normalising twice changes nothing.
    """
    decomposed = unicodedata.normalize("NFKD", text.upper().translate(_FOLD))
    return _NOT_PLATE.sub("", decomposed)


def look_alike(a: str, b: str) -> bool:
    """Whether two different characters are often taken for one another."""
    return (a, b) in _ALIKE


def one_look_alike_apart(a: str, b: str) -> bool:
    """Whether two texts differ in exactly one character, and by look-alikes."""
    if len(a) != len(b):
        return False
    different = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    return len(different) == 1 and look_alike(*different[0])


def look_alikes_of(text: str) -> list[str]:
    """All texts one look-alike apart from `text`, sorted."""
    found: set[str] = set()
    for place, character in enumerate(text):
        for group in LOOK_ALIKES:
            if character in group:
                found.update(text[:place] + other + text[place + 1 :] for other in group if other != character)
    return sorted(found)


def narrow_slips_of(text: str) -> list[str]:
    """All texts that differ from `text` by one narrow character (I or 1) more or fewer, sorted.

    Readers drop such a character, or see one in a gap or a plate's rim.
    """
    more = {text[:place] + narrow + text[place:] for place in range(len(text) + 1) for narrow in NARROW}
    fewer = {text[:place] + text[place + 1 :] for place, character in enumerate(text) if character in NARROW}
    return sorted(more | fewer)


@lru_cache(maxsize=10_000)  # one car's reads repeat few texts, and all of them are compared
def distance(a: str, b: str) -> float:
    """Edit distance (Levenshtein, 1966) in which a look-alike substitution costs a half and all else 1."""
    above = [float(n) for n in range(len(b) + 1)]
    for row, x in enumerate(a, start=1):
        here = [float(row)]
        for column, y in enumerate(b, start=1):
            swap = 0.0 if x == y else 0.5 if (x, y) in _ALIKE else 1.0
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + swap))
        above = here
    return above[-1]
