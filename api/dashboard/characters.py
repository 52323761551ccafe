"""How sure a read is of each character."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from anpr.types import Candidate

Level = Literal["sure", "fair", "weak"]
SURE, FAIR = 0.9, 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A character of a read's best text; at least so probable, as only the likeliest texts of a read are kept."""

    char: str
    probability: float

    @property
    def percent(self) -> int:
        """Rounded down: 100 is certain, and what is shown is never more than there is."""
        return int(self.probability * 100 + 1e-6)

    @property
    def level(self) -> Level:
        return "sure" if self.probability >= SURE else "fair" if self.probability >= FAIR else "weak"


def characters(candidates: Sequence[Candidate]) -> tuple[Character, ...]:
    """Each character of the first candidate with the sum of the probabilities of the candidates that have it there."""
    if not candidates:
        return ()
    best = candidates[0].text
    sums = [0.0] * len(best)
    for one in candidates:
        for place in _shared(best, one.text):
            sums[place] += one.confidence
    return tuple(Character(char=char, probability=min(1.0, total)) for char, total in zip(best, sums, strict=True))


def _shared(best: str, other: str) -> list[int]:
    """The places of `best` whose character `other` has in the same place, once the two are laid side by side."""
    if len(best) == len(other):
        return [place for place, char in enumerate(best) if other[place] == char]
    blocks = SequenceMatcher(None, best, other, autojunk=False).get_matching_blocks()
    return [block.a + step for block in blocks for step in range(block.size)]
