"""Digits and letters that a country's plates draw alike: there only the order of a series says which one is meant."""

from collections.abc import Sequence
from itertools import product

from anpr.grammar import grammars, matches
from anpr.ranking import VALID, plausibility
from anpr.types import Candidate, Region

OTHERS = 0.5  # how often another country's plate reads as none, against a misspelt one; at 0.3 a real one was respelled


def respelled(candidates: Sequence[Candidate], regions: Sequence[Region]) -> tuple[Candidate, ...]:
    """What was read, with texts that are no plates given the spelling that is one, most probable first.

    Only where the likeliest country (`regions`, best first) draws some characters alike, as Britain does O and 0, I and
    1. The probability that moves to the spelling is the country's own, by Bayes' rule, so the sum stays. A text that is
    plausible as it was read stays as it is.
    """
    country = regions[0] if regions and _drawn_alike(regions[0].country) else None
    shares: dict[str, float] = {}
    for one in candidates:
        moved = 0.0
        if country is not None and plausibility(one.text) < VALID:
            moved = one.confidence * country.probability / (country.probability + OTHERS * (1 - country.probability))
            spelling = _spelling(one.text, country.country)
            shares[spelling] = shares.get(spelling, 0.0) + moved
        shares[one.text] = shares.get(one.text, 0.0) + one.confidence - moved
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    return tuple(Candidate(text=text, confidence=min(1.0, share)) for text, share in ranked)


def _spelling(text: str, country: str) -> str:
    """The country's commonest plate that looks like `text`, or `text` itself; ties go to fewer changes."""
    alike = _drawn_alike(country)
    found: list[tuple[float, int, str]] = []
    for characters in product(*(alike.get(character, character) for character in text)):
        other = "".join(characters)
        weight = max((match.weight for match in matches(other) if match.country == country), default=0.0)
        if weight >= VALID:
            found.append((-weight, sum(a != b for a, b in zip(text, other, strict=True)), other))
    return min(found)[2] if found else text


def _drawn_alike(country: str) -> dict[str, str]:
    """Each character that the country draws like another one, with all that it may be."""
    grammar = grammars().get(country)
    return {} if grammar is None else {one: group for group in grammar.drawn_alike for one in group}
