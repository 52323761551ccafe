"""The dashboard is one that Grafana takes: what grafana.com/docs says of its classic "Dashboard JSON model"."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "operations/grafana.json").read_text(encoding="utf-8")
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
BUILT_IN = {"__rate_interval", "__interval", "__range"}
UNITS = {"short", "percentunit", "s", "ms", "bytes", "cps", "reqps", "ops"}  # some of what Grafana's value formats know
WIDTH = 24  # columns of the grid


def test_it_has_the_fields_of_a_dashboard_and_may_be_imported_beside_others() -> None:
    assert DASHBOARD.get("id") is None  # one of its own would replace whatever has it
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert 36 <= DASHBOARD["schemaVersion"] <= 41  # of Grafana 10 to 12; later ones migrate it
    assert {"title", "time", "timezone", "refresh", "templating", "annotations"} <= set(DASHBOARD)


def test_whoever_imports_it_chooses_the_prometheus_and_every_query_asks_that_one() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    asked = [target["datasource"] for panel in DRAWN for target in panel["targets"]]
    asked += [panel["datasource"] for panel in DRAWN] + [variables["camera"]["datasource"]]
    assert [one for one in asked if one != wanted] == []


@pytest.mark.parametrize("panel", DRAWN, ids=lambda panel: panel["title"])
def test_a_panel_is_of_a_kind_and_a_unit_that_grafana_brings_along(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"stat", "bargauge", "timeseries", "table", "gauge"}
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert isinstance(panel["fieldConfig"]["overrides"], list)
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters) > 0
    place = panel["gridPos"]
    assert place["x"] >= 0 < place["w"] <= WIDTH
    assert place["h"] > 1


def test_no_query_uses_a_variable_that_there_is_not() -> None:
    known = {one["name"] for one in DASHBOARD["templating"]["list"]} | BUILT_IN
    used = {
        name for panel in DRAWN for target in panel["targets"] for name in re.findall(r"\$\{?(\w+)", target["expr"])
    }
    assert used <= known
    assert "camera" in used


def test_rows_begin_where_the_panels_before_them_end() -> None:
    bottom = 0
    for panel in PANELS:
        place = panel["gridPos"]
        if panel["type"] == "row":
            assert (place["x"], place["y"], place["w"], place["h"]) == (0, bottom, WIDTH, 1)
            assert (panel["collapsed"], panel["panels"]) == (False, [])
        bottom = max(bottom, place["y"] + place["h"])
