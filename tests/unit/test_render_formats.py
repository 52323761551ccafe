"""What rendered plates say."""

import re
from collections import Counter

import numpy as np
import pytest

from anpr.errors import BadInput
from models.render.countries import COUNTRIES, MIXTURE
from models.render.formats import PlateText, Series, draw
from models.render.looks import LOOKS

# By hand, not from the tables: what any text of the country looks like, and letters that it never has.
PATTERNS = {
    "CZ": r"[1-9][A-Z][0-9A-Z]\d{4}|[A-Z]{2,3}\d{4}|EL[0-9A-Z]{5}|[1-9][A-Z]\d{4}",
    "SK": r"[A-Z]{2}\d{3}[A-Z]{2}",
    "PL": r"[A-Z]{2,3}[0-9A-Z]{4,5}",
    "DE": r"[A-Z]{1,3}[A-Z]{1,2}\d{1,4}[EH]?",
    "AT": r"[A-Z]{1,2}\d{1,5}[A-Z]{1,3}",
    "HU": r"[A-Z]{3,4}\d{3}",
    "SI": r"[A-Z]{2}[0-9A-Z]{5}",
    "RO": r"[A-Z]{1,2}\d{2,3}[A-Z]{3}|[A-Z]{1,2}\d{6}",
    "BG": r"[A-Z]{1,2}\d{4}[A-Z]{1,2}",
    "CH": r"[A-Z]{2}\d{4,6}",
    "IT": r"[A-Z]{2}\d{3}[A-Z]{2}|[A-Z]{2}\d[0-9A-Z]\d{4}",
    "FR": r"[A-Z]{2}\d{3}[A-Z]{2}|\d{3,4}[A-Z]{2,3}\d{2}",
    "ES": r"\d{4}[A-Z]{3}|[A-Z]{1,2}\d{4}[A-Z]{2}",
    "NL": r"(?=(?:.*\d){2,4})[0-9A-Z]{6}",
    "GB": r"[A-Z]{2}\d{2}[A-Z]{3}|[A-Z]\d{1,3}[A-Z]{3}|[A-Z]{3}\d{3}[A-Z]|[A-Z]{1,3}\d{1,4}|\d{1,3}[A-Z]{3}",
    "BE": r"\d?[A-Z]{3}\d{3}|\d{3}[A-Z]{3}",
    "BR": r"[A-Z]{3}\d[0-9A-Z]\d{2}",
    "US": r"[0-9A-Z]{4,7}",
    "CN": r"[A-Z][0-9A-Z]{5}",
    "": r"[0-9A-Z]{3,10}",
}
NEVER = {
    "CZ": "GOQW",
    "PL": "Q",
    "BG": "DFGIJLNQRSUVWZ",
    "IT": "Q",
    "FR": "IOU",
    "NL": "AEIOUQ",
    "GB": "Q",
    "RO": "Q",
    "BE": "IO",
    "AT": "Q",
    "CN": "IO",
    "UA": "DFGJLNQRSUVWYZ",
}


def texts(country: str, *, count: int = 400, two_line: float = 0.3) -> list[PlateText]:
    rng = np.random.default_rng(7)
    return [draw(rng, COUNTRIES, mixture={country: 1}, two_line=two_line) for _ in range(count)]


@pytest.mark.parametrize("country", PATTERNS)
def test_texts_have_the_form_of_their_country(country: str) -> None:
    assert [one.text for one in texts(country) if not re.fullmatch(PATTERNS[country], one.text)] == []


@pytest.mark.parametrize("country", NEVER)
def test_letters_that_a_country_does_not_use_never_come(country: str) -> None:
    used = set("".join(one.text for one in texts(country, count=1500)))
    if country in ("NL", "FR", "CN", "BE", "BG", "UA"):
        assert len(used & set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) > 10
    assert used & set(NEVER[country]) == set()


@pytest.mark.parametrize("country", COUNTRIES)
def test_texts_match_the_pattern_of_one_of_the_series(country: str) -> None:
    patterns = [series.pattern() for series in COUNTRIES[country]]
    assert all(any(pattern.fullmatch(one.text) for pattern in patterns) for one in texts(country))


def test_the_second_part_of_a_polish_plate_has_no_letter_like_a_digit() -> None:
    tails = "".join(one.shown.split("/")[-1].split(" ")[-1] for one in texts("PL"))
    assert not set(tails) & set("BDIOQZ")


def test_a_new_spanish_plate_has_no_vowel() -> None:
    new = [one.text for one in texts("ES") if one.text[:4].isdigit()]
    assert len(new) > 100
    assert not set("".join(new)) & set("AEIOUQ")


def test_umlauts_are_shown_and_read_without_their_dots() -> None:
    shown = [one for one in texts("DE", count=1000) if "Ü" in one.shown]
    assert shown
    assert all("U" in one.text and "Ü" not in one.text for one in shown)


def test_random_strings_hold_every_character_about_as_often() -> None:
    counts = Counter("".join(one.text for one in texts("", count=3000)))
    assert len(counts) == 36
    assert max(counts.values()) < 1.5 * min(counts.values())


def test_two_line_plates_come_as_often_as_asked() -> None:
    assert {one.lines for one in texts("DE", two_line=0)} == {1}
    assert {one.lines for one in texts("DE", two_line=1)} == {2}
    share = sum(one.lines == 2 for one in texts("DE", count=1000, two_line=0.2)) / 1000
    assert 0.15 < share < 0.25


def test_a_mixture_gives_each_country_its_weight() -> None:
    rng = np.random.default_rng(3)
    drawn = Counter(draw(rng, COUNTRIES, mixture={"CZ": 3, "": 1}, two_line=0).country for _ in range(1000))
    assert set(drawn) == {"CZ", ""}
    assert 680 < drawn["CZ"] < 820


def test_every_country_has_a_look_and_a_weight() -> None:
    for country in COUNTRIES:
        assert {one.look for one in texts(country)} <= set(LOOKS)
    assert set(MIXTURE) == set(COUNTRIES)


def test_a_country_that_is_not_known_is_named() -> None:
    with pytest.raises(BadInput, match="no plates are known of XX; known: CZ, SK,"):
        draw(np.random.default_rng(0), COUNTRIES, mixture={"XX": 1, "CZ": 1}, two_line=0)


def test_a_template_is_filled_place_by_place() -> None:
    series = Series(weight=1, templates=("@*R1-9a/AX",), letters="K", codes=("MÜ",), marks="Z")
    shown = series.text(np.random.default_rng(1))
    assert re.fullmatch(r"MÜ\*Z[1-9]-[0-9]A/K[K0-9]", shown)
    text = PlateText(country="DE", shown=shown, look="DE2")
    assert re.fullmatch(r"MUZ[1-9]\dAK[K0-9]", text.text)
    assert text.lines == 2
    assert series.pattern().fullmatch(text.text)
