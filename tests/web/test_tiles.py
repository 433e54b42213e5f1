"""The front page: what tiles say, in which order they stand, and what of them is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from qoe_agent import clock
from qoe_agent.config import Stream
from qoe_agent.history import STEP
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from qoe_agent.thumbnails import Thumbnails
from qoe_agent.web import tiles
from qoe_agent.web.front_page import Front
from qoe_agent.web.stand import OLD
from qoe_agent.web.tiles import Tiles, facts, stalled_in, stream_link, tile_id
from qoe_agent.web.words import DASH, Reader
from tests.web.scenes import Stage

if TYPE_CHECKING:
    from qoe_agent.web.live import Fragment

EN, ZH = Reader("en"), Reader("zh", asked=True)
ODD = '主播 <b>&"/房间?#7%'


def written(stage: Stage, name: str | Key, said: Reader = EN) -> str:
    """A stream's tile."""
    key = name if isinstance(name, Key) else Key(name)
    return Tiles(stage.scene, said).fragments()[tile_id(key)].html


def order(stage: Stage, **asked: object) -> list[str]:
    """The names of the tiles that are shown."""
    made = Tiles(stage.scene, EN)
    made.fragments()
    return [made.stands[each].key.shown for each in Front(made, EN, **asked).order()]  # type: ignore[arg-type]


def test_what_is_not_known_is_a_dash_and_never_nothing() -> None:
    assert [value for _, value in facts({}, "", None, EN)] == [DASH] * 5
    text = written(Stage("room"), "room")
    assert text.count(f"<dd>{DASH}</dd>") == 5
    assert "<svg" not in text
    assert "<img" not in text


def test_a_tile_says_what_is_measured() -> None:
    stage = Stage("room")
    stage.hour("room", 4e5)
    for metric, value, *labels in (
        ("qoe_video_width_pixels", 1920.0), ("qoe_frame_rate", 25.02, "measured"),
        ("qoe_latency_seconds", 2.31, "pdt", "transport"), ("qoe_av_offset_seconds", 0.16, "stamp"),
    ):  # fmt: skip
        stage.put("room", str(metric), float(value), *map(str, labels))
    text = written(stage, "room")
    for said in ("1920×1080 @ 25 fps", "3.2 Mb/s", "2.3 s (pdt)", "sound 160 ms late"):
        assert f"<dd>{said}</dd>" in text
    assert 'aria-label="Bitrate of the last hour: 3.2 Mb/s to 3.2 Mb/s"' in text
    assert "声音滞后 160 毫秒" in written(stage, "room", ZH)


@pytest.mark.parametrize(
    ("known", "name", "value"),
    [
        (3, "Stalled, last hour", DASH), (6, "Stalled, last 1 min", "0.5 s"), (60, "Stalled, last 10 min", "0.5 s"),
        (359, "Stalled, last hour", "0.5 s"),
    ],
)  # fmt: skip
def test_stalls_are_of_the_time_that_is_known(known: int, name: str, value: str) -> None:
    stalls = [(1000.0 - n * STEP, 0.5 if n == 0 else 0.0) for n in reversed(range(known))]
    assert (name, value) in facts({}, "", stalled_in(stalls, 1000.0), EN)


def test_a_tile_counts_the_stalls_of_the_last_hour() -> None:
    stage = Stage("room")
    for n in range(12):
        stage.put("room", "qoe_up", 1.0)
        stage.put("room", "qoe_watched_seconds_total", STEP)
        stage.put("room", "qoe_stall_seconds_total", 1.5 if n in (4, 8) else 0.0)
        stage.agent.history.take(stage.now - (12 - n) * STEP)
    assert "<dd>3.0 s</dd>" in written(stage, "room")
    for start in (-5000.0, -80.0, -40.0):
        stage.wrong("room", "stall", start=start, end=start + 1.5)
    assert "<dd>3.0 s (2×)</dd>" in written(stage, "room")


def test_a_state_is_told_by_word_and_shape_beside_its_colour() -> None:
    stage = Stage("a", "b", "c", "d")
    for name, state in (("a", "refused"), ("b", "connecting"), ("c", "ended"), ("d", "up")):
        stage.state(name, state)
    for name, mood, shape, words in (
        ("a", "down", "■", "down: connection refused"), ("b", "unknown", "○", "connecting"),
        ("c", "ended", "◆", "ended"), ("d", "up", "●", "up"),
    ):  # fmt: skip
        text = written(stage, name)
        assert f'class="tile {mood}"' in text
        assert f'<span aria-hidden="true">{shape}</span> {words}</span>' in text


def test_faults_are_named_the_worst_first_and_mere_news_are_none() -> None:
    stage = Stage("room")
    stage.wrong("room", "resolution_change", "info")
    assert 'class="tile up"' in written(stage, "room")
    stage.wrong("room", "silence", "warning")
    stage.wrong("room", "black", "critical", start=-3)
    stage.wrong("room", "stall", "critical", start=-50, end=-40)
    text = written(stage, "room")
    assert 'class="tile faulty"' in text
    assert text.index("the picture is black") < text.index("there is no sound")
    assert "stalls" not in text
    assert "resolution" not in text


def test_a_fault_is_as_bad_as_the_rules_have_it() -> None:
    stage = Stage("room")
    stage.wrong("room", "black", "critical")
    tiles = Tiles(stage.scene, EN)
    assert '<li class="critical">the picture is black' in tiles.fragments()[tile_id(Key("room"))].html
    stage.agent.alerts.severities["black"] = "warning"
    assert '<li class="warning">the picture is black' in tiles.fragments()[tile_id(Key("room"))].html
    stage.agent.alerts.severities["black"] = "info"
    assert 'class="tile up"' in tiles.fragments()[tile_id(Key("room"))].html
    assert [known.incident.severity for known in stage.scene.incidents(Key("room"))] == ["info"]


def test_a_stream_that_ended_is_down_where_it_should_be_there() -> None:
    stage = Stage("room")
    stage.agent.alerts.severities["ended"] = "warning"
    stage.wrong("room", "ended", "info")
    stage.state("room", "ended")
    assert 'class="tile down"' in written(stage, "room")
    assert "down: ended" in written(stage, "room")
    for state in ("ended", "not_found", "connecting"):
        stage.agent.alerts.quieted["room"] = "unexpected"
        stage.state("room", state)
        text = written(stage, "room")
        assert 'class="tile ended"' in text
        assert "off air, as expected" in text
        assert "has ended" not in text


def test_a_stream_that_is_tried_again_is_as_it_was_until_it_is_up() -> None:
    stage = Stage("room")
    for state, mood, words in (
        ("connecting", "unknown", "connecting"), ("silent", "down", "down: no media come"),
        ("connecting", "down", "down: no media come"), ("up", "up", "up"), ("connecting", "unknown", "connecting"),
    ):  # fmt: skip
        stage.state("room", state)
        text = written(stage, "room")
        assert f'class="tile {mood}"' in text
        assert f"</span> {words}</span>" in text


def test_maintenance_is_told() -> None:
    stage = Stage("room")
    stage.agent.alerts.quieted["room"] = "maintenance"
    stage.wrong("room", "black")
    assert 'class="tile faulty"' in written(stage, "room")
    assert "maintenance: nobody is told" in written(stage, "room")


def test_what_is_wrong_with_the_agent_itself_is_told() -> None:
    stage = Stage("room")
    stage.board.put(None, Incident("agent_overloaded", stage.now, None, "warning"), stage.now)
    assert "the agent is overloaded" in Tiles(stage.scene, EN).fragments()["agent"].html


def test_the_summary_counts() -> None:
    stage = Stage("a", "b", "c")
    stage.state("a", "refused")
    stage.wrong("b", "black")
    text = Tiles(stage.scene, EN).fragments()["summary"].html
    assert re.findall(r"</span> (\d \w[\w ]*)<", text) == ["1 down", "1 with faults", "1 up"]


def test_names_of_any_letters_are_escaped_and_their_links_lead_to_them() -> None:
    text = written(Stage(ODD), ODD, ZH)
    assert "<b>" not in text
    assert "主播 &lt;b&gt;&amp;&quot;/房间?#7%</a>" in text
    assert stream_link(Key(ODD), ZH) in text
    assert re.fullmatch(r"/streams/[\w%.-]+\?lang=zh", stream_link(Key(ODD), ZH), re.ASCII)


def test_ids_tell_streams_from_renditions() -> None:
    keys = [Key("a"), Key("a", "b"), Key("a/b"), Key(ODD)]
    assert len({tile_id(key) for key in keys}) == len(keys)
    assert all(re.fullmatch(r"s-[0-9a-f]{12}", tile_id(key)) for key in keys)


def test_the_worst_stand_first_or_all_by_name() -> None:
    stage = Stage("d", "a", "c", "b")
    stage.state("c", "refused")
    stage.wrong("b", "silence", "warning")
    stage.wrong("d", "black", "critical")
    assert order(stage) == ["c", "d", "b", "a"]
    assert order(stage, by_name=True) == ["a", "b", "c", "d"]
    assert order(stage, only_bad=True) == ["c", "d", "b"]
    assert order(stage, find="A") == ["a"]


def test_a_filtered_page_takes_up_what_turns_bad_and_keeps_what_it_has() -> None:
    stage = Stage("room", "other")
    made = Tiles(stage.scene, EN)
    view = Front(made, EN, "room", True)
    made.fragments()
    assert [view.wants(tile_id(key)) for key in stage.keys] == [True, False]
    assert not view.adds(tile_id(Key("room")))
    stage.wrong("room", "black")
    made.fragments()
    assert view.adds(tile_id(Key("room")))


def test_a_tile_is_written_again_only_when_it_has_changed() -> None:
    stage = Stage("room", "other")
    made = Tiles(stage.scene, EN)
    before = made.fragments()
    stage.put("room", "qoe_av_offset_seconds", 0.04, "stamp")
    after = made.fragments()
    here, there = tile_id(Key("room")), tile_id(Key("other"))
    assert after[there] is before[there]
    assert after[here] != before[here]
    assert after[here].said == before[here].said == "room: up"


def test_lines_are_drawn_anew_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(*map(str, range(10)))
    made, drawn = Tiles(stage.scene, EN), []
    made.fragments()
    monkeypatch.setattr(tiles, "_line", lambda *told: drawn.append(1) or tiles.Safe())
    at = clock.now()
    for later, least, most in ((1, 0, 0), (tiles.LINE, 1, 3), (2 * tiles.LINE, 7, 10)):
        drawn.clear()
        monkeypatch.setattr(clock, "now", lambda later=later: at + later)
        made.fragments()
        assert least <= len(drawn) <= most


def test_streams_that_are_gone_are_forgotten() -> None:
    stage = Stage("room", "other")
    made = Tiles(stage.scene, EN)
    made.fragments()
    del stage.states[Key("room")]
    stage.tell()
    found: dict[str, Fragment] = made.fragments()
    assert tile_id(Key("room")) not in found
    assert len(made._written) == len(made._hours) == 1


def test_pictures_are_asked_for_while_somebody_looks_and_shown_by_their_time() -> None:
    wanted: list[float] = []
    stage = Stage(Key("ladder & co", "720p"))
    key = stage.keys[0]
    stage.agent.thumbnails = pictures = Thumbnails(wanted.append)
    assert "<img" not in written(stage, key)
    assert wanted
    pictures.follow([Stream(name="ladder & co", url="rtmp://127.0.0.1:9/live/x")])
    pictures.take(key, stage.now, b"jpeg")
    text = written(stage, key)
    assert f'src="/thumbnails?stream=ladder+%26+co&amp;rendition=720p&amp;at={stage.now:.1f}"' in text
    assert f'alt="Latest picture of ladder &amp; co/720p, of {EN.clock(stage.now)}"' in text


def test_an_old_picture_shows_how_a_stream_was_that_is_down_not_how_one_is_that_is_up() -> None:
    stage = Stage("room")
    stage.agent.thumbnails.follow([Stream(name="room", url="rtmp://127.0.0.1:9/live/x")])
    stage.agent.thumbnails.take(Key("room"), stage.now - OLD - 1.0, b"jpeg")
    assert "no picture" in written(stage, "room")
    stage.state("room", "silent")
    assert "<img" in written(stage, "room")


def test_which_part_of_the_picture_is_wrong_is_said() -> None:
    stage = Stage("room")
    for key in ("guest", "host"):
        stage.board.put(Key("room"), Incident("tile_content_freeze", clock.now(), None, "warning", key), clock.now())
    assert "guest: frozen picture" in written(stage, "room")
    assert "host: frozen picture" in written(stage, "room")
