"""Reads of cars that are known, with the mistakes that the shipped reader makes on rendered ones.

A look is drawn from those in tests/benchmarks/rendered_cars.jsonl.gz: how sure the reader was of what, and how many
edits each candidate is away from the truth. Looks at one car are alike in quality (a Gaussian copula), and where it is
misread (its weak places) is mostly the same; both by as much as was measured. Which characters are mistaken for which
is drawn as counted. Nothing is kept of the rendered texts themselves.
"""

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import erf, sqrt
from pathlib import Path
from typing import Literal, TypeVar

from anpr.types import Candidate
from models.evaluate.alignment import aligned

FILE = Path(__file__).parent / "benchmarks/rendered_cars.jsonl.gz"
ALIKE = 0.8  # correlation of the quality of two looks at one car
HABIT = 0.55  # share of further wrong looks at a car that are wrong in the way of the first
WEAK = 0.95  # share of the other ones that err in the car's own weak places, in whatever way

T = TypeVar("T")
Kind = Literal["swap", "drop", "add"]
Edit = tuple[Kind, int, int]  # which weak place of its kind, which of the place's alternatives
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One look: its candidates, most probable first, as edits of the truth; () is the truth itself."""

    candidates: tuple[tuple[float, tuple[Edit, ...]], ...]

    @property
    def is_wrong(self) -> bool:
        return bool(self.candidates[0][1])

    @property
    def quality(self) -> tuple[float, float]:
        """What the truth was given, and where that is nothing, how unsure the reader was."""
        return sum(p for p, edits in self.candidates if not edits), -self.candidates[0][0]


@dataclass(frozen=True, slots=True)
class Reader:
    """The looks that were measured, the worst first, and which mistakes were counted."""

    patterns: tuple[Pattern, ...]
    alike: Mapping[tuple[Edit, ...], list[Pattern]]  # by how the first candidate is wrong
    swaps: Counter[tuple[str, str]]  # truth, read
    drops: Counter[str]
    adds: Counter[str]
    characters: Counter[str]

    def pattern(self, quality: float) -> Pattern:
        """The look of a quality (standard normal)."""
        share = (1 + erf(quality / sqrt(2))) / 2
        return self.patterns[min(len(self.patterns) - 1, int(share * len(self.patterns)))]


def measured(path: Path = FILE) -> Reader:
    """From a file of `tests/benchmarks/render_cars.py`."""
    told = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    swaps: Counter[tuple[str, str]] = Counter()
    drops: Counter[str] = Counter()
    adds: Counter[str] = Counter()
    patterns: list[Pattern] = []
    for car in told:
        for look in filter(None, car["looks"]):
            patterns.append(_pattern(car["text"], look))
            for a, b in aligned(car["text"], look[0][0]):
                if a and b and a != b:
                    swaps[a, b] += 1
                elif a and not b:
                    drops[a] += 1
                elif b and not a:
                    adds[b] += 1
    characters = Counter("".join(car["text"] * len(car["looks"]) for car in told))
    ordered = tuple(sorted(patterns, key=lambda one: one.quality))
    alike: dict[tuple[Edit, ...], list[Pattern]] = defaultdict(list)
    for one in ordered:
        alike[one.candidates[0][1]].append(one)
    return Reader(patterns=ordered, alike=alike, swaps=swaps, drops=drops, adds=adds, characters=characters)


def _pattern(truth: str, look: Sequence[tuple[str, float]]) -> Pattern:
    places: dict[tuple[Kind, int], int] = {}
    options: dict[tuple[Kind, int], list[str]] = {}
    found: list[tuple[float, tuple[Edit, ...]]] = []
    for text, p in look:
        edits: list[Edit] = []
        position = 0
        for a, b in aligned(truth, text):
            if a != b:
                kind: Kind = "swap" if a and b else "drop" if a else "add"
                key = kind, position
                place = places.setdefault(key, sum(one == kind for one, _ in places))
                known = options.setdefault(key, [])
                if b not in known:
                    known.append(b)
                edits.append((kind, place, known.index(b)))
            position += bool(a)
        found.append((p, tuple(edits)))
    return Pattern(tuple(found))


class Weakness:
    """Where and as what one plate is misread, decided when first asked."""

    def __init__(self, reader: Reader, text: str, rng: random.Random) -> None:
        """Of a plate's text; `rng` is used up."""
        self._reader, self._text, self._rng = reader, text, rng
        self._places: dict[Kind, list[int]] = {}
        self._read: dict[tuple[Kind, int], list[str]] = {}

    def applied(self, edits: Sequence[Edit]) -> str:
        """The text as it is misread."""
        characters = list(self._text)
        for kind, place, option in edits:
            order = self._order(kind)
            at = order[place % len(order)]
            if kind == "drop":
                characters[at] = ""
            elif kind == "swap":
                characters[at] = self._option(kind, at, option)
            elif at < len(characters):
                characters[at] = self._option(kind, at, option) + characters[at]
            else:
                characters.append(self._option(kind, at, option))
        return "".join(characters)

    def _order(self, kind: Kind) -> list[int]:
        """Its positions, those first that are rather misread."""
        if kind not in self._places:
            reader = self._reader
            if kind == "add":
                weights = [1.0] * (len(self._text) + 1)
                weights[0] = weights[-1] = 4.0  # beside a plate there is a rim, a band, another letter
            elif kind == "drop":
                weights = [(reader.drops[one] + 0.5) / (reader.characters[one] + 1) for one in self._text]
            else:
                wrong = Counter(dict.fromkeys(self._text, 0.5))
                for (truth, _), count in reader.swaps.items():
                    wrong[truth] += count
                weights = [wrong[one] / (reader.characters[one] + 1) for one in self._text]
            self._places[kind] = _shuffled(self._rng, list(range(len(weights))), weights)
        return self._places[kind]

    def _option(self, kind: Kind, at: int, option: int) -> str:
        if (kind, at) not in self._read:
            own = "" if kind == "add" else self._text[at]
            others = [one for one in CHARACTERS if one != own]
            if kind == "add":
                weights = [self._reader.adds[one] + 0.02 for one in others]
            else:
                weights = [self._reader.swaps[own, one] + 0.003 for one in others]
            self._read[kind, at] = _shuffled(self._rng, others, weights)
        return self._read[kind, at][option % len(self._read[kind, at])]


def _shuffled(rng: random.Random, items: list[T], weights: Sequence[float]) -> list[T]:
    """A random order, drawn one after another by weight (Efraimidis and Spirakis, 2006)."""
    keys = [rng.random() ** (1 / weight) for weight in weights]
    return [item for _, _, item in sorted(zip(keys, range(len(items)), items, strict=True), reverse=True)]


@dataclass(frozen=True, slots=True)
class Look:
    """A look before its texts are spelled out, which costs most and is seldom needed."""

    pattern: Pattern
    weakness: Weakness

    @property
    def text(self) -> str:
        """What is read first."""
        return self.weakness.applied(self.pattern.candidates[0][1])

    def candidates(self) -> tuple[Candidate, ...]:
        found: dict[str, float] = {}
        for p, edits in self.pattern.candidates:
            text = self.weakness.applied(edits)
            if text:
                found[text] = max(found.get(text, 0.0), p)
        return tuple(Candidate(text=text, confidence=p) for text, p in found.items())


def looks(reader: Reader, text: str, number: int, rng: random.Random) -> Iterator[Look]:
    """`number` looks at one car."""
    own = Weakness(reader, text, random.Random(rng.random()))
    quality = rng.gauss(0, 1)
    habit: tuple[Edit, ...] = ()  # how the car was first misread
    for _ in range(number):
        pattern = reader.pattern(sqrt(ALIKE) * quality + sqrt(1 - ALIKE) * rng.gauss(0, 1))
        weakness = own
        if pattern.is_wrong:
            if habit and rng.random() < HABIT:
                pattern = rng.choice(reader.alike[habit])
            elif rng.random() >= WEAK:
                weakness = Weakness(reader, text, random.Random(rng.random()))
            habit = habit or pattern.candidates[0][1]
        yield Look(pattern, weakness)
