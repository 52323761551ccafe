"""From what a reader mistakes for what to `anpr/look_alikes.yaml`.

Bayes with a Beta prior for each pair of characters: what people know to look alike is taken to be mistaken now and then
until it is measured, so a pair stays a look-alike although one reader tells it apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log

from anpr.look_alikes import LEAST, MOST
from anpr.types import Candidate
from models.evaluate.alignment import GAP, aligned

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KNOWN = ("0OQDCU", "1ILTJ7", "2Z7", "5S6", "6GB", "8B3", "4A", "VYUW", "MNWH", "KX", "EF", "PR", "QG9")
NARROW = "1I"  # dropped, or seen in a gap or a plate's rim; other characters are cut off, which says nothing of them

PRIOR = 500.0  # characters that what is known beforehand counts like
KNOWN_RATE = 1 / 500  # of a known pair: how often one is taken for the other
OTHER_RATE = 1 / 50_000
OFTEN = 1 / 100  # from here on a mistake is as cheap as can be
RARE = 1 / 1000  # a pair that is not known to people and rarer than this is chance
STEP = 0.05  # costs are no more exact than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Expected counts, by the probabilities of the candidates."""

    characters: Mapping[str, float]  # of the truth
    pairs: Mapping[tuple[str, str], float]  # sorted pair, either taken for the other; GAP first


def counted(readings: Iterable[tuple[str, tuple[Candidate, ...]]]) -> Mistakes:
    """Of true texts and what a reader made of them."""
    characters: dict[str, float] = defaultdict(float)
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    for truth, candidates in readings:
        for character in truth:
            characters[character] += 1
        for one in candidates:
            for a, b in aligned(truth, one.text):
                if a != b:
                    pairs[min(a, b), max(a, b)] += one.confidence
    return Mistakes(characters=characters, pairs=pairs)


def costs(found: Mistakes) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """Of swaps (sorted pairs) and of gaps: LEAST for what is mistaken often, MOST for what is known but hardly seen."""
    known = {pair for group in KNOWN for pair in combinations(sorted(group), 2)}
    swaps: dict[tuple[str, str], float] = {}
    for pair in combinations(CHARACTERS, 2):
        seen = sum(found.characters.get(one, 0.0) for one in pair)
        before = KNOWN_RATE if pair in known else OTHER_RATE
        rate = (found.pairs.get(pair, 0.0) + PRIOR * before) / (seen + PRIOR)
        if pair in known or rate >= RARE:
            swaps[pair] = _cost(rate)
    gaps: dict[str, float] = {}
    for one in NARROW:
        rate = (found.pairs.get((GAP, one), 0.0) + PRIOR * KNOWN_RATE) / (found.characters.get(one, 0.0) + PRIOR)
        gaps[one] = _cost(rate)
    return swaps, gaps


def _cost(rate: float) -> float:
    """Even steps over the logarithm of the rate."""
    dear = log(OFTEN / rate) / log(OFTEN / RARE)
    return round(round((LEAST + (MOST - LEAST) * min(1.0, max(0.0, dear))) / STEP) * STEP, 2)


def as_yaml(found: Mistakes, *, command: str) -> str:
    """The file, with what it was made by and from how much."""
    swaps, gaps = costs(found)
    lines = [
        "# Which characters are taken for which others: the cost of such an edit, beside 1 for any other; the cheaper,",
        f"# the oftener. From {sum(found.characters.values()):.0f} characters of plates, and what people know, by",
        f"# {command}",
        "swaps:",
        *_by_cost({"".join(pair): cost for pair, cost in swaps.items()}),
        "gaps: # of a character that is dropped or made up",
        *_by_cost(gaps),
    ]
    return "\n".join(lines) + "\n"


def _by_cost(costs: Mapping[str, float]) -> list[str]:
    kinds = sorted(set(costs.values()))
    return [f'  {cost:.2f}: "{" ".join(sorted(one for one in costs if costs[one] == cost))}"' for cost in kinds]
