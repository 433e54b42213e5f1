"""The beacon in a real browser: what a <video> does, and that its viewer closed the page, reaches the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import players, servers
from tests.e2e.browser import browse

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow", reason="needs the extra viewers")
pytestmark = [pytest.mark.e2e, pytest.mark.beside]

PICTURES = """(async () => {
  const canvas = document.createElement('canvas'); const pen = canvas.getContext('2d');
  setInterval(() => pen.fillRect(Math.random() * 99, 0, 9, 9), 30);
  const video = document.createElement('video'); video.muted = true; document.body.append(video);
  video.srcObject = canvas.captureStream(30); await video.play(); return true; })()"""
BEACON = """new Promise((done) => { const it = document.createElement('script');
  it.src = '%s'; Object.assign(it.dataset, %s); it.onload = () => done(true); document.head.append(it); })"""


async def test_who_closes_the_page_has_left_and_what_he_saw_is_known(nginx: servers.Nginx, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []

    def left() -> bool:
        events[:] = ingest.events()
        return any(event["kind"] == "leave" for event in events)

    async with players.ingest(tmp_path) as ingest:
        source = f"http://127.0.0.1:{ingest.port}/in/{players.KEY}/beacon.js"
        async with browse(f"http://127.0.0.1:{nginx.http_port}/none") as page:
            await page.run(PICTURES)
            await page.run(BEACON % (source, "{stream: 'show', user: 'u42', arm: 'hd', cfAsync: 'false'}"))
            await page.run("document.querySelector('video').dispatchEvent(new Event('waiting')), true")
            await page.run("new Promise((done) => setTimeout(() => done(true), 250))")
            await page.run("document.querySelector('video').dispatchEvent(new Event('playing')), true")
            await page.ask("Page.navigate", url="about:blank")
            await servers.until(left, "a leave")
    assert [event["kind"] for event in events] == ["join", "heartbeat", "stall", "heartbeat", "leave"]
    assert [event["state"] for event in events] == ["playing", "stalled", "stalled", "playing", "playing"]
    assert events[1]["at_ms"] == events[2]["at_ms"], "the same stall, told twice"
    assert 200 < events[2]["stall_ms"] < 5000
    assert {(event["stream"], event["arm"], event["user_key"]) for event in events} == {
        ("show", "hd", events[0]["user_key"])
    }
    assert events[-1]["cause"] == "quit"
    assert "u42" not in str(events)
