"""Charts: lines that break where nothing is known, axes that hold what they say, incidents that can be reached."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from qoe_agent import clock
from qoe_agent.sink import Key
from qoe_agent.web.chart import Band, Row, Span, _lanes, coarse, runs, spark, timeline
from qoe_agent.web.hour import drawn, incident_id, recent
from qoe_agent.web.words import Reader
from tests.web.scenes import Stage

EN = Reader("en")


def hour(stage: Stage, *names: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn(stage.scene, [Key(name) for name in names], EN, clock.now()))


def test_a_line_is_broken_where_nothing_is_known() -> None:
    points = [(0.0, 1.0), (10.0, 1.0), (40.0, 2.0), (50.0, 2.0)]
    assert list(runs(points)) == [points[:2], points[2:]]
    assert list(runs([])) == []
    text = timeline([Row("Height", "px", [points])], [], Span(0.0, 3600.0), "hour", [])
    (path,) = re.findall(r'class="line line0" d="([^"]+)"', text)
    assert path.count("M") == 2


def test_the_means_of_a_coarse_line_lie_within_their_stretch() -> None:
    points = [(float(at), float(at % 20)) for at in range(0, 3600, 10)]
    found = coarse(points, 0.0, 90)
    assert len(found) == 90
    assert {value for _, value in found} == {5.0}


@pytest.mark.parametrize("missing", [1, 2, 5])
def test_a_tiles_line_is_broken_where_one_value_is_not_known(missing: int) -> None:
    points = [(float(at), 1e6) for at in range(0, 3600, 10) if not 1800 <= at < 1800 + 10 * missing]
    (path,) = re.findall(r'class="line" d="([^"]+)"', spark(points, [], 0.0, "label"))
    before, after = path.removeprefix("M").split("M")
    assert float(before.split("L")[-1].split(",")[0]) < 1800
    assert float(after.split(",")[0]) >= 1800 + 10 * missing
    assert len(list(runs(points))) == 2


def test_stalls_are_marked_where_they_were() -> None:
    points = [(float(at), 1e6) for at in range(0, 3600, 10)]
    stalls = [(at, 2.0 if at == 1800 else 0.0) for at, _ in points]
    text = spark(points, stalls, 0.0, "label")
    (marks,) = re.findall(r'class="mark" d="([^"]+)"', text)
    assert re.fullmatch(r"M18[0-3]\d,100v-22", marks)
    assert 'aria-label="label"' in text
    assert "mark" not in spark(points, [(0.0, 0.0)], 0.0, "label")


def test_incidents_at_the_same_time_lie_beside_each_other() -> None:
    bands = [Band(start, end, "warning", "", "") for start, end in ((0, 100), (50, 200), (150, 160), (300, 310))]
    assert _lanes(bands) == [0, 1, 0, 0]
    assert max(_lanes([Band(0, 9, "info", "", "")] * 50)) < 6


def test_the_hour_has_a_row_a_measure_and_a_text_for_each() -> None:
    stage = Stage("room")
    stage.hour("room", 4e5, gap=range(100, 150))
    found = hour(stage, "room")
    rows = [each.get("aria-label") for each in found.iter("g")]
    assert rows == ["Bitrate: 3.2 to 3.2 Mb/s", "Height: 1080 to 1080 px"]
    heights = next(each for each in found.iter("path") if each.get("d", "").count("M") == 2)
    assert heights.get("class") == "line line0"
    assert len([each for each in found.iter("text") if each.get("class") == "time"]) in (5, 6)


def test_an_agent_that_began_lately_shows_what_it_knows() -> None:
    stage = Stage("room")
    for later in (130.0, 120.0, 110.0):
        stage.put("room", "qoe_video_height_pixels", 1080.0)
        stage.agent.history.take(stage.now - later)
    stage.wrong("room", "black", start=-1200, end=-1190)
    found = hour(stage, "room")
    times = [each for each in found.iter("text") if each.get("class") == "time"]
    assert 3 <= len(times) <= 5, "a mark each five minutes of twenty"
    (band,) = [each for each in found.iter("rect") if (each.get("class") or "").startswith("band")]
    assert band.get("x") == "0.00%"


def test_incidents_of_the_hour_can_be_reached_and_lead_to_their_rows() -> None:
    stage = Stage("room")
    stage.wrong("room", "black", "critical", start=-600, end=-570)
    stage.wrong("room", "stall", start=-8000, end=-7000)
    stage.wrong("room", "silence", start=-5000)
    found = hour(stage, "room")
    labels = {each.get("href"): each.get("aria-label") or "" for each in found.iter("a")}
    assert len(labels) == 2
    silence, black = recent(stage.scene, Key("room"), stage.now - 3600)
    assert "the picture is black" in labels[f"#{incident_id(Key('room'), black)}"]
    assert "30 s" in labels[f"#{incident_id(Key('room'), black)}"]
    assert "still going on" in labels[f"#{incident_id(Key('room'), silence)}"]


def test_two_streams_share_an_axis_and_are_told_apart_by_more_than_colour() -> None:
    stage = Stage("a", "b & c")
    stage.hour("a", 1e5)
    stage.board.add(Key("b & c"), {})
    stage.put("b & c", "qoe_up", 1.0)
    found = hour(stage, "a", "b & c")
    assert {each.get("class") for each in found.iter("path")} >= {"line line0", "line line1"}


def test_nothing_known_is_a_sentence() -> None:
    assert drawn(Stage("room").scene, [Key("room")], EN, clock.now()) == "<p>Nothing has been measured yet.</p>"
