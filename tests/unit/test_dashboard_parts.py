"""What the pages show is reckoned right: characters, bars, charts, times and filters."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from anpr.errors import BadInput
from anpr.types import Candidate, VerdictStatus
from api.cameras import CountersForm
from api.dashboard import cameras, drawing, looks, page
from api.dashboard.characters import characters
from api.dashboard.filters import Filters

ZONE = "Europe/Prague"
COUNTS = st.integers(0, 10**9)


def probabilities(*candidates: tuple[str, float]) -> dict[str, float]:
    found = characters([Candidate(text=text, confidence=sure) for text, sure in candidates])
    return {f"{place}{one.char}": round(one.probability, 6) for place, one in enumerate(found)}


def test_a_character_is_as_probable_as_the_texts_that_have_it_there() -> None:
    found = probabilities(("AB1", 0.6), ("A81", 0.3), ("XB1", 0.05))
    assert found == {"0A": 0.9, "1B": 0.65, "21": 0.95}


def test_only_what_is_certain_is_shown_as_100() -> None:
    found = characters([Candidate(text="AB", confidence=0.98), Candidate(text="A8", confidence=0.017)])
    assert [one.percent for one in found] == [99, 98]
    assert [one.percent for one in characters([Candidate(text="A", confidence=1.0)])] == [100]


def test_a_period_is_told_by_the_days_of_its_toll_country() -> None:
    assert page.period(datetime(2026, 5, 1, 22, tzinfo=UTC), datetime(2026, 5, 2, 22, tzinfo=UTC), "CZ") == "2026-05-02"
    month = (datetime(2026, 4, 30, 21, tzinfo=UTC), datetime(2026, 5, 31, 21, tzinfo=UTC))
    assert page.period(*month, "BG") == "2026-05-01 to 2026-05-31"


def test_a_text_of_another_length_counts_where_it_has_the_same_characters() -> None:
    assert probabilities(("AB12", 0.7), ("AB2", 0.2)) == {"0A": 0.9, "1B": 0.9, "21": 0.7, "32": 0.9}
    assert characters([]) == ()


@given(st.lists(st.tuples(st.text("AB8", min_size=1, max_size=6), st.floats(0, 1)), min_size=1, max_size=5))
def test_no_character_is_less_probable_than_its_text(told: list[tuple[str, float]]) -> None:
    found = characters([Candidate(text=text, confidence=sure) for text, sure in told])
    assert "".join(one.char for one in found) == told[0][0]
    assert all(told[0][1] <= one.probability <= 1 for one in found)


@given(st.lists(COUNTS, min_size=8, max_size=8))
def test_the_bar_of_a_camera_is_all_of_its_frames(counts: list[int]) -> None:
    names = ("read", "no_plate", "sampled_out", "waiting", "shed_early", "shed", "expired", "failed")
    counters = CountersForm(offered=sum(counts), sampled=0, corrupt=0, **dict(zip(names, counts, strict=True)))
    parts = cameras.parts(counters)
    assert sum(part.count for part in parts) == counters.offered
    assert sum(part.share for part in parts) == pytest.approx(1 if counters.offered else 0)
    ends = [part.start + part.share for part in parts]
    assert [part.start for part in parts[1:]] == pytest.approx(ends[:-1])


@given(st.floats(0.0001, 1e9))
def test_an_axis_ends_at_a_round_number_that_is_not_far(value: float) -> None:
    top = drawing.ceiling(value)
    assert value <= top <= value * 2.5 * (1 + 1e-9)
    assert f"{top:e}"[0] in "125"


def test_bars_stand_on_each_other_and_inside_the_picture() -> None:
    chart = drawing.stacked(["a", "b"], ["good", "bad"], [[1.0, 2.0], [3.0, 0.0]])
    assert [(bar.y, bar.height, bar.shade) for bar in chart.bars] == [
        (160.0, 40.0, "good"),
        (40.0, 120.0, "bad"),
        (120.0, 80.0, "good"),
    ]
    assert chart.up == ("0", "2.5", "5")
    assert chart.rows == (("a", (1.0, 3.0)), ("b", (2.0, 0.0)))
    assert drawing.stacked(["a"], ["good"], [[0.0]]).is_empty


def test_a_line_is_broken_where_there_is_no_value() -> None:
    chart = drawing.lines(["a", "b", "c", "d"], ["used"], [[1.0, None, 2.0, 2.0]])
    assert [line.path for line in chart.lines] == ["M90.0,100.0L90.0,100.0", "M450.0,0.0L450.0,0.0 630.0,0.0"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.99999, "> 99.9 %"), (0.00001, "< 0.1 %"), (0.123456, "12.3 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert page.percent(share) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (65, "1 min 5 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")])
def test_a_length_of_time_is_told_in_two_units(seconds: float, text: str) -> None:
    assert page.ago(seconds) == text


def test_a_plate_is_spelled_in_its_groups_for_those_who_hear_it() -> None:
    assert looks.groups("AB-123 CD") == ["AB", "-123", " CD"]
    assert looks.spelled("AB-123-CD", "FR") == "A B, 1 2 3, C D, FR"
    assert looks.spelled("1A2", "") == "1 A 2"
    assert looks.spelled("", "") == "no plate"


def test_times_of_a_form_are_of_the_zone_of_the_pages() -> None:
    query = QueryParams(
        "from=2026-07-01T08:00&to=2027-01-01T08:00Z&verdict=SUSPECT&camera=a&camera=b&plate=&match=fuzzy"
    )
    filters = Filters.of(query)
    wanted = filters.search(ZONE)
    assert wanted.plate is None
    assert wanted.since is not None
    assert wanted.since.isoformat() == "2026-07-01T06:00:00+00:00"
    assert (wanted.cameras, wanted.verdicts) == (("a", "b"), [VerdictStatus.SUSPECT])
    assert filters.api_query(wanted) == (
        "from=2026-07-01T06%3A00%3A00Z&to=2027-01-01T08%3A00%3A00Z&camera=a&camera=b&verdict=SUSPECT"
    )


@pytest.mark.parametrize(
    "query",
    [
        "plate=*",
        "plate=AB*&match=exact",
        "match=near&plate=1A23456",
        f"plate={'A' * 41}",
        "from=yesterday",
        "to=0001-01-01T00:00",
        "confidence=2",
        "confidence=nan",
        "verdict=PERHAPS",
        "cursor=no",
        "reason=%00",
    ],
)
def test_a_field_that_is_wrong_is_named(query: str) -> None:
    with pytest.raises(BadInput, match=query.split("=", maxsplit=1)[0]):
        Filters.of(QueryParams(query)).search(ZONE)
