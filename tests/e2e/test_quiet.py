"""Nothing is told of a stream that is well. QOE_QUIET_SECONDS=600 makes it the ten minutes of the promise."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e import servers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

SECONDS = float(os.environ.get("QOE_QUIET_SECONDS", "30"))


async def test_no_incident_on_a_quiet_stream(nginx: servers.Nginx, tmp_path: Path) -> None:
    """FFmpeg publishes in real time; RTMP and HLS are watched side by side."""
    rate = 30
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={rate}"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    code = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", f"{rate}", "-pix_fmt", "yuv420p"]
    outputs = [f"[f=flv]{nginx.rtmp('show')}", f"[f=flv]{nginx.rtmp('show', 'hls')}"]
    options = [
        "-re",
        *picture,
        "-re",
        *sound,
        *code,
        "-c:a",
        "aac",
        "-map",
        "0",
        "-map",
        "1",
        "-flags",
        "+global_header",
    ]
    async with servers.ffmpeg(*options, "-f", "tee", "|".join(outputs), log=tmp_path / "ffmpeg.log"):
        await servers.until(lambda: nginx.listed("show", 4), "four segments")
        both = await asyncio.gather(
            servers.watch(nginx.rtmp("show"), SECONDS), servers.watch(nginx.playlist("show"), SECONDS)
        )
    for watched in both:
        assert watched.document["incidents"] == []
        assert (watched.status, watched.document["verdict"]) == (0, "good"), watched.document["reasons"]
        stream = watched.document["stream"]
        assert (stream["width"], stream["height"], stream["codec"]) == (320, 180, "h264")
        assert stream["frame_rate"] == pytest.approx(rate, rel=0.02)
        assert (stream["audio_codec"], stream["sample_rate"]) == ("aac", 48000)
        assert watched.value("qoe_stalls_total") in (None, 0.0)
