"""Scenarios: each profile that is shipped stands alone, says only what has an effect, and names what exists."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent import catalogue, config
from qoe_agent.alerts import wishes
from qoe_agent.alerts.cases import Notice, Report
from qoe_agent.alerts.policy import step
from qoe_agent.config import document, shipped
from qoe_agent.config.probing import options
from qoe_agent.config.root import PROFILES
from qoe_agent.maths.tiles import Tile, grid
from qoe_agent.maths.view import View
from qoe_agent.model import Incident, Picture
from qoe_agent.probes import declarations
from qoe_agent.probes.tiles import Tiles
from tests.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.alerts.cases import State

FOLDER = Path(__file__).parents[2] / "configs" / "profiles"
SCENARIOS = {
    "single_host": "单主播", "co_hosting": "连麦", "pk": "PK", "switch_1v1": "转1v1", "multi_screen": "多人连屏",
    "outdoor_mobile": "户外", "replay": "回放", "cross_border": "出海",
}  # fmt: skip
each = pytest.mark.parametrize("name", SCENARIOS)


def text(name: str) -> str:
    return (FOLDER / f"{name}.yml").read_text("utf-8")


def profile(name: str) -> config.Profile:
    return config.parse("", "agent.yml", {}).profiles[name]


def watched(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """The metrics, with their labels, that the head of a profile says to watch."""
    head = text(name).split("\nprofiles:")[0].replace("\n# ", " ")
    listed = re.search(r"Watch (.*?)\.\s", head)
    assert listed, name
    found = re.findall(r"(qoe_\w+)(?:\{([\w,]+)\})?", listed[1])
    return [(metric, tuple(labels.split(",")) if labels else ()) for metric, labels in found]


def test_every_scenario_has_its_file_and_every_file_is_built_in() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SCENARIOS) == set(shipped.profiles())
    assert set(SCENARIOS) < set(PROFILES)


def test_what_an_editor_leaves_beside_them_is_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pk.yml").write_text(text("pk"))
    (tmp_path / "pk.yml~").write_text(text("pk").replace("profiles:", "profiles: {pk: {decode: none}}\nothers:"))
    (tmp_path / ".pk.yml.swp").write_bytes(b"b0VIM\x00\xff")
    (tmp_path / ".#pk.yml").symlink_to("somebody@somewhere.1234")
    monkeypatch.setattr(shipped, "FOLDER", str(tmp_path))
    assert shipped.profiles() == {"pk": PROFILES["pk"]}


@each
def test_a_profile_is_a_good_configuration_by_itself_and_is_what_is_built_in(name: str) -> None:
    made = config.load(str(FOLDER / f"{name}.yml"), {})
    assert list(document.read(text(name), None).data["profiles"]) == [name]
    assert made.profiles[name] == profile(name)
    assert SCENARIOS[name] in made.profiles[name].description


@each
def test_a_stream_that_chooses_a_profile_has_its_options(name: str) -> None:
    said = f"streams: [{{name: a, url: 'rtmp://127.0.0.1/a', profile: {name}}}]"
    made = config.parse(said, "agent.yml", {}).streams[0]
    for field in dataclasses.fields(config.StreamOptions):
        assert getattr(made, field.name) == getattr(profile(name), field.name)


def written(name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every option that a profile says, with its value, but for its thresholds: these are given as a whole."""

    def below(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        if isinstance(value, dict) and path[0] != "tiles":
            for key, inner in value.items():
                yield from below((*path, key), inner)
        else:
            yield path, value

    for key, value in PROFILES[name].items():
        if key not in ("description", "thresholds"):
            yield from below((key,), value)


@each
def test_what_a_profile_says_has_an_effect(name: str) -> None:
    made, plain = profile(name), config.StreamOptions()
    assert set(PROFILES[name]["thresholds"]) | {"lost"} == {each.name for each in dataclasses.fields(config.Thresholds)}
    for path, _ in written(name):
        if path[0] == "probes":
            _, probe, option = path
            assert made.probes[probe][option] != options()[probe][option].default, path
        elif path[:2] == ("alerts", "rules"):
            kind = path[2]
            assert wishes.rule_of(kind, made.alerts) != wishes.rule_of(kind, plain.alerts), path
        else:
            ours, theirs = made, plain
            for part in path:
                ours, theirs = getattr(ours, part), getattr(theirs, part)
            assert ours != theirs, path


@each
def test_a_profile_gives_reasons(name: str) -> None:
    """At least a line of them for every three of options."""
    lines = [line.strip() for line in text(name).splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith("#")]
    assert 3 * len(reasons) >= len(lines)


@each
def test_a_profile_names_metrics_and_labels_that_exist(name: str) -> None:
    known = {metric.name: metric.labels for metric in catalogue.metrics()}
    assert len(watched(name)) >= 4
    assert [(metric, labels) for metric, labels in watched(name) if known.get(metric) != labels] == []
    assert set(re.findall(r"\bqoe_\w+", text(name))) <= set(known)


def test_the_vendors_600_ms_are_called_a_claim() -> None:
    for name in ("co_hosting", "switch_1v1"):
        assert profile(name).thresholds.startup == 0.6
        assert re.search(r"600 ms is what vendors.*\n?.*claim", text(name))


@each
def test_the_probes_run_with_the_options_of_a_profile(name: str) -> None:
    """And what the profile's head names comes out of a probe that takes them."""
    said = f"streams: [{{name: a, url: 'rtmp://127.0.0.1/a', profile: {name}}}]"
    stream = config.parse(said, "agent.yml", {}).streams[0]
    observations = Script().open().play(5).resize(640, 360).play(5).lost().run().observations
    for probe, declared in declarations().items():
        made = declared.make(**stream.options_of(probe))
        for seen in observations:
            if isinstance(seen, declared.sees):
                list(made.feed(seen))
    of_streams = {metric.name for declared in declarations().values() for metric in declared.metrics}
    assert {metric for metric, _ in watched(name)} <= of_streams


def test_private_rooms_keep_nothing() -> None:
    assert profile("switch_1v1").evidence == "off"


def test_a_frozen_guest_is_told_sooner_where_people_talk_than_where_many_sit() -> None:
    rules = {name: wishes.rule_of("tile_content_freeze", profile(name).alerts) for name in SCENARIOS}
    assert rules["co_hosting"].lasting < rules["single_host"].lasting < rules["multi_screen"].lasting


def test_where_many_sit_an_empty_seat_is_no_fault_and_a_frozen_one_is() -> None:
    """Neither to `watch` nor to who is told: nothing is found."""
    probe = Tiles(tiles=profile("multi_screen").tiles, **profile("multi_screen").probes["tiles"])
    look = declarations()["tiles"].picture(probe)
    assert look is not None
    found, still = [], np.empty(0, np.uint8)
    plane = np.random.default_rng(1).integers(60, 200, (720, 960)).astype(np.uint8)
    for n in range(400):
        at, luma = n / 25, np.roll(plane, 3 * n, 1)
        luma[480:, 640:] = 16  # r3c3: nobody
        still = still if n >= 200 else luma[:240, :320].copy()
        luma[:240, :320] = still  # r1c1
        seen = Picture(at, 0, at, 960, 720, "yuv420p", n % 50 == 0, at, {})
        view = View(luma, at, key=seen.key, follows=n > 0)
        found += [each for each in probe.feed(replace(seen, looks={"tiles": look(view)})) if isinstance(each, Incident)]
    assert {(each.kind, each.key) for each in found} == {("tile_content_freeze", "r1c1")}


def test_a_grid_may_say_what_holds_for_all_of_it_and_nothing_else() -> None:
    def made(tiles: str) -> tuple[Tile, ...]:
        said = f"streams: [{{name: a, url: 'rtmp://127.0.0.1/a', tiles: {tiles}}}]"
        return config.parse(said, "agent.yml", {}).streams[0].tiles

    assert made("{grid: 2x2, freeze: false}") == tuple(replace(tile, freeze=False) for tile in grid(2, 2))
    assert [tile.name for tile in made("{grid: [0, 0, 1, 1]}")] == ["grid"]  # a region that is called so
    for wrong, told in (
        ("{grid: 2x2, region: [0, 0, 1, 1]}", "a grid has regions of its own"),
        ("{grid: 2x2, host: [0, 0, 1, 1]}", "unknown key"),
        ("{grid: 5x4, black: false}", "must be at most 16 tiles"),
        ("{a: [.nan, 0, 1, 1]}", "tiles.a: must be a number between 0 and 1"),
        ("{a: [2, 0, 1, 1]}", "tiles.a: must be a number between 0 and 1"),
    ):
        with pytest.raises(config.ConfigError, match=told):
            made(wrong)


def test_a_stream_s_tiles_replace_those_of_its_profile() -> None:
    said = "streams: [{name: a, url: 'rtmp://127.0.0.1/a', profile: co_hosting, tiles: 2x2}]"
    made = config.parse(said, "agent.yml", {}).streams[0]
    assert [tile.name for tile in made.tiles] == ["r1c1", "r1c2", "r2c1", "r2c2"]
    none = config.parse(said.replace("2x2", "{}"), "agent.yml", {}).streams[0]
    assert none.tiles == ()


def told(*incidents: tuple[str, str, float], until: float) -> dict[tuple[str, str], float]:
    """Of incidents (kind, key, start) on a stream of two people that go on: which are told, and when."""
    said = "streams: [{name: a, url: 'rtmp://127.0.0.1/a', profile: co_hosting}]"
    made = config.parse(said, "agent.yml", {})
    people = wishes.Configured(made.defaults.alerts, (), lambda stream, at: True)
    people.follow(made.streams)
    state: State = {}
    found: dict[tuple[str, str], float] = {}
    for n in range(round(until * 10)):
        now = 1000.0 + n / 10
        begun = [each for each in incidents if abs(1000.0 + each[2] - now) < 0.01]
        reports = [Report("a", "", Incident(kind, now, None, "warning", key)) for kind, key, _ in begun]
        for report in [*reports, None]:
            state, notices = step(people, state, report, now)
            found |= {(n.name.kind, n.name.key): now - 1000.0 for n in notices if isinstance(n, Notice)}
    return found


def test_a_frozen_guest_is_told_after_three_seconds_by_name() -> None:
    assert told(("tile_content_freeze", "guest", 0.0), until=5.0) == {
        ("tile_content_freeze", "guest"): pytest.approx(3.0, abs=0.11)
    }


@pytest.mark.parametrize(("whole", "part"), [("black", "tile_black"), ("content_freeze", "tile_content_freeze")])
def test_where_the_whole_picture_is_wrong_its_tiles_are_not_told(whole: str, part: str) -> None:
    both = told((whole, "", 0.0), (part, "host", 0.0), (part, "guest", 0.0), until=20.0)
    assert list(both) == [(whole, "")]
