"""The dashboards: what is checked in is what is generated, fits what the agent declares, and Grafana can read it.

Oracles: promql-parser; grafana-foundation-sdk, Grafana's own types of dashboards and panels, generated from its schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from fixtures.dashboards import __main__ as generator
from fixtures.dashboards import fleet, stream
from tests import dashboards, promql

PROVISIONING = Path(__file__).parent.parent / "grafana" / "provisioning"
OF_PROMETHEUS = {"expr", "step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"}
"""What an annotation tells its data source, which the schema leaves to the data source."""
UNITS = {
    "s", "percentunit", "bytes", "pixel", "hertz", "suffix:LUFS", "suffix:LU", "bps", "dateTimeFromNow", "none",
    "short", "bool_on_off", "bool_yes_no", "string",
}  # fmt: skip
"""Ids of Grafana's formats: packages/grafana-data/src/valueFormats/categories.ts of Grafana 11.6."""
PER_BOARD = pytest.mark.parametrize("uid", dashboards.BOARDS)
PER_PANEL = pytest.mark.parametrize(
    ("uid", "panel"), dashboards.panels(), ids=[f"{uid}: {panel['title']}" for uid, panel in dashboards.panels()]
)


def test_what_is_checked_in_is_what_is_generated() -> None:
    files = {path.name: path.read_text() for path in dashboards.FOLDER.iterdir()}
    assert files == generator.written(), "python -m fixtures.dashboards writes them anew"


@pytest.mark.parametrize(
    "asked", [*dashboards.asked(), *dashboards.marks()], ids=lambda asked: f"{asked.where}: {asked.expression[:60]}"
)
def test_a_query_fits_what_the_agent_declares(asked: dashboards.Asked) -> None:
    has = promql.labels(asked.plain)
    assert set(re.findall(r"{{(\w+)}}", asked.legend)) <= has


def test_every_measure_has_its_place() -> None:
    asked = {name for each in dashboards.asked() for name in promql.named(each.plain)}
    assert {*promql.OURS} <= {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}


def test_a_metric_without_a_place_gets_one_at_the_end() -> None:
    assert set(generator.unplaced(list(dashboards.BOARDS.values()))) == set()
    assert "qoe_noise_ratio" in generator.unplaced([fleet.dashboard()])
    *_, heading, last = stream.dashboard(["qoe_noise_ratio"])["panels"]
    assert (heading["title"], last["title"]) == ("More", "qoe_noise_ratio")
    assert promql.named(plain(last["targets"][0]["expr"])) == {"qoe_noise_ratio"}


@PER_PANEL
def test_a_panel_says_what_it_shows(uid: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    formats = [panel["fieldConfig"]["defaults"]["unit"]]
    for override in panel["fieldConfig"]["overrides"]:
        formats += [each["value"] for each in override["properties"] if each["id"] == "unit"]
    assert set(formats) <= UNITS


def test_every_curve_has_a_name_where_there_are_no_regions_vantage_points_or_renditions() -> None:
    for asked in dashboards.asked():
        words = re.sub(r"\{\{\w+\}\}", "", asked.legend).strip()
        assert words or set(re.findall(r"\{\{(\w+)", asked.legend)) - {"region", "vantage", "rendition"}, asked.where


@PER_PANEL
def test_its_columns_are_those_that_it_has(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] != "table":
        return
    organize = panel["transformations"][-1]["options"]
    has = {label for target in panel["targets"] for label in promql.labels(plain(target["expr"]))}
    values = [f"Value #{target['refId']}" for target in panel["targets"]] if len(panel["targets"]) > 1 else ["Value"]
    assert list(organize["renameByName"]) == values
    assert organize["excludeByName"].keys() <= {*values, *has, "Time", "__name__"}
    shown = {*organize["renameByName"].values(), *has}
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= shown
    assert {order["displayName"] for order in panel["options"]["sortBy"]} <= shown


@PER_BOARD
def test_variables_are_defined_before_they_are_used(uid: str) -> None:
    board = dashboards.BOARDS[uid]
    known = {"__rate_interval", "__range", "__url_time_range", "__data", "__field"}
    for variable in board["templating"]["list"]:
        if "query" in variable and isinstance(variable["query"], dict):
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
            assert set(re.findall(r"\$(\w+)", series)) <= known
            assert label in promql.labels(plain(series))
        known.add(variable["name"])
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([board["panels"], board["annotations"]])))
    assert used <= known | {"1"}
    for name in re.findall(r"\?var-(\w+)=", json.dumps(board["panels"])):
        assert any(name == each["name"] for each in dashboards.BOARDS["qoe-stream"]["templating"]["list"])


@PER_BOARD
def test_curves_and_columns_of_streams_lead_to_the_stream(uid: str) -> None:
    for panel in dashboards.BOARDS[uid]["panels"] if uid != "qoe-stream" else ():
        links = [each["url"] for each in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ())]
        by_stream = all("stream" in promql.labels(plain(each["expr"])) for each in panel.get("targets", ()))
        if panel["type"] in ("timeseries", "state-timeline"):
            assert bool(links) == by_stream, panel["title"]
        assert all(url.startswith("/d/qoe-stream/?var-stream=${__field.labels.stream}&") for url in links)


@PER_BOARD
def test_annotations_are_of_what_the_dashboard_shows(uid: str) -> None:
    """Marks of other streams on the dashboard of one would be read as its own."""
    board = dashboards.BOARDS[uid]
    (stream,) = [each for each in board["templating"]["list"] if each["name"] == "stream"] or [None]
    for mark in board["annotations"]["list"]:
        if stream and "expr" in mark:
            assert 'stream=~"$stream"' in mark["expr"], mark["name"]


def test_nothing_has_no_better_name_than_its_metric() -> None:
    titles = [panel["title"] for board in dashboards.BOARDS.values() for panel in board["panels"]]
    assert [title for title in titles if title.startswith("qoe_")] == []


@PER_BOARD
def test_panels_lie_side_by_side(uid: str) -> None:
    board, taken = dashboards.BOARDS[uid], set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@PER_BOARD
def test_grafana_can_read_it(uid: str) -> None:
    register_default_plugins()
    board = dashboards.BOARDS[uid]
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    assert [path for path in lost(board, read) if path.rsplit("/", 1)[-1] not in OF_PROMETHEUS] == []


def lost(written: Any, read: Any, path: str = "") -> list[str]:
    """What is not the same after it was read: an option that is unknown there, or of another type."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [each for key in written for each in lost(written[key], read.get(key, KeyError), f"{path}/{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        return [each for pair in zip(written, read, strict=True) for each in lost(*pair, path)]
    return [] if written == read else [path]


def test_an_option_that_grafana_does_not_know_is_found() -> None:
    register_default_plugins()
    board = json.loads(json.dumps(dashboards.BOARDS["qoe-fleet"]))
    panel = next(each for each in board["panels"] if each["type"] == "timeseries")
    panel["options"]["legend"]["displayModus"] = "list"
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    assert "/panels/options/legend/displayModus" in lost(board, read)


def test_provisioning_is_as_grafana_wants_it() -> None:
    """Keys as in https://grafana.com/docs/grafana/latest/administration/provisioning/."""
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "qoe-agent.yml").read_text())["providers"]
    assert (provider["type"], set(provider["options"])) == ("file", {"path"})
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    scraped = yaml.safe_load((promql.FOLDER / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def plain(expression: str) -> str:
    return dashboards.Asked("", expression).plain
