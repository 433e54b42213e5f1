"""Against real nginx: what is kept of an incident, fetched as a person would; clips are played by a real browser."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from qoe_agent.decode import clips
from qoe_agent.demo.faults import Fault
from qoe_agent.evidence.mark import mark, name
from qoe_agent.evidence.shelf import Shelf
from tests.e2e import browser, servers
from tests.e2e.publisher import Publisher
from tests.evidence.test_clips import taken

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.beside]


def fetched(port: int, path: str, **headers: str) -> Any:
    """Status, headers and body of an answer."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=servers.ANSWER) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


async def test_a_black_picture_leaves_stills_and_a_clip(nginx: servers.Nginx, tmp_path: Path) -> None:
    url, folder = nginx.rtmp("show"), tmp_path / "kept"
    more = f"agent: {{evidence: {{folder: '{folder}'}}}}\n"
    with Publisher(url) as publisher:
        async with servers.agent(tmp_path / "agent", {"show": f"{url}?key=hunter2"}, "all", more) as agent:
            await servers.until(lambda: 'qoe_up{stream="show"} 1' in servers.exposition(agent.port), "up")
            await asyncio.sleep(4)
            publisher.inject(Fault("black", 0.5, 3))

            def black() -> list[dict[str, Any]]:
                cases = json.loads(fetched(agent.port, "/evidence?stream=show")[2])
                return [case for case in cases if case["incidents"][0]["kind"] == "black"]

            (case,) = await servers.until(black, "evidence")
            assert case["files"] == ["case.json", "before.jpg", "at.jpg", "clip.mp4"]
            (said,) = case["answers"]
            assert said["kind"] == "headers"
            assert "code: NetConnection.Connect.Success" in said["lines"]
            given = {}
            for called in case["files"]:
                status, headers, given[called] = fetched(agent.port, f"/evidence/{case['name']}/{called}")
                assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
            status, headers, part = fetched(agent.port, f"/evidence/{case['name']}/clip.mp4", Range="bytes=0-99")
            assert (status, headers["Content-Type"], len(part)) == (206, "video/mp4", 100)
            assert fetched(agent.port, f"/evidence/{case['name']}/../../agent.yml")[0] == 404
            kept = 'qoe_evidence_cases_total{result="kept"} 1'
            await servers.until(lambda: kept in servers.exposition(agent.port), "the count")
            await servers.until(lambda: "was given to 127.0.0.1" in agent.told(), "the audit line")
            assert "hunter2" not in agent.told()
    assert all(b"hunter2" not in data for data in given.values())
    light = [cv2.imdecode(np.frombuffer(given[n], np.uint8), cv2.IMREAD_GRAYSCALE) for n in ("before.jpg", "at.jpg")]
    assert float(light[0].mean()) > 30 > 5 > float(light[1].mean())
    with av.open(io.BytesIO(given["clip.mp4"])) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        means = [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    (fault,) = publisher.injected
    assert fault.end_pts is not None
    assert sum(mean < 20 for mean in means) / 25 == pytest.approx(fault.end_pts - fault.start_pts, abs=0.1)
    assert len(means) / 25 > 8


async def test_a_person_logs_in_and_plays_the_clip(tmp_path: Path) -> None:
    """From the link of a notification: the form, the stream's page, the clip by itself."""
    token, port, folder = "a-token-of-many-letters", servers.free_port(), tmp_path / "kept"
    marked = mark("show", "", "black", "", 1_800_000_000.0)
    case = name("show", "black", marked, 1_800_000_000.0)
    said = {"stream": "show", "incidents": [{"kind": "black", "mark": marked, "start": 1_800_000_000.0}]}
    files = {"case.json": json.dumps(said).encode(), "clip.mp4": clips.clip(*taken("h264.flv")).data}
    Shelf(str(folder), 1 << 24, 1e9).put(case, files, 1_800_000_000.0)
    (tmp_path / "agent.yml").write_text(
        f"web: {{listen: '127.0.0.1:{port}', token: {token}}}\n"
        f"agent: {{workers: 0, evidence: {{folder: '{folder}'}}}}\n"
        f"streams: [{{name: show, url: 'http://127.0.0.1:{servers.free_port()}/a.flv'}}]\n"
    )
    command = (sys.executable, "-m", "qoe_agent", "run", tmp_path / "agent.yml")
    async with servers.running(*command, log=tmp_path / "agent.log") as process:
        await servers.comes(process, lambda: servers.answers(port), "the agent", tmp_path / "agent.log")
        where = f"http://127.0.0.1:{port}/streams/show?at=1800000000&incident={marked}"
        async with browser.browse(where) as page:
            assert await page.run("location.pathname") == "/login"
            await page.run(
                f"document.querySelector('input').value = '{token}'; document.querySelector('form').submit()"
            )
            await page.until("location.pathname == '/streams/show' && document.readyState == 'complete'")
            assert await page.run("location.search") == f"?at=1800000000&incident={marked}"
            await page.run("[...document.links].find(link => link.href.endsWith('clip.mp4')).click()")
            await page.until("document.querySelector('video')?.readyState >= 2")


PLAYED = """new Promise(done => {
  const video = document.querySelector('video');
  video.onerror = () => done({error: video.error.message});
  video.onseeked = () => done({at: video.currentTime, width: video.videoWidth, seconds: video.duration});
  video.oncanplay = () => { video.oncanplay = null; video.currentTime = 3; };
  video.load();
})"""


@pytest.mark.parametrize("stream", ["h264.flv", "h264.ts", "av1.flv", "open_gop.ts"])
async def test_a_browser_plays_a_clip_and_winds_it(stream: str, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(clips.clip(*taken(stream)).data)
    (tmp_path / "page.html").write_text('<!DOCTYPE html><video muted src="clip.mp4"></video>')
    async with browser.browse((tmp_path / "page.html").as_uri()) as page:
        said = await page.run(PLAYED)
    assert said == {"at": 3, "width": 192, "seconds": pytest.approx(6.0, abs=0.15)}
