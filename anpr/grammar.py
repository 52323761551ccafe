"""What the plates of each country look like: the data files in `anpr/grammars`, and which of their series a text fits.

A pattern is written character by character: `L` one of the series' letters, `D` a digit, `N` a digit but 0, `X` a
letter or a digit, `[ABC]` one of these, `'EL'` just these, `<region>` one of the country's codes of that name; `{3}` or
`{1,4}` after any of them repeats it. A space or a hyphen parts groups that stand apart on the plate, and matches
nothing: texts are held against patterns without separators.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from anpr.errors import BadInput
from anpr.plates import normalise

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

Vehicle = Literal[
    "car", "motorcycle", "trailer", "electric", "taxi", "historic", "diplomatic", "official", "temporary", "vanity"
]
When = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]  # a year, month or day, as exact as it is known

_TOKEN = re.compile(r"(?P<what>[LDNX]|\[[A-Z0-9]+\]|'[A-Z0-9]+'|<[a-z]+>)(?:\{(?P<least>\d+)(?:,(?P<most>\d+))?\})?")
_SEPARATOR = re.compile("[ -]")
_SHAPE = str.maketrans(LETTERS + DIGITS, "L" * len(LETTERS) + "D" * len(DIGITS))


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Data):
    """Where facts of a file come from; without a URL, the title says so."""

    title: str
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    taken: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class SeriesData(_Data):
    """One kind of plate as its file tells it."""

    name: str
    vehicle: Vehicle  # "car" where a series is for vehicles of all kinds
    since: When | None = None  # when it was issued; plates of it may still be on the road
    until: When | None = None
    on_road_until: date | None = None  # the last day on which its plates were valid, for series that are not any more
    weight: float = Field(gt=0, le=1, description="how common beside the country's commonest series; an estimate")
    unused: Annotated[str, Field(pattern=r"^[A-Z]*$")] | None = None  # letters left out, where not the country's
    patterns: tuple[str, ...] = Field(min_length=1)
    longest: int | None = Field(default=None, description="characters at most")
    lines: tuple[Literal[1, 2], ...] = Field(min_length=1)
    examples: tuple[str, ...] = Field(min_length=1)


class Grammar(_Data):
    """One country's file."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]  # ISO 3166-1 alpha-2
    sources: tuple[Source, ...] = Field(min_length=1)
    unused: Annotated[str, Field(pattern=r"^[A-Z]*$")]  # letters that `L` and `X` leave out
    drawn_alike: tuple[str, ...] = ()  # groups of characters with one form on its plates
    codes: dict[str, str] = {}  # name → codes, by spaces
    series: tuple[SeriesData, ...] = Field(min_length=1)
    counter_examples: tuple[str, ...] = Field(min_length=1)  # texts that fit none of the series

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        for one in self.series:
            compiled(self, one)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a pattern's texts are written: regular expressions of the groups, and the separators between them."""

    groups: tuple[str, ...]
    separators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series that texts can be held against."""

    country: str
    name: str
    vehicle: Vehicle
    weight: float
    on_road_until: date | None
    pattern: re.Pattern[str]  # of whole normalised texts
    shape: re.Pattern[str]  # of the same with each letter written L and each digit D
    texts: float  # how many texts it holds, one that several patterns yield counted for each
    layouts: tuple[Layout, ...]  # one of each pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A series that a text fits."""

    country: str
    series: str
    vehicle: Vehicle
    weight: float  # how common the series is in its country, 0..1; the commonest has 1
    density: float  # probability of just this text among the country's plates: the series' share ÷ its texts


@dataclass(frozen=True, slots=True)
class _Part:
    """One token of a pattern: regular expressions of its texts and shapes, and how many texts of each length it has."""

    pattern: str
    shape: str
    texts: Mapping[int, float]


def compiled(grammar: Grammar, one: SeriesData) -> Series:
    """A series of a country, ready to match. Raises ValueError, which says what is wrong with a pattern."""
    letters = "".join(sorted(set(LETTERS) - set(grammar.unused if one.unused is None else one.unused)))
    written = [_groups(pattern, letters, grammar.codes) for pattern in one.patterns]
    parts = [[part for group in groups for part in group] for groups in written]
    limit = rf"(?=.{{1,{one.longest}}}\Z)" if one.longest else ""
    return Series(
        country=grammar.country,
        name=one.name,
        vehicle=one.vehicle,
        weight=one.weight,
        on_road_until=one.on_road_until,
        pattern=re.compile(limit + "(?:" + "|".join("".join(part.pattern for part in line) for line in parts) + ")"),
        shape=re.compile(limit + "(?:" + "|".join("".join(part.shape for part in line) for line in parts) + ")"),
        texts=sum(_texts(line, one.longest) for line in parts),
        layouts=tuple(
            Layout(
                groups=tuple("".join(part.pattern for part in group) for group in groups),
                separators=tuple(_SEPARATOR.findall(pattern)),
            )
            for pattern, groups in zip(one.patterns, written, strict=True)
        ),
    )


def _groups(pattern: str, letters: str, codes: Mapping[str, str]) -> list[list[_Part]]:
    return [list(_parts(group, letters, codes)) for group in _SEPARATOR.split(pattern)]


def _parts(pattern: str, letters: str, codes: Mapping[str, str]) -> Iterator[_Part]:
    end = 0
    for token in _TOKEN.finditer(pattern):
        if token.start() != end:
            break
        end = token.end()
        least = int(token["least"] or 1)
        most = int(token["most"] or least)
        yield _repeated(_part(token["what"], letters, codes), least, most)
    if end != len(pattern) or not pattern:
        raise ValueError(f"pattern {pattern!r}: {pattern[end:]!r} is no class, set, text or code")


def _part(what: str, letters: str, codes: Mapping[str, str]) -> _Part:
    classes = {"L": letters, "D": DIGITS, "N": DIGITS[1:], "X": letters + DIGITS}
    if what.startswith("'"):
        words = [what.strip("'")]
    elif what.startswith("<"):
        if what.strip("<>") not in codes:
            raise ValueError(f"there are no codes {what}; there are {', '.join(codes) or 'none at all'}")
        words = codes[what.strip("<>")].split()
    else:
        words = list(classes.get(what) or what.strip("[]"))
    return _Part(
        pattern=_one_of(words),
        shape=_one_of([word.translate(_SHAPE) for word in words]),
        texts={n: float(sum(len(word) == n for word in set(words))) for n in {len(word) for word in words}},
    )


def _one_of(words: list[str]) -> str:
    unique = sorted(set(words))
    if max(map(len, unique)) == 1:
        return "[" + "".join(unique) + "]" if len(unique) > 1 else unique[0]
    return "(?:" + "|".join(unique) + ")"


def _repeated(part: _Part, least: int, most: int) -> _Part:
    if (least, most) == (1, 1):
        return part
    if not 0 <= least <= most:
        raise ValueError(f"{{{least},{most}}} is no range")
    texts: dict[int, float] = {}
    for times in range(least, most + 1):
        for length, count in _product([part] * times).items():
            texts[length] = texts.get(length, 0.0) + count
    span = f"{{{least},{most}}}"
    return _Part(pattern=part.pattern + span, shape=part.shape + span, texts=texts)


def _product(parts: list[_Part]) -> dict[int, float]:
    """How many texts of each length parts in a row have."""
    found = {0: 1.0}
    for part in parts:
        longer: dict[int, float] = {}
        for length, count in found.items():
            for more, times in part.texts.items():
                longer[length + more] = longer.get(length + more, 0.0) + count * times
        found = longer
    return found


def _texts(parts: list[_Part], longest: int | None) -> float:
    return sum(count for length, count in _product(parts).items() if longest is None or length <= longest)


def parse(text: str, name: str) -> Grammar:
    """The grammar in a YAML text; BadInput names the file and the place in it."""
    try:
        return Grammar.model_validate(yaml.load(text, Loader=_LOADER))  # noqa: S506 (a safe loader, in C where it is)
    except yaml.YAMLError as exc:
        raise BadInput(f"{name}: no YAML: {exc}".replace("\n", " ")) from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        raise BadInput(f"{name}: {'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from exc


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def grammars() -> Mapping[str, Grammar]:
    """All countries of the package by code, read once."""
    files = (file for file in resources.files("anpr.grammars").iterdir() if file.name.endswith(".yaml"))
    found = [parse(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {one.country: one for one in sorted(found, key=lambda one: one.country)}


@lru_cache(maxsize=1)
def series() -> tuple[Series, ...]:
    """All series of all countries."""
    return tuple(compiled(grammar, one) for grammar in grammars().values() for one in grammar.series)


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, float]:
    return {code: sum(one.weight for one in grammar.series) for code, grammar in grammars().items()}


@lru_cache(maxsize=4096)  # one text in a thousand has a shape that was not seen before
def _of_shape(shape: str) -> tuple[Series, ...]:
    return tuple(one for one in series() if one.shape.fullmatch(shape))


@lru_cache(maxsize=16_384)
def _matches(text: str) -> tuple[tuple[Series, Match], ...]:
    fitting = [one for one in _of_shape(text.translate(_SHAPE)) if one.pattern.fullmatch(text)]
    found = [(one, _match(one)) for one in fitting]
    return tuple(sorted(found, key=lambda pair: (-pair[1].weight, pair[1].country, pair[1].series)))


def _match(one: Series) -> Match:
    return Match(
        country=one.country,
        series=one.name,
        vehicle=one.vehicle,
        weight=one.weight,
        density=one.weight / _weights()[one.country] / one.texts,
    )


def forget_texts() -> None:
    """Let go of the texts that this process remembers; shapes and series are nobody's."""
    _matches.cache_clear()


def matches(text: str, *, at: date | None = None) -> tuple[Match, ...]:
    """All series that a text fits as it stands, commonest first.

    The text is normalised first, so separators do not matter and Cyrillic or Greek look-alikes count as Latin. Series
    whose plates were withdrawn are left out, or where `at` is given, those withdrawn before that day.
    """
    return tuple(
        match
        for one, match in _matches(normalise(text))
        if one.on_road_until is None or (at is not None and at <= one.on_road_until)
    )
