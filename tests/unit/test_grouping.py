"""Plates are written as their countries group them, and nothing else about them changes."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr.grammar import grammars, series
from anpr.grouping import grouped
from anpr.plates import normalise
from models.render import formats
from models.render.countries import COUNTRIES

VALID = [one for one in series() if one.on_road_until is None]
TEXTS = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=9)


def gaps(written: str, between: str = " -.") -> set[int]:
    """After how many characters something separates."""
    return {len(normalise(written[:place])) for place, character in enumerate(written) if character in between}


@st.composite
def a_plate(draw: st.DrawFn) -> tuple[str, str, set[int]]:
    """A country, a text of one of its series, and the gaps that it was made with."""
    one = draw(st.sampled_from(VALID))
    layout = draw(st.sampled_from(one.layouts))
    parts = [draw(st.from_regex(group, fullmatch=True)) for group in layout.groups]
    ends = [sum(map(len, parts[:count])) for count in range(1, len(parts))]
    return one.country, "".join(parts), set(ends)


@given(a_plate())
def test_without_separators_every_plate_of_every_country_is_itself(plate: tuple[str, str, set[int]]) -> None:
    country, text, made = plate
    written = grouped(text, country)
    assert re.sub("[ -]", "", written) == text
    assert all(re.split("[ -]", written))
    fitting = [one for one in VALID if one.country == country and one.pattern.fullmatch(text)]
    if len(fitting) == 1:
        assert gaps(written) <= made


@given(TEXTS, st.sampled_from([*sorted(grammars()), "US", ""]))
def test_a_text_that_fits_no_series_of_its_country_stays_as_it_is(text: str, country: str) -> None:
    written = grouped(text, country)
    fits = any(one.country == country and one.pattern.fullmatch(text) for one in VALID)
    assert fits or written == text
    assert normalise(written) == text


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("CZ", "1A2 3456"),
        ("CZ", "EL1 23AB"),
        ("SK", "KE-417HT"),
        ("DE", "HH IQ 350"),
        ("GB", "AB12 CDE"),
        ("RO", "B 123 ABC"),
        ("PL", "KR 4E713"),
        ("PL", "KRA 12AC"),
        ("FR", "AB-123-CD"),
        ("IT", "AB 123 CD"),
        ("NL", "12-AB-34"),
        ("AT", "G 347 KL"),
        ("AT", "BP 12345"),
        ("CH", "ZH 123456"),
        ("HU", "ABC-123"),
        ("HU", "AA BB-123"),
        ("UA", "AA 1234 BC"),
    ],
)
def test_plates_are_written_as_their_country_does(country: str, written: str) -> None:
    assert grouped(normalise(written), country) == written


def test_where_two_ways_are_possible_only_what_both_have_is_written() -> None:
    assert grouped("BAB1234", "DE") == "BAB 1234"  # B-AB of Berlin, or BA-B of Bamberg
    assert grouped("1A23456", "") == grouped("1A23456", "DE") == "1A23456"


def test_the_examples_of_the_grammars_are_written_with_no_other_gaps_than_they_have() -> None:
    for country, grammar in grammars().items():
        for example in [text for one in grammar.series for text in one.examples]:
            assert gaps(grouped(normalise(example), country)) <= gaps(example), example


@pytest.mark.parametrize(
    "country", ["DK", "EE", "ES", "HR", "LT", "LV", "NL", "NO", "PL", "PT", "RS", "SI", "SK", "TR"]
)
def test_they_are_written_as_they_are_drawn_for_training(country: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        drawn = formats.draw(rng, COUNTRIES, mixture={country: 1.0}, two_line=0.0)
        assert gaps(grouped(drawn.text, country)) == gaps(drawn.shown, between=formats.PARTS), drawn.shown
