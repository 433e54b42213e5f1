"""The page of one stream while it is watched, is gone, and is back."""

from __future__ import annotations

import re
from itertools import product

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qoe_agent import clock
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from qoe_agent.web import stream_page
from qoe_agent.web.hour import drawn
from qoe_agent.web.live import Live
from qoe_agent.web.stream_page import TABLE, View
from qoe_agent.web.words import LABELS, LANGUAGES, Reader
from tests.web.scenes import METRICS, Stage

ROOM = Key("room")


NAMES = {"sei", "rtcp", "prft", "act", "pdt", "onfi"}
"""Where capture times come from: names in any language."""


def view(stage: Stage, language: str = "en") -> View:
    stand = stage.scene.find("room")
    assert stand
    return View(stage.scene, stand, Reader(language))


async def test_incidents_stand_beside_how_many_viewers_left_and_how_many_would_have() -> None:
    stage = Stage("room")
    stage.put("room", "qoe_video_height_pixels", 1080.0)
    stage.put("room", "qoe_viewer_sessions", 250.0)
    for kind in ("stall", "black"):
        stage.board.put(ROOM, Incident(kind, stage.now - 90.0, stage.now - 80.0, "critical"), stage.now)
    assert "Viewers who left" not in (await view(stage).fragments())["incidents"].html
    stage.agent.left = {("stall", stage.now - 90.0): (46.0, 8.25)}
    found = (await view(stage).fragments())["incidents"].html
    assert "Viewers who left" in found
    assert found.count("46 (as usual: 8.25)") == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_measured_says_in_words_how(language: str) -> None:
    """Every label that the table shows, with every value that its metric's help names."""
    stage = Stage("room")
    for name, *_ in TABLE:
        metric = METRICS[name]
        told = [set(re.findall(r"\w+", metric.help)) & (LABELS.keys() | NAMES), {"audio", "video"}]
        values = [told[label == "track"] for label in metric.labels]
        for labels in product(*values):
            stage.put("room", name, 1.0, *labels)
    rows = re.findall(r'<th scope="row">(.+?)</th>', (await view(stage, language).fragments())["measured"].html)
    bracketed = [word for row in rows for part in re.findall(r" \((.+?)\)$", row) for word in re.split(", |、", part)]
    assert len(set(bracketed)) >= len(LABELS) - 3, "the same is said of more than one label"
    raw = LABELS.keys() - {text for text, _ in LABELS.values()}
    assert not set(bracketed) & raw
    if language == "zh":
        assert {word for word in bracketed if word.isascii()} <= NAMES


async def test_a_link_to_a_stream_that_there_is_not_leads_to_a_page_that_says_so() -> None:
    stage = Stage("room")
    app = web.Application()
    app.add_routes(stream_page.routes(stage.scene, Live(lambda _: True, lambda: None)))
    async with TestClient(TestServer(app)) as client, client.get("/streams/<gone>?lang=zh") as answer:
        text = await answer.text()
    assert answer.status == 404
    assert "没有名为 &lt;gone&gt; 的直播流。" in text
    assert 'href="/?lang=zh"' in text


async def test_what_is_wrong_now_leads_to_what_to_do() -> None:
    stage = Stage("room")
    stage.put("room", "qoe_video_height_pixels", 1080.0)
    stage.wrong("room", "black", "critical")
    assert 'href="/runbook#black">what to do</a>' in (await view(stage).fragments())["head"].html


async def test_viewers_are_drawn_below_the_stream_and_each_of_its_renditions() -> None:
    stage = Stage("room")
    history = stage.agent.history
    for _ in range(3):
        stage.put("room", "qoe_viewer_sessions", 250.0)
        history.take(clock.now())
    for key in (ROOM, Key("room", "480p")):
        assert "Viewers: 250 to 250" in drawn(stage.scene, [key], Reader("en"), clock.now())


async def test_a_page_that_was_open_while_the_stream_was_gone_recovers() -> None:
    stage = Stage("room")
    stage.put("room", "qoe_video_height_pixels", 1080.0)
    shown = view(stage)
    before = await shown.fragments()
    assert "1080 px" in before["measured"].html

    del stage.states[ROOM]
    stage.tell()
    stage.board.remove(ROOM, stage.now - 1000.0)
    stage.board.sweep(clock.now())
    gone = await shown.fragments()
    assert gone.keys() == before.keys()
    assert "1080 px" not in gone["measured"].html
    assert all(f'id="{name}"' in fragment.html for name, fragment in gone.items())
    assert "not watched" in gone["head"].html

    stage.board.add(ROOM, {})
    stage.state("room", "up")
    stage.put("room", "qoe_video_height_pixels", 720.0)
    back = await shown.fragments()
    assert "720 px" in back["measured"].html
    assert 'class="badge up"' in back["head"].html
