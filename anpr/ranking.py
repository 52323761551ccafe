"""How plausible texts are as plates: ranks what was read, and invents nothing."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from anpr.grammar import LETTERS, grammars, matches
from anpr.plates import normalise
from anpr.types import Candidate

# What a text that is no plate we know keeps of its probability. Of 0.5 to 0.005 this gave most exact plates on 661
# training crops (465 and 163 of 482 and 179; unranked 455 and 155); from 0.2 down Open Images loses again.
UNKNOWN = 0.3
VALID = 0.05  # plausible enough to be taken as read: leaves out series at wish, which hold any text, army, diplomatic
ELSEWHERE = 0.3  # what a country has at least beside a prior's likeliest one: foreigners drive everywhere

NO_COUNTRY = ""  # in a posterior: some country whose plates we do not know
UNLISTED = 0.02  # share of such a country's plates that have just this text's order of letters and digits
HEAD_LEAST = 0.01  # of a region head's answer: it may err, and never rules a country out


def plausibility(text: str, *, countries: Mapping[str, float] | None = None, at: date | None = None) -> float:
    """How common plates like `text` are, 0..1; 0 for a text that fits no series.

    The weight of the commonest series it fits; with a prior (how likely each country is, on any scale), times that of
    its country beside the likeliest one, at least ELSEWHERE.
    """
    top = max(countries.values(), default=0.0) if countries else 0.0

    def share(country: str) -> float:
        return max(ELSEWHERE, countries.get(country, 0.0) / top) if countries and top > 0 else 1.0

    return max((match.weight * share(match.country) for match in matches(text, at=at)), default=0.0)


def rank(
    candidates: Sequence[Candidate], *, countries: Mapping[str, float] | None = None, at: date | None = None
) -> tuple[Candidate, ...]:
    """The same texts, re-weighted by how plausible they are as plates, most probable first; ties by text.

    A text's probability is multiplied by UNKNOWN..1, linear in its plausibility, then all are scaled to the sum they
    had, so what no candidate holds stays as it was, and equally plausible texts keep their probabilities. Where the
    most probable text is plausible as it was read (VALID), none gains on it: it stays first.
    """
    if not candidates:
        return ()
    first = min(candidates, key=lambda one: (-one.confidence, one.text)).text
    weights = factors([one.text for one in candidates], first=first, countries=countries, at=at)
    if len(set(weights.values())) == 1:  # nothing to tell them apart: no rounding either
        weights = dict.fromkeys(weights, 1.0)
    ranked = sorted(candidates, key=lambda one: (-one.confidence * weights[one.text], -one.confidence, one.text))
    before = math.fsum(one.confidence for one in ranked)
    after = math.fsum(one.confidence * weights[one.text] for one in ranked)
    stretch = before / after if after > 0 else 1.0
    return tuple(replace(one, confidence=min(1.0, one.confidence * weights[one.text] * stretch)) for one in ranked)


def factors(
    texts: Iterable[str], *, first: str, countries: Mapping[str, float] | None = None, at: date | None = None
) -> dict[str, float]:
    """What each text keeps of its probability, UNKNOWN..1, linear in its plausibility.

    `first` is the one that was read best: where it is plausible (VALID), none of the others keeps more than it.
    """
    plausible = {text: plausibility(text, countries=countries, at=at) for text in texts}
    found = {text: _factor(one) for text, one in plausible.items()}
    if plausible[first] >= VALID:
        found = {text: min(one, found[first]) for text, one in found.items()}
    return found


def _factor(plausible: float) -> float:
    return UNKNOWN + (1 - UNKNOWN) * plausible


def region_posterior(
    candidates: Sequence[Candidate], region_head: Mapping[str, float] | None = None, *, at: date | None = None
) -> Mapping[str, float]:
    """Probabilities of the countries that a plate may be of, likeliest first, summing to 1; {} without candidates.

    Each text speaks with its share of the candidates' probability (Jeffrey's rule): Bayes over the densities of its
    text in each country's grammar, times what the reader's region head says, where there is one. Countries that the
    head names and no grammar describes, and NO_COUNTRY, have a flat density over texts of the same shape.
    """
    total = math.fsum(one.confidence for one in candidates)
    if total <= 0:
        return {}
    prior = _prior(region_head)
    found: dict[str, float] = {}
    for one in candidates:
        text = normalise(one.text)
        letters = sum(character in LETTERS for character in text)
        flat = UNLISTED / (26.0**letters * 10.0 ** (len(text) - letters))
        densities = {country: flat for country in prior if country not in grammars()}
        for match in matches(text, at=at):
            densities[match.country] = densities.get(match.country, 0.0) + match.density
        odds = {country: density * prior[country] for country, density in densities.items()}
        sum_of_odds = math.fsum(odds.values())
        for country, chance in odds.items():
            found[country] = found.get(country, 0.0) + one.confidence / total * chance / sum_of_odds
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _prior(head: Mapping[str, float] | None) -> dict[str, float]:
    known = (*grammars(), NO_COUNTRY)
    if head is None:
        return dict.fromkeys(known, 1.0)
    rest = 1.0 - math.fsum(head.values())
    return {
        country: max(HEAD_LEAST, head.get(country, rest if country == NO_COUNTRY else 0.0))
        for country in dict.fromkeys((*known, *head))
    }
