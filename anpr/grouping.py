"""How a plate's text is written on the plate: in groups of characters, as the grammar of its country parts them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from anpr.grammar import Series, series


def grouped(text: str, country: str) -> str:
    """A plate's text with the spaces and hyphens of the likeliest series of `country` that it fits ("AB-123-CD").

    Without them it is the text again. Where that series can part it in several ways (German BAB1234: B AB or BA B),
    only those separators are written that all ways have; where it fits none, none is. Nothing is remembered of it.
    """
    fitting = [one for one in _of_country().get(country, ()) if one.pattern.fullmatch(text)]
    if not fitting:
        return text
    likeliest = max(fitting, key=lambda one: one.weight / one.texts)
    first, *others = (set(way) for way in _ways(text, likeliest))
    separators = dict(first.intersection(*others))
    return "".join(separators.get(place, "") + character for place, character in enumerate(text))


@lru_cache(maxsize=1)
def _of_country() -> Mapping[str, Sequence[Series]]:
    """The series of each country whose plates are still valid."""
    found: dict[str, list[Series]] = {}
    for one in series():
        if one.on_road_until is None:
            found.setdefault(one.country, []).append(one)
    return found


def _ways(text: str, one: Series) -> Iterator[list[tuple[int, str]]]:
    """All ways in which a series parts a text: each the places before which separators stand."""
    for layout in one.layouts:
        for ends in _cuts(text, layout.groups, 0):
            yield list(zip(ends, layout.separators, strict=True))


def _cuts(text: str, groups: Sequence[str], start: int) -> Iterator[list[int]]:
    """The places at which a text can be cut so that what is between them fits the groups, from `start` on."""
    first = _compiled(groups[0])
    if len(groups) == 1:
        if first.fullmatch(text, start):
            yield []
        return
    for end in range(start + 1, len(text)):
        if first.fullmatch(text, start, end):
            yield from ([end, *rest] for rest in _cuts(text, groups[1:], end))


@cache  # of the package's files alone
def _compiled(group: str) -> re.Pattern[str]:
    return re.compile(group)
