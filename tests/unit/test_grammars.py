"""The country grammars, and the ranking that rests on them."""

import math
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr.errors import BadInput
from anpr.grammar import compiled, grammars, matches, parse, series
from anpr.plates import normalise
from anpr.ranking import ELSEWHERE, NO_COUNTRY, UNKNOWN, VALID, plausibility, rank, region_posterior
from anpr.types import Candidate

ASKED_FOR = {"CZ", "SK", "PL", "DE", "AT", "HU", "SI", "RO", "BG", "CH", "IT", "FR", "ES", "GB", "NL", "BE", "HR", "UA"}

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLATES = st.text(alphabet=CHARACTERS, min_size=1, max_size=9)
REAL = st.sampled_from(
    [normalise(text) for one in grammars().values() for part in one.series for text in part.examples]
)
NEARLY_REAL = st.builds(
    lambda text, place, character: text[: place % len(text)] + character + text[place % len(text) + 1 :],
    REAL,
    st.integers(0, 8),
    st.sampled_from(CHARACTERS),
)
COUNTRIES = st.none() | st.dictionaries(st.sampled_from([*sorted(ASKED_FOR), "US"]), st.floats(0, 1), max_size=4)


@st.composite
def n_best(draw: st.DrawFn) -> list[Candidate]:
    """Up to six candidates with different texts, whose probabilities sum to 1 at most."""
    texts = draw(st.lists(PLATES | REAL | NEARLY_REAL, min_size=1, max_size=6, unique=True))
    shares = draw(st.lists(st.floats(0, 1), min_size=len(texts) + 1, max_size=len(texts) + 1))
    total = max(1.0, math.fsum(shares))
    return [Candidate(text=text, confidence=share / total) for text, share in zip(texts, shares, strict=False)]


def candidates(**confidences: float) -> list[Candidate]:
    return [Candidate(text=text.strip("_"), confidence=confidence) for text, confidence in confidences.items()]


def texts_of(ranked: tuple[Candidate, ...]) -> list[str]:
    return [one.text for one in ranked]


def countries_of(text: str) -> set[str]:
    return {match.country for match in matches(text)}


GRAMMAR = """
country: ZZ
sources: [{{title: none, taken: "2026-11-21"}}]
unused: IO
codes: {{town: A BB}}
series: [{{name: only, vehicle: car, weight: 1, patterns: ["{pattern}"], {more}lines: [1], examples: [A1]}}]
counter_examples: [X]
"""


def a_grammar(pattern: str, more: str = "") -> str:
    return GRAMMAR.format(pattern=pattern, more=more)


def texts_in(pattern: str, more: str = "") -> float:
    grammar = parse(a_grammar(pattern, more), "ZZ.yaml")
    return compiled(grammar, grammar.series[0]).texts


# The data


def test_every_country_asked_for_has_a_grammar() -> None:
    assert set(grammars()) >= ASKED_FOR


@pytest.mark.parametrize("country", sorted(grammars()))
def test_examples_fit_their_series_and_counter_examples_none(country: str) -> None:
    grammar = grammars()[country]
    for one in grammar.series:
        for example in one.examples:
            fitting = {m.series for m in matches(example, at=one.on_road_until) if m.country == country}
            assert one.name in fitting, example
    for text in grammar.counter_examples:
        assert country not in countries_of(text), text


def test_series_have_their_own_names_dates_in_order_and_a_commonest() -> None:
    for country, grammar in grammars().items():
        found = grammar.series
        assert len({one.name for one in found}) == len(found), country
        assert max(one.weight for one in found) == 1, country
        assert all(one.since <= one.until for one in found if one.since and one.until), country


def test_codes_are_capitals_and_digits_and_named_once() -> None:
    for grammar in grammars().values():
        for codes in grammar.codes.values():
            assert all(normalise(code) == code for code in codes.split()), grammar.country
            assert len(set(codes.split())) == len(codes.split()), grammar.country


@given(PLATES | NEARLY_REAL)
def test_a_text_matches_just_the_series_whose_pattern_it_fits(text: str) -> None:
    fitting = {(one.country, one.name) for one in series() if one.on_road_until is None and one.pattern.fullmatch(text)}
    assert {(match.country, match.series) for match in matches(text)} == fitting


# Matching


def test_separators_and_case_do_not_matter() -> None:
    assert matches("b-ab 1234") == matches("BAB1234") != ()


def test_cyrillic_and_greek_letters_match_as_their_latin_look_alikes() -> None:
    assert "BG" in countries_of("СВ 1234 АХ")
    assert "UA" in countries_of("КА 1234 ВХ")
    assert "GR" in countries_of("ΥΖΕ-4021")


def test_letters_that_a_country_does_not_use_are_not_its() -> None:
    assert "CZ" in countries_of("1A2 3456")
    assert "CZ" not in countries_of("1G2 3456")
    assert "ES" not in countries_of("1234 BCA")
    assert "IT" not in countries_of("AO 123 AB")


def test_a_german_plate_has_eight_characters_at_most() -> None:
    assert "DE" in countries_of("CUX AB 123")
    assert "DE" not in countries_of("CUX AB 1234")


def test_a_withdrawn_series_counts_only_for_its_days() -> None:
    def slovak(at: date | None) -> bool:
        return "before 1997" in {m.series for m in matches("BA 12-34", at=at) if m.country == "SK"}

    assert [slovak(at) for at in (None, date(2004, 12, 31), date(2005, 1, 1))] == [False, True, False]


def test_a_text_of_no_series_matches_nothing() -> None:
    assert matches("???") == matches("") == ()
    assert plausibility("ABCDEFGHIJ") == 0


def test_the_commonest_series_comes_first() -> None:
    weights = [match.weight for match in matches("AB 123 CD")]
    assert len(weights) > 2
    assert weights == sorted(weights, reverse=True)


@given(PLATES | NEARLY_REAL)
def test_a_text_is_one_of_many_in_each_of_its_series(text: str) -> None:
    assert all(0 < match.density <= 0.1 for match in matches(text))


# The notation


def test_the_texts_of_a_pattern_are_counted() -> None:
    assert texts_in("LD") == 24 * 10
    assert texts_in("N{1,3}") == 9 + 81 + 729
    assert texts_in("<town>'EL'[XYZ]") == 2 * 3
    assert texts_in("<town>D{0,2}", "longest: 2, ") == (1 + 10) + 1
    assert texts_in("X", "unused: ABC, ") == 33


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("country: [", "no YAML"),
        (a_grammar("L.D"), "'.D' is no class"),
        (a_grammar("L--D"), "pattern '': '' is no class"),
        (a_grammar("<city>D"), "there are no codes <city>; there are town"),
        (a_grammar("L{3,2}"), "{3,2} is no range"),
        (a_grammar("LD", "colour: red, "), "series.0.colour"),
        (a_grammar("LD").replace("weight: 1", "weight: 2"), "series.0.weight"),
        (a_grammar("LD").replace("country: ZZ", "country: Zed"), "country"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=r"^ZZ\.yaml: ") as raised:
        parse(text, "ZZ.yaml")
    assert says in str(raised.value)


# Ranking


@given(n_best(), COUNTRIES)
def test_ranking_keeps_the_texts_and_their_sum(read: list[Candidate], prior: dict[str, float] | None) -> None:
    ranked = rank(read, countries=prior)
    assert sorted(texts_of(ranked)) == sorted(one.text for one in read)
    assert all(0 <= one.confidence <= 1 for one in ranked)
    assert math.fsum(c.confidence for c in ranked) == pytest.approx(math.fsum(c.confidence for c in read))


@given(n_best(), COUNTRIES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_changes_nothing(
    read: list[Candidate], prior: dict[str, float] | None, random: Random
) -> None:
    shuffled = list(read)
    random.shuffle(shuffled)
    assert rank(shuffled, countries=prior) == rank(read, countries=prior)


@given(n_best(), COUNTRIES)
def test_the_most_probable_text_stays_first_where_it_is_valid_as_read(
    read: list[Candidate], prior: dict[str, float] | None
) -> None:
    first = min(read, key=lambda one: (-one.confidence, one.text))
    if plausibility(first.text, countries=prior) >= VALID:
        assert rank(read, countries=prior)[0].text == first.text


@given(n_best(), COUNTRIES)
def test_no_text_passes_one_that_was_more_probable_by_the_bound(
    read: list[Candidate], prior: dict[str, float] | None
) -> None:
    place = {one.text: number for number, one in enumerate(rank(read, countries=prior))}
    for one in read:
        for other in read:
            if one.confidence * UNKNOWN > other.confidence * (1 + 1e-9):
                assert place[one.text] < place[other.text]


@given(n_best(), COUNTRIES)
def test_no_text_passes_one_that_is_as_plausible_and_more_probable(
    read: list[Candidate], prior: dict[str, float] | None
) -> None:
    place = {one.text: number for number, one in enumerate(rank(read, countries=prior))}
    for one in read:
        for other in read:
            better = plausibility(one.text, countries=prior) >= plausibility(other.text, countries=prior)
            if better and one.confidence > other.confidence:
                assert place[one.text] < place[other.text]


@given(st.dictionaries(st.text(alphabet="OQW", min_size=10, max_size=12), st.floats(0, 0.2), min_size=1, max_size=5))
def test_unknown_formats_pass_unharmed(texts: dict[str, float]) -> None:
    read = candidates(**texts)
    assert list(rank(read)) == sorted(read, key=lambda one: (-one.confidence, one.text))


def test_a_plate_passes_a_slightly_likelier_text_that_is_none() -> None:
    ranked = rank(candidates(B144M0S=0.4, B144MOS=0.3, _814AMOS=0.1))
    assert texts_of(ranked) == ["B144MOS", "B144M0S", "814AMOS"]
    assert ranked[0].confidence > 0.4


def test_a_plate_does_not_pass_a_clearly_likelier_text_that_is_none() -> None:
    assert rank(candidates(B144M0S=0.8, B144MOS=0.2))[0].text == "B144M0S"


def test_a_prior_of_countries_decides_between_two_plates() -> None:
    ranked = {
        home: texts_of(rank(candidates(QZQ8BCD=0.3, B123BCD=0.2, _8123BCD=0.19), countries={home: 1.0}))[0]
        for home in ("RO", "ES")
    }
    assert ranked == {"RO": "B123BCD", "ES": "8123BCD"}


def test_a_foreign_plate_keeps_a_share_of_its_plausibility() -> None:
    assert plausibility("B 123 ABC", countries={"RO": 0.9}) == 1
    assert plausibility("B 123 ABC", countries={"CZ": 0.9}) == ELSEWHERE
    assert plausibility("B 123 ABC", countries={}) == 1


def test_ranking_gives_the_texts_back_as_they_were_written() -> None:
    assert texts_of(rank([Candidate(text="СВ 1234 АХ", confidence=0.5)])) == ["СВ 1234 АХ"]
    assert rank([]) == ()


# Which country


@given(n_best(), COUNTRIES)
def test_a_region_posterior_is_a_distribution(read: list[Candidate], head: dict[str, float] | None) -> None:
    found = region_posterior(read, head)
    if any(one.confidence > 0 for one in read):
        assert math.fsum(found.values()) == pytest.approx(1)
        assert list(found.values()) == sorted(found.values(), reverse=True)
    else:
        assert found == {}


def test_a_plate_that_one_country_alone_has_is_its() -> None:
    found = region_posterior(candidates(_1A23456=0.9, IA23456=0.1))
    assert next(iter(found)) == "CZ"
    assert found["CZ"] > 0.8


def test_the_region_head_tells_countries_of_one_format_apart() -> None:
    read = candidates(AB123CD=1.0)
    assert {"FR", "IT", "SK"} <= set(region_posterior(read))
    assert next(iter(region_posterior(read, {"IT": 0.7, "FR": 0.2}))) == "IT"
    assert next(iter(region_posterior(read, {"FR": 0.7, "IT": 0.2}))) == "FR"


def test_the_head_can_name_a_country_without_a_grammar() -> None:
    assert next(iter(region_posterior(candidates(_6GQZ048=1.0), {"US": 0.95}))) == "US"


def test_a_text_of_no_grammar_is_of_no_country_we_know() -> None:
    assert region_posterior(candidates(ABCDEFGHIJ=1.0)) == {NO_COUNTRY: 1.0}
    assert region_posterior([]) == {}
