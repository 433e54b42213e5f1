"""Capture times in SEI: payloads built here by the formats' descriptions; PyAV's decoder reads the same stream."""

from __future__ import annotations

import struct
import timeit
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import capture, nal
from qoe_agent.bitstream.capture import BPM, MISB, MISB_HEVC, MISB_NANO, OWN, Reader, told
from tests import media

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_717_158_363.591
"""2024-05-31T12:26:03.591Z."""


def stuffed(value: int) -> bytes:
    """MISB ST 0604: 0xFF after every second byte."""
    raw = value.to_bytes(8, "big")
    return raw[:2] + b"\xff" + raw[2:4] + b"\xff" + raw[4:6] + b"\xff" + raw[6:]


def bpm(*events: tuple[int, int, bytes]) -> bytes:
    return BPM + bytes((len(events) - 1,)) + b"".join(bytes(head) + value for *head, value in events)


OBS = bpm(
    (1, 1, b"2024-05-31T12:26:03.591Z\0"),
    (1, 2, b"2024-05-31T12:26:03.594Z\0"),
    (1, 3, b"2024-05-31T12:26:03.624Z\0"),
    (1, 4, b"2024-05-31T12:26:03.634Z\0"),
)


@pytest.mark.parametrize(
    ("kind", "payload", "form", "time", "resolution"),
    [
        (5, capture.write(NOW, 7), "own", NOW, 1e-6),
        (5, OBS, "bpm", NOW, 1e-3),
        (5, bpm((2, 1, round(NOW * 1e3).to_bytes(8, "big"))), "bpm", NOW, 1e-3),
        (5, bpm((3, 4, bytes(8)), (1, 1, b"2024-05-31T14:26:03.591+02:00\0")), "bpm", NOW, 1e-3),
        (5, MISB + b"\x1f" + stuffed(round(NOW * 1e6)), "misb", NOW, 1e-6),
        (5, MISB_HEVC + b"\x1f" + stuffed(round(NOW * 1e6)), "misb", NOW, 1e-6),
        (5, MISB_NANO + b"\x1f" + stuffed(round(NOW * 1e9)), "misb", NOW, 1e-9),
        (100, b'{"canvas":{"w":640},"regions":[],"ver":"20190611","ts":1717158363591}\0', "agora", NOW, 1e-3),
        (5, bytes(16) + b'{"canvas":{},"ver":"20190611","ts":1717158363591}', "agora", NOW, 1e-3),
    ],
)
def test_what_encoders_write(kind: int, payload: bytes, form: str, time: float, resolution: float) -> None:
    found = told(kind, payload)
    assert found is not None
    assert (found.form, found.resolution) == (form, resolution)
    assert found.time == pytest.approx(time, abs=1e-5)


def test_obs_tells_where_its_time_went() -> None:
    found = told(5, OBS)
    assert found is not None
    assert found.stages == pytest.approx({"request": 0.003, "encode": 0.03, "interleave": 0.01}, abs=1e-5)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        OWN,
        capture.write(NOW, 1)[:-1],
        BPM,
        BPM + b"\3\1\1no date\0",
        BPM + b"\0\1\1" + b"2024-13-31T12:26:03Z\0",
        BPM + b"\0\3\1" + bytes(8),
        bpm((2, 1, bytes(8))),
        MISB + b"\x1f" + bytes(11),
        b'{"ts":"soon"}',
        b'{"ts":1717158363591',
        b'{"ts":1e999}',
        b'{"ts":true}',
        b'{"ts":12}',
        b'["ts"]',
        b"x264 - core 164",
    ],
)
def test_what_is_no_time_is_not_there(payload: bytes) -> None:
    assert told(5, payload) is None
    assert told(100, payload) is None


def test_one_wrong_bit_and_our_own_mark_is_void() -> None:
    good = capture.write(NOW, 0xFFFF_FFFF)
    assert told(5, good) is not None
    for bit in range(16 * 8, len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert told(5, bytes(bad)) is None


@settings(max_examples=300)
@given(
    st.sampled_from([1, 5, 100, 136]),
    st.sampled_from([b"", OWN, BPM, MISB, MISB_NANO, b'{"ts":']),
    st.binary(max_size=60),
    st.sampled_from(["h264", "hevc"]),
    st.sampled_from([0, 4]),
)
def test_garbage_never_raises(kind: int, uuid: bytes, rest: bytes, codec: str, framing: int) -> None:
    payload = uuid + rest
    told(kind, payload)
    unit = capture.unit(codec, payload, framing)
    extradata = nal.headers("h264", media.h264(frames=1)[1][0].data, 0) if codec == "h264" else b""
    Reader(codec, extradata).read(unit.replace(b"\5", bytes((kind,)), 1) + rest)


@given(st.binary(max_size=600), st.sampled_from(["h264", "hevc"]), st.sampled_from([0, 4]))
def test_any_payload_survives_the_way_into_a_unit_and_back(payload: bytes, codec: str, framing: int) -> None:
    """Emulation prevention included: no start code may be inside."""
    unit = capture.unit(codec, payload, framing)
    assert b"\0\0\1" not in unit[4:]
    assert nal.sei(codec, unit, framing) == [(5, payload)]


# ---- through a real encoder and a real decoder


def encoded(codec: str, frames: int = 8, **options: str) -> list[bytes]:
    context = av.CodecContext.create("libx264" if codec == "h264" else "libx265", "w")
    context.width, context.height, context.pix_fmt = 64, 64, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    quiet = {"x265-params": "log-level=none:bframes=0"} if codec == "hevc" else {}
    context.options = {"preset": "ultrafast", "tune": "zerolatency"} | quiet | options
    out = []
    for n in [*range(frames), None]:
        picture = None
        if n is not None:
            picture = av.VideoFrame.from_ndarray(np.full((96, 64), 16 + 8 * n, np.uint8), "yuv420p")
            picture.pts = n
        out += [bytes(packet) for packet in context.encode(picture)]
    return out


def decoded(codec: str, packets: Sequence[bytes]) -> list[av.VideoFrame]:
    context = av.CodecContext.create(codec, "r")
    return [frame for data in [*packets, b""] for frame in context.decode(av.Packet(data) if data else None)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_ffmpeg_reads_what_we_put_in_and_so_do_we(codec: str) -> None:
    marks = [capture.write(NOW + n / 25, n) for n in range(8)]
    packets = [capture.inject(codec, data, 0, mark) for data, mark in zip(encoded(codec), marks, strict=True)]
    frames = decoded(codec, packets)
    for mark, frame in zip(marks, frames, strict=True):
        assert mark in [bytes(frame.side_data[n]) for n in range(len(frame.side_data))]
    reader = Reader(codec, b"")
    times = [one.time for data in packets for one in reader.read(data)]
    assert times == pytest.approx([NOW + n / 25 for n in range(8)], abs=1e-6)


def test_suffix_sei_behind_an_hevc_picture_is_found() -> None:
    data = encoded("hevc")[0]
    suffix = bytearray(capture.unit("hevc", OBS, 0))
    suffix[4] = nal.HEVC_SEI_SUFFIX << 1
    (found,) = Reader("hevc", b"").read(data + bytes(suffix))
    assert found.form == "bpm"


def bits(*fields: tuple[int, int]) -> bytes:
    """(value, width) one after the other, padded as SEI payloads are."""
    text = "".join(f"{value:0{width}b}" for value, width in fields)
    text += "1" if len(text) % 8 else ""
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


def retyped(codec: str, data: bytes, kind: int, payload: bytes) -> bytes:
    """`data` with a SEI message of any type before its first slice."""
    plain = capture.unit(codec, payload, 0)
    at = 5 if codec == "h264" else 6
    assert plain[at] == 5
    unit = plain[:at] + bytes((kind,)) + plain[at + 1 :]
    first = next(s for s in nal.heads(data, 0) if (data[s] & 31 in (1, 5) if codec == "h264" else data[s] >> 1 < 32))
    start = data.rfind(b"\0\0\1", 0, first)
    return data[:start] + unit[1:] + data[start:]


@pytest.mark.parametrize("full", [True, False])
def test_an_h264_time_code_equals_ffmpegs(full: bool) -> None:
    """x264 writes the VUI with pic_struct and HRD; we write the clock that it lacks."""
    options = {"x264-params": "pic-struct=1:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500"}
    packets = encoded("h264", **options)
    (sps,) = [packets[0][s:e] for s, e in nal.units(packets[0], 0) if packets[0][s] & 31 == nal.H264_SPS]
    timing = capture.Timecodes("h264", b"\0\0\1" + sps)._timing
    assert timing is not None
    assert timing.structure
    delays = timing.delays
    clock = [(0, 2), (1, 1), (0, 5), (full, 1), (0, 1), (0, 1), (17, 8)]
    clock += [(56, 6), (34, 6), (12, 5)] if full else [(1, 1), (56, 6), (1, 1), (34, 6), (1, 1), (12, 5)]
    payload = bits((0, delays), (0, 4), (1, 1), *clock, (0, timing.offset))
    stripped = nal_without_sei(packets[0])
    data = retyped("h264", stripped, 1, payload)
    (frame,) = decoded("h264", [data])
    assert frame.metadata["timecode"] == "12:34:56:17"
    count, code = struct.unpack("<II", bytes(frame.side_data["S12M_TIMECODE"])[:8])
    assert (count, code & 0x3F) == (1, 0x12)
    (found,) = Reader("h264", b"").read(data)
    assert (found.form, found.time) == ("timecode", pytest.approx(12 * 3600 + 34 * 60 + 56 + 17 / 25))
    assert found.resolution == pytest.approx(0.04)


def nal_without_sei(data: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + data[s:e] for s, e in nal.units(data, 0) if data[s] & 31 != nal.H264_SEI)


def test_an_hevc_time_code_equals_ffmpegs() -> None:
    payload = bits(
        (1, 2), (1, 1), (0, 1), (0, 5), (1, 1), (0, 1), (0, 1), (17, 9), (56, 6), (34, 6), (12, 5), (0, 5)
    )  # fmt: skip
    data = retyped("hevc", encoded("hevc")[0], 136, payload)
    (frame,) = decoded("hevc", [data])
    assert frame.metadata["timecode"] == "12:34:56:17"
    (found,) = Reader("hevc", b"").read(data)
    assert found.time == pytest.approx(12 * 3600 + 34 * 60 + 56 + 17 / 25)


def test_a_packet_without_sei_costs_microseconds() -> None:
    slice_ = b"\x41" + bytes([7]) * 15_000
    avcc = b"\1\x64\0\x1f\xff\xe0\0"
    for extradata, data in (
        (avcc, len(slice_).to_bytes(4, "big") + slice_),
        (b"", b"\0\0\0\1\x09\xf0\0\0\0\1" + slice_),
    ):
        read = partial(Reader("h264", extradata).read, data)
        assert min(timeit.repeat(read, number=2000, repeat=5)) / 2000 < 10e-6
