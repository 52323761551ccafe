"""Digits and letters that a country's plates draw alike: there only the order of a series says which one is meant."""

from collections.abc import Sequence
from itertools import product

from anpr.grammar import grammars, matches
from anpr.ranking import VALID, plausibility
from anpr.types import Candidate, Region

LEAST = 0.3  # of a region head's answer: from here on no plate of another country was respelled, of 1,821 real crops
KEPT = 0.1  # of a text's probability: what stays with it as it was read


def respelled(candidates: Sequence[Candidate], regions: Sequence[Region]) -> tuple[Candidate, ...]:
    """What was read, with texts that are no plates given the spelling that is one, most probable first.

    Only where a look at the plate says (LEAST) that it is of a country which draws some characters alike, as Britain
    does O and 0, I and 1. A text that is plausible as it was read stays as it is; the sum of all probabilities too.
    """
    countries = [one.country for one in regions if one.probability >= LEAST and _drawn_alike(one.country)]
    shares: dict[str, float] = {}
    for one in candidates:
        text = one.text if plausibility(one.text) >= VALID else _spelling(one.text, countries)
        kept = one.confidence if text == one.text else KEPT * one.confidence
        shares[one.text] = shares.get(one.text, 0.0) + kept
        if text != one.text:
            shares[text] = shares.get(text, 0.0) + one.confidence - kept
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    return tuple(Candidate(text=text, confidence=min(1.0, share)) for text, share in ranked)


def _spelling(text: str, countries: Sequence[str]) -> str:
    """The commonest plate of these countries that looks like `text`, or `text` itself; ties go to fewer changes."""
    found: list[tuple[float, int, str]] = []
    for country in countries:
        alike = _drawn_alike(country)
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
