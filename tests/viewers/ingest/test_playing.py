"""Who plays: what one source says is nothing to another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers.ingest import callbacks
from qoe_agent.viewers.ingest.playing import Playing
from qoe_agent.viewers.ingest.remembering import Remembering

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_014_400_000
CALLS = ("play", "play_done", "update_play")
PLAY, DONE, UPDATE = (f"app=live&clientid=4&call={call}&name=s1".encode() for call in CALLS)
ENDED = b"app=live&clientid=1&call=publish_done&name=s1"


@pytest.mark.parametrize("playing", [Playing(), Remembering()])
def test_another_source_ends_and_begins_nothing_of_this_one(playing: Playing) -> None:
    edge, web = playing.of("edge"), playing.of("web")
    (join,) = callbacks.nginx(PLAY, {}, edge, NOW)
    assert callbacks.nginx(ENDED, {}, web, NOW + 1) == []
    assert callbacks.nginx(DONE, {}, web, NOW + 2)[0]["session"] != join["session"]
    callbacks.nginx(PLAY + b"&session=forged", {}, web, NOW + 3)
    (beat,) = callbacks.nginx(UPDATE, {}, edge, NOW + 4)
    assert (beat["session"], beat["state"]) == (join["session"], "playing")
    assert callbacks.nginx(DONE, {}, edge, NOW + 5)[0]["session"] == join["session"]


def test_a_server_name_cannot_pass_for_another_source() -> None:
    playing = Playing()
    playing.of("edge").begin(("", "4"), "s", "live/s1")
    playing.of("web").begin(("edge\n", "4"), "forged", "live/s1")
    player = playing.of("edge").get(("", "4"))
    assert player
    assert player.session == "s"


def test_a_source_without_end_pushes_out_its_own_players_only() -> None:
    playing = Playing(most=4)
    playing.of("edge").begin(("", "1"), "s", "live/s1")
    for each in range(20):
        playing.of("web").begin(("", str(each)), f"forged-{each}", "live/s1")
    assert playing.of("edge").get(("", "1"))
    assert playing.of("web").those("") == [("", "17"), ("", "18"), ("", "19")]


def test_what_is_saved_is_of_its_source_still_and_says_when_it_was_true(tmp_path: Path) -> None:
    before, after, file = Playing(), Playing(), tmp_path / "playing.json"
    before.of("edge").begin(("", "1"), "s", "live/s1")
    before.of("edge").updated(("", "1"))
    before.save(file)
    os.utime(file, (1.0, 1.0))
    before.save(file)
    after.load(file)
    assert after.true_at is not None
    assert after.true_at > 1.0
    assert [(source, player.session, player.updates) for source, player in after.all()] == [("edge", "s", True)]
    assert after.of("web").get(("", "1")) is None
