"""Which countries the plate of an event may be of: by its text, and by the look of all its reads."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

from anpr.ranking import HEAD_LEAST, region_posterior
from anpr.types import Candidate, PlateRead, Region

MOST = 5  # countries that are kept of an event
LEAST = 0.005  # probability below which none is


def combined(reads: Sequence[PlateRead]) -> Mapping[str, float] | None:
    """What the readers' region heads say together, by country; None where no read has a region.

    The normalised geometric mean of the looks, each country with at least HEAD_LEAST in each of them: looks at one car
    share blur, dirt and light, so many that agree are no more sure than one of them, while one that says something
    else weighs. Neither the order of the reads nor repeating them all changes anything. The sum is below 1: the rest
    is for countries that no look names.
    """
    looks = [{one.country: one.probability for one in read.regions} for read in reads if read.regions]
    if not looks:
        return None
    rests = [max(HEAD_LEAST, 1.0 - math.fsum(look.values())) for look in looks]
    countries = {country for look in looks for country in look}
    means = {country: _mean([look.get(country, 0.0) for look in looks]) for country in countries}
    total = math.fsum([*means.values(), _mean(rests)])
    return {country: means[country] / total for country in sorted(means, key=lambda one: (-means[one], one))}


def _mean(probabilities: Sequence[float]) -> float:
    logs = [math.log(max(HEAD_LEAST, one)) for one in probabilities]
    return math.exp(math.fsum(logs) / len(logs))


def of_plate(candidates: Sequence[Candidate], reads: Sequence[PlateRead], *, at: date) -> tuple[Region, ...]:
    """The likeliest countries of a plate, at most MOST, likeliest first; "" is one whose plates we do not know."""
    posterior = region_posterior(candidates, combined(reads), at=at)
    found = [Region(country=country, probability=min(1.0, share)) for country, share in posterior.items()]
    return tuple(one for one in found[:MOST] if one.probability >= LEAST)
