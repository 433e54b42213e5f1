"""Real players report a live stream, its stall and their end as CMCD events to the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import players, servers
from tests.e2e.browser import browse
from tests.e2e.publisher import Publisher

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow", reason="needs the extra viewers")
pytestmark = [pytest.mark.e2e, pytest.mark.beside]


async def test_players_report_how_they_start_play_and_stall(
    nginx: servers.Nginx, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """hls.js says all of it. The compiled shaka 5.2.12 never says what it does (`sta`): it starts and is there."""
    which = {"hls": players.HLS_JS, "shaka": players.SHAKA}
    scripts = {name: players.library(request.config.cache, player) for name, player in which.items()}
    said: dict[str, list[dict[str, Any]]] = {}
    async with players.ingest(tmp_path) as ingest:

        def stalled() -> bool:
            for name in which:
                said[name] = [row for row in ingest.events() if row["session"] == name]
            states = [row.get("state") for row in said["hls"]]
            return "playing" in states and "stalled" in states[states.index("playing") :]

        with Publisher(nginx.rtmp("show", "hls")) as publisher:
            await servers.until(lambda: nginx.listed("show"), "a playlist")
            async with browse(f"http://127.0.0.1:{nginx.http_port}/none") as page:  # a page of the stream's origin
                for name, player in which.items():
                    await page.run(scripts[name] + "\n;true")
                    await page.run(players.started(player, ingest.port, name))
                await page.until("[...document.querySelectorAll('video')].every((video) => video.currentTime > 1)")
                publisher.stop()
                await servers.until(stalled, f"a stall: {said}")
    for events in said.values():
        once(events)
    hls, shaka = said["hls"], said["shaka"]
    states = [row["state"] for row in hls if "state" in row]
    assert "starting" in states[: states.index("playing")]
    assert any(row["kind"] == "stall" for row in hls)
    assert {row["arm"] for row in hls} == {"hd"}
    assert len({row["user_key"] for row in hls}) == 1
    assert "u42" not in str(hls)
    assert len(shaka) > 2
    assert [row["startup_ms"] for row in shaka if "startup_ms" in row], "how long it took to start"


def once(events: list[dict[str, Any]]) -> None:
    """Each report is there once, at the right time, and says nothing that its player did not know."""
    assert {row["stream"] for row in events} == {"show"}
    numbers = [row["sn"] for row in events]
    assert len(set(numbers)) == len(numbers)
    assert all(abs(row["at_ms"] - row["received_ms"]) < 20_000 for row in events)
    assert all(row.get("bytes_per_second") != 0 for row in events), "unknown is absent"
    assert not [row for row in events if row.get("cause") == "quit"], "players never say that they are closed"
