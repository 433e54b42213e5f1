"""Against real nginx: each fault of a publisher is found, within 0.2 s of the truth (DECISIONS 9)."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from tests.e2e import servers, truth
from tests.e2e.publisher import Publisher

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.demo.faults import FaultKind
    from tests.e2e.truth import Span

pytestmark = pytest.mark.e2e

CLOSE = 0.2
"""Seconds that start and duration may be off."""
SURE = 0.1 + CLOSE
"""Seconds from which on a stall is none to one side only: 0.1 s (the probe's default), and as much as it may be off."""
SEEN = 50
"""Pictures of 25 a second of which some were surely on screen: playing begins half a second after the first came."""


def agree(seen: list[dict[str, Any]], true: list[Span]) -> None:
    """Every stall was seen when it was and for as long as it was, and no other."""
    true, seen = [each for each in true if each.seconds >= SURE], [each for each in seen if each["seconds"] >= SURE]
    assert true, "the test bed caused no stall"
    assert [each["start"] for each in seen] == pytest.approx([each.start for each in true], abs=CLOSE)
    assert [each["seconds"] for each in seen] == pytest.approx([each.seconds for each in true], abs=CLOSE)


def gap_between(publisher: Publisher, after: float) -> Span:
    """The longest silence of the publisher since `after`."""
    log = [packet.at for packet in publisher.log if packet.at >= after]
    start, end = max(itertools.pairwise(log), key=lambda pair: pair[1] - pair[0])
    return truth.Span(start, end)


async def come(nginx: servers.Nginx, name: str, app: str = "live") -> None:
    """Wait until a viewer who was sent for has been there for three seconds."""
    there = (lambda: nginx.served(name)) if app == "hls" else nginx.viewers
    await servers.until(there, "the viewer")
    await asyncio.sleep(3)


@pytest.mark.parametrize("kind", ["stall", "burst"])
async def test_a_publisher_that_pauses_on_rtmp(nginx: servers.Nginx, kind: FaultKind) -> None:
    """The player model on the publisher's own log says how long a viewer waited."""
    url = nginx.rtmp("show")
    with Publisher(url) as publisher:
        watching = asyncio.create_task(servers.watch(url, 13))
        await come(nginx, "show")
        asked = clock.now()
        publisher.inject(Fault(kind, 0.5, 5))
        watched = await watching
    joined = watched.document["started"] + (watched.value("qoe_play_start_seconds_sum") or 0) - 0.6
    agree(watched.incidents("stall"), truth.rtmp(publisher.log, joined))
    gap = gap_between(publisher, asked)
    (told,) = watched.incidents("delivery_gap")
    assert (told["start"], told["seconds"]) == pytest.approx((gap.start, gap.seconds), abs=CLOSE)
    assert (watched.status, watched.document["verdict"]) == (1, "bad")
    assert watched.value("qoe_stall_seconds_total") == pytest.approx(
        watched.incidents("stall")[0]["seconds"], abs=CLOSE
    )


@pytest.mark.parametrize("kind", ["stall", "burst"])
async def test_a_publisher_that_pauses_on_hls(nginx: servers.Nginx, kind: FaultKind) -> None:
    """Segments reach the viewer when nginx says that it sent them; the model on the publisher's log says the rest."""
    with Publisher(nginx.rtmp("show", "hls")) as publisher, truth.Listing(nginx.home / "hls/show.m3u8") as listing:
        await servers.until(lambda: nginx.listed("show", 4), "four segments")
        watching = asyncio.create_task(servers.watch(nginx.playlist("show"), 14))
        await come(nginx, "show", "hls")
        publisher.inject(Fault(kind, 0.5, 5))
        watched = await watching
        served = nginx.served("show")
    agree(watched.incidents("stall"), truth.hls([publisher.log], listing.segments, served))


@pytest.mark.parametrize("app", ["live", "hls"])
async def test_a_resolution_that_changes_in_mid_stream(nginx: servers.Nginx, app: str) -> None:
    """Both changes are told, at the media time at which they were made; nobody waited."""
    url = nginx.rtmp("show", app)
    with Publisher(url) as publisher:
        if app == "hls":
            await servers.until(lambda: nginx.listed("show", 4), "four segments")
        watching = asyncio.create_task(servers.watch(nginx.playlist("show") if app == "hls" else url, 13))
        await come(nginx, "show", app)
        publisher.inject(Fault("resolution_drop", 0.5, 4))
        watched = await watching
    (injected,) = publisher.injected
    there, back = watched.incidents("resolution_change")
    assert injected.seconds is not None
    assert back["start_pts"] - there["start_pts"] == pytest.approx(injected.seconds, abs=CLOSE)
    assert not watched.incidents("stall", "lost", "ended", "delivery_gap", "segment_error", "timestamp_jump")
    assert watched.value("qoe_resolution_changes_total") == 2
    assert watched.value("qoe_switch_gap_seconds_count", change="resolution") == 2
    assert watched.value("qoe_switch_gap_seconds_sum", change="resolution") == pytest.approx(0.0, abs=CLOSE)
    if app == "live":
        assert there["start"] == pytest.approx(injected.start, abs=CLOSE)
        assert back["start"] - there["start"] == pytest.approx(injected.seconds, abs=CLOSE)


def _seen(port: int) -> int:
    """The pictures that came, once a viewer plays: sound alone is played, too."""
    told = servers.exposition(port)
    came = re.search(r'qoe_frames_total\{stream="show"\} (\d+)', told)
    return int(came[1]) if came and 'qoe_play_start_seconds_count{stream="show"} 1' in told else 0


async def test_a_publisher_that_is_killed_and_comes_back_on_rtmp(nginx: servers.Nginx, tmp_path: Path) -> None:
    """nginx tells viewers of a vanished publisher as of one that ended, so this is what they know."""
    url = nginx.rtmp("show")
    first = Publisher(url).__enter__()
    async with servers.agent(tmp_path / "agent", {"show": url}) as agent:
        await servers.until(lambda: _seen(agent.port) >= SEEN, "pictures that a viewer saw")
        gone = first.kill()
        await servers.until(lambda: 'qoe_up{stream="show"} 0' in servers.exposition(agent.port), "down")
        assert "qoe_video_width_pixels" not in servers.exposition(agent.port), "the gauges of a dead stream are gone"
        await asyncio.sleep(4)
        with Publisher(url) as second:
            ended = await servers.until(lambda: re.search(r"show: ended, ([\d.]+) s", agent.told()), "its return")
            back = next(packet.at for packet in second.log)
            await servers.until(lambda: 'qoe_up{stream="show"} 1' in servers.exposition(agent.port), "up again")
            told = r'qoe_switch_gap_seconds_sum{stream="show",change="source"} ([\d.]+)'
            gap = await servers.until(lambda: re.search(told, servers.exposition(agent.port)), "the switch")
        last = max(packet.at for packet in first.log if packet.kind == "video")
        assert float(gap[1]) == pytest.approx(back - last, abs=CLOSE), "both play half a second after they came"
        assert float(ended[1]) == pytest.approx(back - gone, abs=CLOSE)
        assert 'qoe_disconnects_total{stream="show",reason="ended"} 1' in servers.exposition(agent.port)


async def test_a_publisher_that_is_killed_and_comes_back_on_hls(nginx: servers.Nginx) -> None:
    """To an HLS viewer a vanished publisher is a playlist that stands still; the stall ends with the new show."""
    url = nginx.rtmp("show", "hls")
    with truth.Listing(nginx.home / "hls/show.m3u8") as listing:
        first = Publisher(url).__enter__()
        await servers.until(lambda: nginx.listed("show", 4), "four segments")
        watching = asyncio.create_task(servers.watch(nginx.playlist("show"), 20))
        await come(nginx, "show", "hls")
        await servers.until(lambda: first.media % 1.0 > 0.4, "the middle of a fragment")
        first.kill()
        await asyncio.sleep(5)
        with Publisher(url) as second:
            watched = await watching
            served = nginx.served("show")
    agree(watched.incidents("stall"), truth.hls([first.log, second.log], listing.segments, served))
