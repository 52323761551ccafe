"""What a plate's text is, and which characters are taken for which others."""

import re
import unicodedata
from functools import lru_cache

from anpr.look_alikes import look_alikes

MIN_LENGTH = 4  # the shortest ordinary series of the countries we know (for example "B-1 ABC" has 5, "AB 1" has 3)

_NOT_PLATE = re.compile(r"[^A-Z0-9]")

# Cyrillic and Greek capitals that plates show because they look Latin (Vienna Convention on Road Traffic, annex 2).
# Latin capitals with a stroke, which no decomposition takes off.
_FOLD = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧĐÐŁØĦŦ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYXDDLOHT")


def normalise(text: str) -> str:
    """A plate as it is stored and compared: capitals A-Z and digits alone; look-alike Cyrillic and Greek folded.

    Umlauts lose their dots (German "MÜ-AB 12" is "MUAB12"), letters their strokes (Đ is D). Normalising twice changes
    nothing.
    """
    decomposed = unicodedata.normalize("NFKD", text.upper().translate(_FOLD))
    return _NOT_PLATE.sub("", decomposed)


def look_alike(a: str, b: str) -> bool:
    """Whether two different characters are often taken for one another."""
    return (a, b) in look_alikes().swaps


def one_look_alike_apart(a: str, b: str) -> bool:
    """Whether two texts differ in exactly one character, and by look-alikes."""
    if len(a) != len(b):
        return False
    different = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    return len(different) == 1 and look_alike(*different[0])


def look_alikes_of(text: str) -> list[str]:
    """All texts one look-alike apart from `text`, sorted."""
    others = look_alikes().of
    return sorted(
        text[:place] + other + text[place + 1 :]
        for place, character in enumerate(text)
        for other in others.get(character, "")
    )


def narrow_slips_of(text: str) -> list[str]:
    """All texts that differ from `text` by one narrow character (I or 1) more or fewer, sorted.

    Readers drop such a character, or see one in a gap or a plate's rim.
    """
    narrow = look_alikes().gaps
    more = {text[:place] + one + text[place:] for place in range(len(text) + 1) for one in narrow}
    fewer = {text[:place] + text[place + 1 :] for place, character in enumerate(text) if character in narrow}
    return sorted(more | fewer)


@lru_cache(maxsize=10_000)  # one car's reads repeat few texts, and all of them are compared
def distance(a: str, b: str) -> float:
    """Edit distance (Levenshtein, 1966) weighted by how often a reader makes the edit.

    A look-alike swap and a narrow character more or fewer cost 0.5 to 0.8 (`look_alikes.yaml`), all else 1.
    """
    data = look_alikes()
    swaps, gaps = data.swaps, data.gaps
    more = [gaps.get(y, 1.0) for y in b]
    above = [0.0]
    for cost in more:
        above.append(above[-1] + cost)
    for x in a:
        fewer = gaps.get(x, 1.0)
        here = [above[0] + fewer]
        for column, y in enumerate(b):
            swap = 0.0 if x == y else swaps.get((x, y), 1.0)
            here.append(min(above[column + 1] + fewer, here[-1] + more[column], above[column] + swap))
        above = here
    return round(above[-1], 6)  # sums of the same edits in another order are the same
