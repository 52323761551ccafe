"""Which characters readers and people take for which others, and how often: the data in `look_alikes.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

FILE = "look_alikes.yaml"
MOST = 0.8  # cost of the rarest look-alikes; below that of two edits in a row of the commonest ones
LEAST = 0.5  # cost of the commonest: half of the dearest edit, so that no detour is shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlikes:
    """Costs of edits, LEAST to MOST; whatever is not named costs 1."""

    swaps: Mapping[tuple[str, str], float]  # both ways
    gaps: Mapping[str, float]  # of a narrow character that is dropped or made up
    of: Mapping[str, str]  # character → its look-alikes, sorted


@lru_cache(maxsize=1)
def look_alikes() -> LookAlikes:
    """The data of the package, read once."""
    told = yaml.safe_load((resources.files("anpr") / FILE).read_text(encoding="utf-8"))
    return parsed(told["swaps"], told["gaps"])


def parsed(swaps: Mapping[float, str], gaps: Mapping[float, str]) -> LookAlikes:
    """Of cost → pairs of characters by spaces, and cost → characters by spaces."""
    pairs = {(pair[0], pair[1]): cost for cost, group in swaps.items() for pair in group.split()}
    both = pairs | {(b, a): cost for (a, b), cost in pairs.items()}
    of: dict[str, str] = {}
    for a, b in sorted(both):
        of[a] = of.get(a, "") + b
    return LookAlikes(swaps=both, gaps={one: cost for cost, group in gaps.items() for one in group.split()}, of=of)
