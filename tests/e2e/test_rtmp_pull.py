"""Our RTMP client and libavformat's, side by side on one nginx-rtmp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import av
import pytest

from qoe_agent import sources
from qoe_agent.model import Lost, Observation, Opened, Packet, Target
from tests.bitstream import flv_files
from tests.e2e import servers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

SECONDS = 3.0
Seen = tuple[str, int, int, bool, bytes]


def _theirs(url: str) -> list[Seen]:
    """What libavformat's client gets in the time: kind, pts and dts in milliseconds, key flag, payload."""
    out: list[Seen] = []
    first = None
    with av.open(url, options={"rtmp_live": "live"}) as container:
        for packet in container.demux():
            milliseconds = packet.time_base * 1000
            dts = round(packet.dts * milliseconds)
            out.append((packet.stream.type, round(packet.pts * milliseconds), dts, packet.is_keyframe, bytes(packet)))
            first = dts if first is None else first
            if dts - first > SECONDS * 1000:
                return out
    return out


async def _pull(url: str, seen: list[Observation]) -> Lost:
    return await sources.watch(Target(url), seen.append)


async def test_packets_equal_those_of_libavformat(nginx: servers.Nginx, tmp_path: Path) -> None:
    show = tmp_path / "show.flv"
    show.write_bytes(flv_files.file(frames=2000))
    url = nginx.rtmp("show")
    publish = servers.ffmpeg("-re", "-i", show, "-c", "copy", "-f", "flv", url, log=tmp_path / "publish.log")
    seen: list[Observation] = []
    async with asyncio.timeout(servers.DEADLINE):
        async with publish:
            pull = asyncio.ensure_future(_pull(url, seen))
            await servers.until(lambda: any(isinstance(one, Packet) for one in seen), "the first packet")
            theirs = await asyncio.to_thread(_theirs, url)
        lost = await pull
    assert (lost.reason, lost.clean) == ("ended", True)
    assert isinstance(seen[0], Opened)
    assert {"connect", "handshake", "first_byte"} <= set(seen[0].phases)
    ours = [
        (p.kind, round(p.pts * 1000), round(p.dts * 1000), p.key, p.data)
        for p in seen
        if isinstance(p, Packet) and p.pts is not None and p.dts is not None
    ]
    # nginx-rtmp gives each viewer the sound at once, the pictures from the next key frame on
    del theirs[: next(n for n, packet in enumerate(theirs) if packet[0] == "video")]
    start = ours.index(theirs[0])
    assert len(theirs) > 100
    assert ours[start : start + len(theirs)] == theirs


async def test_an_application_that_nginx_does_not_know_is_a_closed_connection(nginx: servers.Nginx) -> None:
    lost = await sources.watch(Target(nginx.rtmp("show", app="nowhere")), lambda seen: None)
    assert lost.reason == "reset"
    assert "unknown application" in lost.detail
