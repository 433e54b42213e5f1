"""Latency against injected truth, through real servers: SEI over RTMP and HLS, and the playlist's own dates."""

from __future__ import annotations

import re
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.e2e import late, servers, truth
from tests.e2e.publisher import Publisher

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

CLOSE = 0.02
"""Seconds by which a latency may be off, beside those by which the machine wakes a program late."""
RECENT = 5.0
"""Seconds in which an HLS stream's latest segments were sent."""
EARLY = 0.4
"""Seconds before it was due that a picture was captured: a slow encoder."""
SECONDS = 12
FRAME = 0.04
LATENCY = "qoe_latency_seconds"
_LISTED = r"#EXTINF:([\d.]+),\s+#EXT-X-PROGRAM-DATE-TIME:(\S+)\s+show-(\d+)"


async def test_sei_over_rtmp_every_second(nginx: servers.Nginx, tmp_path: Path) -> None:
    """Truth: FFmpeg's own client beside the agent, and the times that the publisher wrote."""
    url = nginx.rtmp("show")
    with Publisher(url, early=EARLY) as publisher:
        async with (
            servers.agent(tmp_path / "agent", {"show": url}) as agent,
            late.sleeper(tmp_path / "sleeper.log") as sleeper,
        ):
            with late.Client(url) as client:
                await servers.until(lambda: late.look(agent.port).value(LATENCY, method="sei", stage="transport"), "it")
                await servers.until(lambda: client.settled, "FFmpeg's client, which probes first")
                seconds = await late.follow(agent.port, SECONDS)
    errors, beyond, buffers = [], [], []
    for second in seconds:
        said = second.value(LATENCY, method="sei", stage="transport")
        assert said is not None, "no second is silent"
        true = client.latency(publisher.captured, second.at - late.AGO, second.at)
        assert true is not None
        errors.append(said - true)
        beyond.append(max(0.0, abs(said - true) - sleeper.late(second.at)))
        playout = second.value(LATENCY, method="sei", stage="playout")
        buffered = second.value("qoe_buffer_seconds")
        assert playout is not None
        assert buffered is not None
        buffers.append(playout - said - buffered)
    assert sorted(beyond)[-2] < CLOSE, errors  # two programs on a busy machine may once be woken apart
    assert median(beyond) < CLOSE / 4, errors
    assert median(buffers) == pytest.approx(0.0, abs=0.15), "what is buffered comes on top"
    assert seconds[-1].value("qoe_latency_startup_seconds", method="sei") == pytest.approx(
        EARLY + 0.55, abs=0.15 + sleeper.late(seconds[-1].at, 60.0)
    )
    assert not [key for key in seconds[-1].values if "clock_error" in key]


async def test_sei_over_hls(nginx: servers.Nginx, tmp_path: Path) -> None:
    """Truth: when nginx had sent each segment whole, and the times that the publisher wrote."""
    with Publisher(nginx.rtmp("show", "hls"), early=EARLY) as publisher:
        await servers.until(lambda: nginx.listed("show", 4), "four segments")
        async with (
            servers.agent(tmp_path / "agent", {"show": nginx.playlist("show")}) as agent,
            late.sleeper(tmp_path / "sleeper.log") as sleeper,
        ):
            await servers.until(lambda: late.look(agent.port).value(LATENCY, method="sei", stage="transport"), "it")
            seconds = await late.follow(agent.port, SECONDS)
        cut = truth.fragments([publisher.log])
        newest = [max(p.pts for p in packets if p.kind == "video" and p.pts is not None) for packets in cut]
        served = nginx.served("show")
    _compare(seconds, sleeper, "sei", {at: at - publisher.captured[newest[n]] for at, n, _ in served})


async def test_program_date_time_over_hls(nginx: servers.Nginx, tmp_path: Path) -> None:
    """Truth: FFmpeg's playlist, and when nginx had sent each segment whole."""
    hls = nginx.home / "hls"
    publish = servers.ffmpeg(
        *("-re", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-c:v", "libx264", "-preset", "ultrafast"),
        *("-tune", "zerolatency", "-g", "25", "-f", "hls", "-hls_time", "1", "-hls_list_size", "30"),
        *("-hls_flags", "program_date_time", "-hls_segment_filename", hls / "show-%d.ts", hls / "show.m3u8"),
        log=tmp_path / "publish.log",
    )
    async with publish:
        await servers.until(lambda: nginx.listed("show", 4), "four segments")
        async with (
            servers.agent(tmp_path / "agent", {"show": nginx.playlist("show")}) as agent,
            late.sleeper(tmp_path / "sleeper.log") as sleeper,
        ):
            await servers.until(lambda: late.look(agent.port).value(LATENCY, method="pdt", stage="transport"), "it")
            seconds = await late.follow(agent.port, SECONDS)
        served = nginx.served("show")
        listed = re.findall(_LISTED, (hls / "show.m3u8").read_text())
    ends = {int(n): datetime.fromisoformat(date).timestamp() + float(length) for length, date, n in listed}
    _compare(seconds, sleeper, "pdt", {at: at - (ends[n] - FRAME) for at, n, _ in served if n in ends})
    for second in seconds:
        transport, playout = (second.value(LATENCY, method="pdt", stage=stage) for stage in ("transport", "playout"))
        assert transport is not None
        assert playout is not None
        assert 1.5 < playout - transport < 4.0, "three target durations behind the live edge"


def _compare(seconds: list[late.Second], sleeper: late.Sleeper, method: str, true: dict[float, float]) -> None:
    """Each second's number is that of one of the latest segments that were sent.

    On a busy machine an agent may once read what nginx sent long before: that number stands until the next segment.
    """
    assert len(true) > 6
    errors = []
    for second in seconds:
        said = second.value(LATENCY, method=method, stage="transport")
        assert said is not None
        recent = [value for at, value in sorted(true.items()) if at <= second.at][-3:]
        error = min(abs(said - value) for value in recent)
        errors.append(max(0.0, error - sleeper.late(second.at, RECENT)))
    assert sorted(errors)[-3] < CLOSE, errors
    assert median(errors) < CLOSE / 2


async def test_a_clock_that_is_wrong_is_said_to_be(nginx: servers.Nginx, tmp_path: Path) -> None:
    """The publisher's clock is two seconds fast."""
    url = nginx.rtmp("show")
    with Publisher(url, early=-2.0):
        async with servers.agent(tmp_path / "agent", {"show": url}) as agent:
            await servers.until(lambda: "show: clock_untrusted" in agent.told(), "that it is said")
            wrong = "qoe_latency_clock_error_seconds"
            await servers.until(lambda: late.look(agent.port).value(wrong, method="sei") is not None, "by how much")
            second = late.look(agent.port)
    assert second.value(wrong, method="sei") == pytest.approx(2.0, abs=0.1)
    assert not [key for key in second.values if key.startswith("qoe_latency_seconds")]
