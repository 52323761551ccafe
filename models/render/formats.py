"""What plates say: templates of each country's series, and random texts of them.

A template is read character by character: `A` a letter of the series, `9` a digit, `1` a digit from 1, `X` a letter
or a digit, `R` one of the series' marks, `@` one of its codes (districts, cantons); a small letter stands for itself.
Between them a space parts groups, `-` and `.` are drawn, `*` is a place for a seal, `/` breaks the line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anpr.errors import BadInput
from anpr.plates import normalise
from models.render.chance import happens, pick, weighted

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
PARTS = " -.*/"


def without(letters: str) -> str:
    return "".join(letter for letter in LETTERS if letter not in letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Texts of one kind; `look` names how its plates look where that is not the country's usual look."""

    weight: float
    templates: tuple[str, ...]
    letters: str = LETTERS
    codes: tuple[str, ...] = ()
    marks: str = ""
    look: str = ""

    @property
    def is_two_line(self) -> bool:
        return "/" in self.templates[0]

    def text(self, rng: np.random.Generator) -> str:
        """A random text with its separators ("M*AB 1234")."""
        return "".join(self._filled(rng, char) for char in pick(rng, self.templates))

    def _filled(self, rng: np.random.Generator, char: str) -> str:
        choices = {"A": self.letters, "9": DIGITS, "1": DIGITS[1:], "X": self.letters + DIGITS, "R": self.marks}
        if char == "@":
            return pick(rng, self.codes)
        return pick(rng, choices[char]) if char in choices else char.upper()

    def pattern(self) -> re.Pattern[str]:
        """What every text of this series matches, separators left out and umlauts folded."""
        parts = {
            "A": f"[{self.letters}]",
            "9": "[0-9]",
            "1": "[1-9]",
            "X": f"[{self.letters}0-9]",
            "R": f"[{self.marks}]",
            "@": "(?:" + "|".join(normalise(code) for code in self.codes) + ")",
        } | dict.fromkeys(PARTS, "")
        return re.compile("|".join("".join(parts.get(char, char.upper()) for char in one) for one in self.templates))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateText:
    """A text to draw: `shown` with separators and umlauts, `text` as it is to be read."""

    country: str  # ISO 3166-1 alpha-2, "" for random strings
    shown: str
    look: str  # a key of looks.LOOKS

    @property
    def text(self) -> str:
        return normalise(self.shown)

    @property
    def lines(self) -> int:
        return self.shown.count("/") + 1


def draw(
    rng: np.random.Generator,
    countries: Mapping[str, tuple[Series, ...]],
    *,
    mixture: Mapping[str, float],
    two_line: float,
) -> PlateText:
    """A text of a country by weight; on two lines with probability `two_line` where the country has such plates.

    Raises BadInput for a country of the mixture that is not in `countries`.
    """
    unknown = sorted(set(mixture) - set(countries))
    if unknown:
        raise BadInput(f"no plates are known of {', '.join(unknown)}; known: {', '.join(filter(None, countries))}")
    country = weighted(rng, [(weight, code) for code, weight in mixture.items()])
    wants_two = happens(rng, two_line)
    fit = [one for one in countries[country] if one.is_two_line == wants_two] or countries[country]
    series = weighted(rng, [(one.weight, one) for one in fit])
    default = "random" if country == "" else country
    suffix = "2" if series.is_two_line else ""
    return PlateText(country=country, shown=series.text(rng), look=series.look or default + suffix)
