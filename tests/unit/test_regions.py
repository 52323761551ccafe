from dataclasses import replace
from datetime import date
from random import Random

import pytest
from builders import a_read
from hypothesis import given
from hypothesis import strategies as st

from anpr import regions
from anpr.types import Candidate, PlateRead, Region

DAY = date(2026, 5, 1)
HEADS = st.dictionaries(st.sampled_from(["CZ", "SK", "FR", "IT", "MD"]), st.floats(0.001, 1), max_size=3).map(
    lambda found: {country: share / max(1.0, sum(found.values())) for country, share in found.items()}
)
LOOKS = st.lists(HEADS, min_size=1, max_size=6).map(lambda heads: [a_look(**head) for head in heads])


def a_look(**shares: float) -> PlateRead:
    return replace(a_read(), regions=tuple(Region(country=one, probability=share) for one, share in shares.items()))


def named(plate: str, *looks: PlateRead) -> dict[str, float]:
    found = regions.of_plate((Candidate(text=plate, confidence=0.9),), looks, at=DAY)
    return {one.country: one.probability for one in found}


@given(LOOKS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_the_looks_changes_anything(looks: list[PlateRead], random: Random) -> None:
    shuffled = looks * 3
    random.shuffle(shuffled)
    once, thrice = regions.combined(looks), regions.combined(shuffled)
    assert (once is None) == (thrice is None)
    assert dict(once or {}) == pytest.approx(dict(thrice or {}))


@given(LOOKS)
def test_the_looks_leave_room_for_countries_that_none_of_them_names(looks: list[PlateRead]) -> None:
    found = regions.combined(looks)
    if found is None:
        assert not any(look.regions for look in looks)
    else:
        assert 0 < sum(found.values()) < 1
        assert set(found) == {one.country for look in looks for one in look.regions}


def test_looks_that_agree_are_no_more_sure_than_one_of_them() -> None:
    one = regions.combined([a_look(CZ=0.8, SK=0.1)])
    assert one == pytest.approx({"CZ": 0.8, "SK": 0.1})
    assert regions.combined([a_look(CZ=0.8, SK=0.1)] * 50) == pytest.approx(one)


def test_a_look_that_says_something_else_weighs_and_one_without_regions_does_not() -> None:
    found = regions.combined([a_look(CZ=0.8), a_look(CZ=0.8), a_look(SK=0.9)])
    assert found is not None
    assert found["CZ"] < 0.8
    assert regions.combined([a_look(CZ=0.8), a_read()]) == regions.combined([a_look(CZ=0.8)])
    assert regions.combined([a_read()]) is None


def test_the_text_alone_tells_the_country_of_a_plate_that_no_other_has() -> None:
    assert max(named("1A23456").items(), key=lambda pair: pair[1])[0] == "CZ"


def test_the_look_tells_apart_countries_that_share_a_text() -> None:
    assert next(iter(named("AB123CD", a_look(FR=0.95)))) == "FR"
    assert next(iter(named("AB123CD", a_look(IT=0.95)))) == "IT"


@given(st.text("AB12", min_size=1, max_size=8), LOOKS)
def test_an_event_keeps_its_likeliest_countries_in_order(plate: str, looks: list[PlateRead]) -> None:
    found = regions.of_plate((Candidate(text=plate, confidence=0.5),), looks, at=DAY)
    shares = [one.probability for one in found]
    assert 1 <= len(found) <= regions.MOST
    assert shares == sorted(shares, reverse=True)
    assert all(regions.LEAST <= share <= 1 for share in shares)


def test_a_plate_that_nobody_could_read_is_of_no_country() -> None:
    assert regions.of_plate((), [a_look(CZ=0.9)], at=DAY) == ()
