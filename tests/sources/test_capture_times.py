"""What transports say of capture times comes out of the sources as it went in."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent import sources
from qoe_agent.bitstream import amf, flv_tracks
from qoe_agent.bitstream.dates import NTP_EPOCH
from qoe_agent.bitstream.prft import references
from qoe_agent.maths.timeline import Unwrap
from qoe_agent.model import Captured, Observation, Packet, Target
from qoe_agent.sources.fetch import Fetched
from qoe_agent.sources.segmented import Segments
from tests import media
from tests.sources.rtsp_server import rtsp_server

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = 1_717_158_363.591


def captured(seen: Iterable[Observation]) -> list[Captured]:
    return [one for one in seen if isinstance(one, Captured)]


async def test_rtcp_sender_reports_date_every_packet() -> None:
    packets = [packet.data for packet in media.h264(frames=50)[1]]
    seen: list[Observation] = []
    async with rtsp_server(packets, captured=NOW) as url:
        await sources.watch(Target(url, lost_after=2.0), seen.append)
    place = {one.pts: n for n, one in enumerate(one for one in seen if isinstance(one, Packet))}
    found = captured(seen)
    assert {(one.method, one.track) for one in found} == {("rtcp", 0)}
    assert 5 <= len(found) <= 12, "five a second are enough"
    for one in found:
        assert one.time == pytest.approx(NOW + place[one.pts] / 25, abs=0.0015)


async def test_without_reports_nothing_is_said() -> None:
    packets = [packet.data for packet in media.h264(frames=25)[1]]
    seen: list[Observation] = []
    async with rtsp_server(packets) as url:
        await sources.watch(Target(url, lost_after=2.0), seen.append)
    assert captured(seen) == []


def flv(tags: Iterable[tuple[int, int, bytes]]) -> list[Observation]:
    tracks = flv_tracks.Tracks()
    return [seen for kind, stamp, body in tags for seen in tracks.tag(kind, stamp, body, 5.0)]


@pytest.mark.parametrize("stamp", [4000, 0])
def test_onfi_dates_the_frames_that_it_travels_with(stamp: int) -> None:
    """Servers stamp script tags with 0."""
    script = amf.encode(["onFI", {"sd": "31-05-2024", "st": "12:26:03.591", "tc": "12:26:03:14"}])
    (found,) = captured(flv([(9, 4000, b"\x27\1\0\0\0\0\0\0\1\x41"), (18, stamp, script)]))
    assert (found.method, found.pts, found.at) == ("onfi", 4.0, 5.0)
    assert found.time == pytest.approx(NOW)


@pytest.mark.parametrize("fields", [{}, {"sd": 5.0, "st": "12:00:00"}, {"sd": "31-05-2024"}, {"tc": "00:00:01:02"}])
def test_onfi_without_a_date_is_only_data(fields: dict[str, object]) -> None:
    seen = flv([(18, 0, amf.encode(["onFI", fields]))])
    assert captured(seen) == []
    assert any(isinstance(one, Packet) for one in seen)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def fragmented() -> tuple[bytes, bytes]:
    """Initialisation section and fragments of a second of pictures, as FFmpeg writes them, with its own prft."""
    file = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+frag_keyframe", "write_prft": "wallclock"}
    with av.open(file, "w", format="mp4", options=options) as output:
        stream = output.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for n in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 100 + n, np.uint8), "yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    data = file.getvalue()
    at = data.index(b"moof") - 4
    start = data.rfind(b"prft", 0, at)
    at = start - 4 if start > 0 else at
    return data[:at], data[at:]


@pytest.mark.parametrize("version", [0, 1])
async def test_prft_boxes_of_fragmented_mp4(version: int) -> None:
    init, data = fragmented()
    width = 8 if version else 4
    body = bytes((version, 0, 0, 24)) + (1).to_bytes(4, "big") + round((NOW + NTP_EPOCH) * 2**32).to_bytes(8, "big")
    rate = 12_800  # FFmpeg's time scale for 25 pictures a second
    data = box(b"prft", body + (rate // 2).to_bytes(width, "big")) + data
    got = Fetched("", 1.0, 2.0, 1.5, data, [(len(data), 2.0)])
    found, error = await Segments(4, Unwrap(1 << 33)).read(got, init, 0)
    assert error == ""
    (ours,) = [one for one in captured(found) if one.time < NOW + 1]
    assert (ours.method, ours.track, ours.pts, ours.at) == ("prft", 4, 0.5, 2.0)
    assert ours.time == pytest.approx(NOW, abs=1e-5)


@given(st.binary(max_size=80), st.integers(0, 80))
def test_garbage_never_raises(garbage: bytes, size: int) -> None:
    list(references(size.to_bytes(4, "big") + b"prft" + garbage))
    list(references(garbage))
