"""What packets and configuration records say, against PyAV's encoders, decoders and demuxers."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("SVT_LOG", "0")  # libsvtav1 else talks about itself

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import av1, nal
from qoe_agent.model import IDR, KEY, RECOVERY

STREAMS = Path(__file__).parent.parent.parent / "fixtures" / "streams"
X265 = "log-level=none:pools=none:frame-threads=1"
ENCODES = {
    "h264 high": ("libx264", "yuv420p", {}),
    "h264 constrained baseline": ("libx264", "yuv420p", {"profile": "baseline"}),
    "h264 main": ("libx264", "yuv420p", {"profile": "main"}),
    "h264 full range": ("libx264", "yuvj420p", {}),
    "h264 grey": ("libx264", "gray", {}),
    "h264 10 bit": ("libx264", "yuv420p10le", {}),
    "h264 4:2:2 10 bit": ("libx264", "yuv422p10le", {}),
    "h264 4:4:4": ("libx264", "yuv444p", {}),
    "h264 interlaced": ("libx264", "yuv420p", {"x264-params": "interlaced=1"}),
    "h264 scaling lists": ("libx264", "yuv420p", {"x264-params": "cqm=jvt"}),
    "h264 closed gops": ("libx264", "yuv420p", {"x264-params": "keyint=8"}),
    "h264 open gops": ("libx264", "yuv420p", {"x264-params": "keyint=8:min-keyint=1:open-gop=1:scenecut=0"}),
    "hevc main": ("libx265", "yuv420p", {"x265-params": X265}),
    "hevc full range": ("libx265", "yuvj420p", {"x265-params": X265}),
    "hevc main 10, open gops": ("libx265", "yuv420p10le", {"x265-params": f"{X265}:keyint=8:open-gop=1"}),
    "hevc 4:4:4 12 bit": ("libx265", "yuv444p12le", {"x265-params": X265}),
    "hevc 4:2:2, scaling lists": ("libx265", "yuv422p10le", {"x265-params": f"{X265}:scaling-list=default"}),
    "av1": ("libsvtav1", "yuv420p", {"preset": "10", "svtav1-params": "lp=1"}),
    "av1 10 bit": ("libsvtav1", "yuv420p10le", {"preset": "10", "svtav1-params": "lp=1"}),
}
CODEC = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1"}


@cache
def encode(case: str, header: bool) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """Extradata and packets with their key flags; 186 x 108 needs cropping in every codec."""
    encoder, pixel_format, options = ENCODES[case]
    context: Any = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 186, 108, pixel_format
    context.framerate, context.time_base = Fraction(30000, 1001), Fraction(1001, 30000)
    context.thread_count, context.options = 1, options
    if header:
        context.flags |= av.codec.context.Flags.global_header
    wave = np.tile((np.arange(186) % 200 + 20).astype(np.uint8), (108, 1))
    packets = []
    for i in range(20):
        frame = av.VideoFrame.from_ndarray(np.roll(wave, 5 * i, 1), format="gray").reformat(format=pixel_format)
        frame.pts = i
        packets += context.encode(frame)
    packets += context.encode(None)
    return bytes(context.extradata or b""), [(bytes(p), p.is_keyframe) for p in packets]


@pytest.mark.parametrize("header", [True, False], ids=["in extradata", "in band"])
@pytest.mark.parametrize("case", ENCODES)
def test_described_as_the_decoder_sees_it(case: str, header: bool) -> None:
    codec = CODEC[ENCODES[case][0]]
    extradata, packets = encode(case, header)
    decoder: Any = av.CodecContext.create("libdav1d" if codec == "av1" else codec, "r")
    if extradata:
        decoder.extradata = extradata
    decoder.thread_count = 1  # a libdav1d with threads deadlocks when it is dropped (PyAV 18)
    for data, _ in packets[:8]:
        decoder.decode(av.Packet(data))
    found = nal.describe(codec, extradata or packets[0][0])
    assert (found.width, found.height) == (decoder.width, decoder.height) == (186, 108)
    assert found.profile == decoder.profile
    assert found.pixel_format == decoder.pix_fmt
    if decoder.framerate:
        assert found.frame_rate == pytest.approx(float(decoder.framerate))
    assert found.level


@pytest.mark.parametrize("case", ENCODES)
def test_key_frames_as_the_encoder_marks_them(case: str) -> None:
    codec = CODEC[ENCODES[case][0]]
    _, packets = encode(case, False)
    found = [nal.flags(codec, data, 0) for data, _ in packets]
    assert [bool(flags & KEY) for flags in found] == [key for _, key in packets]
    assert found[0] & IDR
    if "open gops" in case:
        assert [flags for flags in found[1:] if flags] == [KEY | RECOVERY] * (sum(key for _, key in packets) - 1)


@pytest.mark.parametrize(("text", "idc"), [("1b", "1b"), ("3.1", "3.1"), ("5.2", "5.2")])
def test_h264_levels_as_asked_of_the_encoder(text: str, idc: str) -> None:
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 64, 64, "yuv420p"
    context.framerate, context.time_base = Fraction(10), Fraction(1, 10)
    context.options = {"x264-params": f"level={idc}", "profile": "baseline"}
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    assert nal.describe("h264", context.extradata).level == text


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "av1.mp4", "h264.flv", "hevc.flv", "av1.flv"])
def test_configuration_records_and_length_prefixes(name: str) -> None:
    codec = name.partition(".")[0]
    with av.open(str(STREAMS / name)) as container:
        stream = container.streams.video[0]
        extradata = bytes(stream.codec_context.extradata or b"")
        packets = [(bytes(p), p.is_keyframe) for p in container.demux(stream) if p.size]
        profile = stream.codec_context.profile
    framing = nal.length_size(extradata, codec)
    assert framing == (0 if codec == "av1" else 4)
    found = nal.describe(codec, extradata)
    assert (found.width, found.height, found.pixel_format) == (192, 108, "yuv420p")
    assert found.profile == profile
    assert [bool(nal.flags(codec, data, framing, None) & KEY) for data, _ in packets] == [k for _, k in packets]


def test_intra_refresh_is_recovery_but_no_key_frame() -> None:
    with av.open(str(STREAMS / "intra_refresh.ts")) as container:
        found = [nal.flags("h264", bytes(p), 0) for p in container.demux(video=0) if p.size]
    assert found[0] == KEY | IDR
    assert set(found[1:]) == {0, RECOVERY}


@pytest.mark.parametrize(("name", "codec", "text"), [("h264.ts", "h264", b"x264 - core"), ("hevc.ts", "hevc", b"x265")])
def test_sei_holds_the_encoders_message(name: str, codec: str, text: bytes) -> None:
    with av.open(str(STREAMS / name)) as container:
        first = bytes(next(p for p in container.demux(video=0) if p.size))
    messages = dict(nal.sei(codec, first, 0))
    assert text in messages[5]  # user_data_unregistered (H.264 §D.1.7): a UUID, then text


def test_sei_loses_its_emulation_prevention() -> None:
    payload = b"\0\0\1" + bytes(3) + b"\2"
    escaped = b"\0\0\3\1" + b"\0\0\3\0" + b"\2"
    unit = bytes((6, 5, len(payload))) + escaped + b"\x80"
    assert nal.sei("h264", b"\0\0\0\1" + unit, 0) == [(5, payload)]
    assert nal.sei("h264", len(unit).to_bytes(4, "big") + unit, 4) == [(5, payload)]


def test_sei_longer_than_a_byte_can_say() -> None:
    unit = b"\x06" + b"\xff\x01" + b"\xff\x2d" + b"a" * 300 + b"\x80"
    assert nal.sei("h264", b"\0\0\1" + unit, 0) == [(256, b"a" * 300)]


@pytest.mark.parametrize("name", ["h264.ts", "hevc.ts", "h264.flv", "av1.mp4"])
def test_headers_alone_describe_the_same_and_stay_as_they_are(name: str) -> None:
    codec = name.partition(".")[0]
    with av.open(str(STREAMS / name)) as container:
        stream = container.streams.video[0]
        framing = nal.length_size(bytes(stream.codec_context.extradata or b""), codec)
        for packet in container.demux(stream):
            whole = bytes(packet)
            head = nal.headers(codec, whole, framing)
            assert nal.headers(codec, head, framing) == head
            assert nal.sei(codec, head, framing) == nal.sei(codec, whole, framing)
            assert nal.parameter_sets(codec, head, framing) == nal.parameter_sets(codec, whole, framing)
            assert len(head) < len(whole) or not whole


def test_annex_b_units_without_their_zeros() -> None:
    data = b"\0\0\0\1\x09\x10\0\0\1\x67abc\0\0\0\0\1\x65xyz\0\0"
    assert [data[s:e] for s, e in nal.units(data, 0)] == [b"\x09\x10", b"\x67abc", b"\x65xyz"]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(
    ("data", "framing"), [(b"\0\0\0\5", 4), (b"\0\0\0\5\x4e", 4), (b"\0\0\1", 0), (b"\0\0\1\x4e", 0)]
)
def test_packets_that_end_where_a_unit_begins(codec: str, data: bytes, framing: int) -> None:
    survive(codec, data, framing)
    assert nal.flags(codec, data, framing, True) == KEY


def test_transport_decides_where_headers_are_mute() -> None:
    assert nal.flags("h264", b"", 0, True) == KEY
    assert nal.flags("vp9", b"abc", 0, True) == KEY
    assert nal.flags("vp9", b"abc", 0, False) == nal.flags("vp9", b"abc", 0, None) == 0


@given(st.integers(0, 15), st.binary(max_size=400))
def test_obus_come_back(kind: int, payload: bytes) -> None:
    data = av1.obu(kind, payload) * 2
    assert [(k, data[s:e]) for k, s, e in av1.obus(data)] == [(kind, payload)] * 2


def survive(codec: str, data: bytes, framing: int) -> None:
    """Call all there is; nothing may be raised, and what is said must be possible."""
    nal.flags(codec, data, framing)
    nal.sei(codec, data, framing)
    nal.parameter_sets(codec, data, framing)
    assert len(nal.headers(codec, data, framing)) <= 3 * len(data) + 8
    nal.length_size(data, codec)
    found = nal.describe(codec, data, framing)
    assert found.width is None or 0 < found.width <= 65535
    assert found.frame_rate is None or 0 < found.frame_rate <= 1000


START = st.sampled_from([b"\0\0\1", b"\0\0\0\1", b"\0\0\0\5", b"\0\0\3"])
UNITS = st.lists(START | st.binary(max_size=20), max_size=8).map(b"".join)


@settings(max_examples=300)
@given(
    st.sampled_from(["h264", "hevc", "av1", "vp9"]), st.binary(max_size=300) | UNITS, st.sampled_from([0, 1, 2, 3, 4])
)
def test_garbage_never_raises(codec: str, data: bytes, framing: int) -> None:
    survive(codec, data, framing)


@settings(max_examples=300)
@given(st.data())
def test_damaged_headers_never_raise(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(["h264 scaling lists", "hevc main 10, open gops", "av1 10 bit"]))
    extradata, packets = encode(case, data.draw(st.booleans()))
    broken = bytearray((extradata or packets[0][0])[:200])
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), min_size=1, max_size=6)):
        broken[place] = data.draw(st.integers(0, 255))
    survive(CODEC[ENCODES[case][0]], bytes(broken[: data.draw(st.integers(1, len(broken)))]), 0)
