"""The list of metrics, what is made from it, and how a camera's health is told."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anpr import metrics
from anpr.errors import Unavailable
from anpr.health import FrameCounts
from workers.exposition import families
from workers.measures import Measures
from workers.state import State

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\banpr_[a-z0-9_]+")
COUNTS = st.builds(FrameCounts, **dict.fromkeys(FrameCounts.__slots__, st.integers(0, 10**6)))


def test_each_metric_is_there_once_and_named_as_prometheus_would_have_it() -> None:
    names = [one.name for one in metrics.ALL]
    assert len(set(names)) == len(names)
    named = {name for name, one in vars(metrics).items() if isinstance(one, metrics.Metric) and name.isupper()}
    assert len(named) == len(metrics.ALL)
    for one in metrics.ALL:
        assert re.fullmatch(r"anpr_[a-z][a-z0-9_]*", one.name)
        assert one.name.endswith("_total") == (one.kind == "counter"), one.name
        assert (one.unit == "s") == bool(re.search(r"_seconds(_total)?$", one.name)), one.name
        assert (one.unit == "bytes") == one.name.endswith("_bytes"), one.name
        assert bool(one.buckets) == (one.kind == "histogram"), one.name
        assert list(one.buckets) == sorted(set(one.buckets))


def test_no_label_can_hold_a_plate() -> None:
    known = {"camera", "outcome", "stage", "state", "task", "status", "country", "role", "version", "model", "sha256"}
    known |= {"route", "method"}
    assert {label for one in metrics.ALL for label in one.labels} == known


def test_the_page_holds_the_table_made_from_the_list() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert metrics.table() in page, "run scripts/metrics-page"


def test_the_page_names_no_other_metric() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert set(NAME.findall(page)) - series() == set()


def series() -> set[str]:
    """The names that queries may use: of a histogram, those of its parts."""
    parts = {one.name: ("_bucket", "_sum", "_count") if one.kind == "histogram" else ("",) for one in metrics.ALL}
    return {name + part for name, ends in parts.items() for part in ends} | {
        one.name for one in metrics.ALL if one.kind == "histogram"
    }


def dashboard() -> dict[str, Any]:
    return json.loads((ROOT / "operations/grafana.json").read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "operations/alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboard_and_the_alerts_ask_only_for_metrics_that_there_are() -> None:
    asked = {name for query in [*queries(), *(rule["expr"] for rule in rules())] for name in NAME.findall(query)}
    assert asked - series() == set()
    assert len(asked) > 15


@pytest.mark.parametrize("query", [*queries(), *(rule["expr"] for rule in rules())])
def test_a_query_asks_only_for_labels_that_its_metrics_have(query: str) -> None:
    of = {one.name: {*one.labels, "le"} for one in metrics.ALL}
    for name, matchers in re.findall(r"\b(anpr_[a-z0-9_]+)\{([^}]*)\}", query):
        asked = set(re.findall(r"(\w+)\s*[=!]~?", matchers))
        assert asked <= of[re.sub(r"_(bucket|sum|count)$", "", name)], name


def test_panels_have_titles_places_and_no_number_twice() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert cells & taken == set(), panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "description"} <= set(rule["annotations"])


def test_health_is_processed_of_wanted_frames_that_have_ended() -> None:
    assert FrameCounts(offered=25, sampled_out=20, sampled=5, no_plate=4, read=1).health == 1.0
    assert FrameCounts(offered=25, sampled_out=20, sampled=5, no_plate=1, shed=4).health == pytest.approx(0.2)
    assert FrameCounts(offered=25, sampled_out=20, sampled=5, read=2).health == 1.0  # three still wait
    assert FrameCounts(offered=100, sampled_out=50, shed_early=40, sampled=10, read=10).health == pytest.approx(0.6)
    assert FrameCounts(offered=9, sampled_out=9).health is None
    assert FrameCounts(offered=9, shed_early=9).health == 0.0


@given(COUNTS)
def test_health_is_a_share_and_losing_frames_never_raises_it(counts: FrameCounts) -> None:
    health = counts.health
    assert health is None or 0.0 <= health <= 1.0
    worse = FrameCounts.of({name: getattr(counts, name) for name in FrameCounts.__slots__} | {"shed": counts.shed + 1})
    assert worse.health is not None
    assert worse.health <= (1.0 if health is None else health)


@given(COUNTS, COUNTS)
def test_what_a_while_brought_is_never_less_than_nothing(later: FrameCounts, earlier: FrameCounts) -> None:
    brought = later.since(earlier)
    for name in FrameCounts.__slots__:
        assert getattr(brought, name) == max(0, getattr(later, name) - getattr(earlier, name))


def test_measures_are_taken_once_and_come_back_where_they_could_not_be_told() -> None:
    measures = Measures()
    measures.count(metrics.VERDICTS, "gate", "VALID")
    taken = measures.take()
    assert taken == {("anpr_verdicts_total", "gate", "VALID", ""): 1.0}
    assert measures.take() == {}
    measures.count(metrics.VERDICTS, "gate", "VALID")
    measures.put_back(taken)
    assert measures.take() == {("anpr_verdicts_total", "gate", "VALID", ""): 2.0}


def test_a_value_falls_into_the_bucket_whose_bound_it_does_not_exceed() -> None:
    measures = Measures()
    for value in (0.0, 1.0, 1.1, 3600.0, 3600.1):
        measures.observe(metrics.VERDICT_LATENCY, value)
    name = "anpr_verdict_latency_seconds"
    assert measures.take() == {
        (name, "1.0"): 2.0,
        (name, "2.5"): 1.0,
        (name, "3600.0"): 1.0,
        (name, "+Inf"): 1.0,
        (name, "sum"): pytest.approx(7202.2),
    }


def test_a_job_is_counted_by_how_it_ended() -> None:
    measures = Measures()
    with measures.job("read"):
        pass
    with pytest.raises(Unavailable), measures.job("read"):
        raise Unavailable("Postgres is away")
    with pytest.raises(LookupError), measures.job("read"):
        raise LookupError("a bug")
    taken = measures.take()
    counted = {field[2]: number for field, number in taken.items() if field[0] == metrics.JOBS.name}
    assert counted == {"done": 1.0, "put_back": 1.0, "failed": 1.0}
    assert sum(number for field, number in taken.items() if field[0] == metrics.JOB_DURATION.name) < 2


def test_where_both_servers_are_away_every_metric_is_still_told_of() -> None:
    state = State(at=datetime(2026, 5, 1, tzinfo=UTC), postgres=None, redis=None, failures=())
    found = {one.name: [sample.value for sample in one.samples] for one in families(state)}
    assert list(found) == [one.name.removesuffix("_total") for one in metrics.ALL]
    assert {name: values for name, values in found.items() if values} == {"anpr_postgres_up": [0], "anpr_redis_up": [0]}
