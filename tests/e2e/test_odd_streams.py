"""Streams that lack what others have, or have it oddly: measured as far as they go, nothing made up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e import servers
from tests.e2e.scripted import answering, paced

pytestmark = pytest.mark.e2e

STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
SECONDS = 6.0
"""How long the fixtures are."""
AHEAD = 1.0
"""Seconds of them that a viewer gets at once, as of servers that keep a group of pictures."""


async def watched(name: str, seconds: float) -> servers.Watched:
    """What `watch` makes of a fixture that is broadcast in real time."""
    kind = "video/mp2t" if name.endswith(".ts") else "video/x-flv"
    async with answering(paced(kind, (STREAMS / name).read_bytes(), SECONDS, AHEAD)) as port:
        return await servers.watch(f"http://127.0.0.1:{port}/{name}", seconds)


async def both(name: str) -> list[servers.Watched]:
    """A fixture as FLV and as TS, side by side."""
    return await asyncio.gather(*(watched(f"{name}.{kind}", 5) for kind in ("flv", "ts")))


async def test_audio_only() -> None:
    for seen in await both("audio_only"):
        assert (seen.document["stream"]["audio_codec"], seen.document["stream"].get("width")) == ("aac", None)
        assert seen.value("qoe_audio_present") == 1
        assert seen.value("qoe_video_width_pixels") is None
        assert seen.value("qoe_frame_rate", basis="measured") is None
        assert not seen.incidents("stall", "lost", "freeze", "no_keyframes")
        assert seen.status == 0, seen.document["reasons"]


async def test_video_only() -> None:
    for seen in await both("video_only"):
        assert (seen.document["stream"]["width"], seen.document["stream"].get("audio_codec")) == (192, None)
        assert seen.value("qoe_audio_present") in (None, 0.0)
        assert seen.value("qoe_av_skew_seconds") is None
        assert not seen.incidents("stall", "lost", "freeze", "silence")
        assert seen.status == 0, seen.document["reasons"]


async def test_a_picture_of_one_pixel() -> None:
    for seen in await both("dot"):
        stream = seen.document["stream"]
        assert (stream["width"], stream["height"], stream["pixel_format"]) == (1, 1, "yuv444p")
        assert not seen.incidents("stall", "lost", "freeze", "resolution_change")
        assert seen.status == 0, seen.document["reasons"]


async def test_timestamps_that_jump_a_day() -> None:
    """After three seconds media time is a day later: told as what it is; nobody stalls for a day."""
    seen = await watched("jump_day.flv", 5)
    (jump,) = seen.incidents("timestamp_jump")
    assert jump["end_pts"] - jump["start_pts"] == pytest.approx(86400, abs=0.5)
    assert sum(each["seconds"] for each in seen.incidents("stall", "freeze")) < 1
    for one in seen.document["metrics"]:
        if one["name"] in ("qoe_stall_seconds_total", "qoe_freeze_seconds_total", "qoe_buffer_seconds"):
            assert one["value"] < 10, one
    assert seen.value("qoe_frame_rate", basis="measured") == pytest.approx(25, rel=0.05)
