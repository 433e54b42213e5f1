"""Quantisers and picture types out of headers: equal to FFmpeg's trace_headers, whatever the encoder was told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream.bits import Bits, Digits, OutOfBits
from qoe_agent.bitstream.h264_slices import Slice
from qoe_agent.bitstream.slices import CODECS, TOP, Coded, Headers, pictures_of
from tests.bitstream.coded_files import Traced, coded, traced

if TYPE_CHECKING:
    from pathlib import Path

X264 = {
    "pyramid": "bframes=3:b-pyramid=normal:weightp=2:ref=5",
    "cavlc_slices": "cabac=0:bframes=0:weightp=1:slices=4",
    "temporal_direct": "bframes=5:weightb=1:ref=8:direct=temporal",
    "interlaced": "tff=1:bframes=2:weightp=0:ref=4",
    "fake_interlaced": "fake-interlaced=1:bframes=2",
    "intra_refresh": "intra-refresh=1:keyint=15:bframes=0",
    "tiny_slices": "slice-max-size=300:qp=33:cabac=0:bframes=0:8x8dct=0",
    "open_gop": "open-gop=1:keyint=10:bframes=8:b-adapt=2:vbv-maxrate=200:vbv-bufsize=200:bitrate=180:slices=3",
    "many_references": "ref=16:bframes=16:b-pyramid=normal:weightp=2:keyint=250:scenecut=0",
    "bluray": "bluray-compat=1:tff=1:slices=4:ref=4:bframes=3:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:"
    "bitrate=400:keyint=12:open-gop=1",
    "no_deblock": "no-deblock=1:aq-mode=0:qp=30:ipratio=1:pbratio=1",
}
X265 = {
    "plain": "bframes=4",
    "weighted": "bframes=8:weightb=1:weightp=1:ref=4",
    "no_sao": "sao=0:no-temporal-mvp=1:bframes=0",
    "open_gop": "open-gop=1:keyint=10:min-keyint=5:bframes=3:scaling-list=default",
    "repeated": "intra-refresh=1:keyint=15:bframes=0:aud=1:repeat-headers=1",
    "layers": "temporal-layers=1:bframes=4:vbv-maxrate=200:vbv-bufsize=100:bitrate=150",
    "lossless": "lossless=1:ctu=16:tskip=1",
}


def agree(made: Traced) -> None:
    """Every packet's pictures are those of the oracle; pictures of many slices lie within them."""
    headers = Headers(made.codec, made.extradata)
    assert len(made.packets) >= 20
    for packet, heads in zip(made.packets, made.heads, strict=True):
        found = headers.read(packet)
        if len(found) == len(heads):
            assert [(one.kind, one.qp) for one in found] == heads
        else:
            (one,) = found
            assert min(qp for _, qp in heads) <= one.qp <= max(qp for _, qp in heads)
            assert one.kind == max((kind for kind, _ in heads), key="IPB".index)


@pytest.mark.parametrize("name", X264)
def test_h264(name: str, tmp_path: Path) -> None:
    agree(traced(coded(tmp_path / "a.h264", "libx264", {"x264-params": X264[name], "preset": "veryfast"})))


@pytest.mark.parametrize("form", ["yuv444p", "yuv420p10le", "yuv422p10le", "gray"])
def test_h264_of_other_formats_in_length_prefixed_units(form: str, tmp_path: Path) -> None:
    made = traced(coded(tmp_path / "a.mkv", "libx264", {"x264-params": "bframes=3"}, form))
    assert made.extradata[0] == 1
    agree(made)


@pytest.mark.parametrize("name", X265)
def test_hevc(name: str, tmp_path: Path) -> None:
    options = {"x265-params": f"log-level=none:{X265[name]}", "preset": "superfast"}
    agree(traced(coded(tmp_path / "a.hevc", "libx265", options)))


@pytest.mark.parametrize("form", ["yuv444p10le", "yuv422p"])
def test_hevc_of_other_formats_in_length_prefixed_units(form: str, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none", "preset": "superfast"}
    made = traced(coded(tmp_path / "a.mkv", "libx265", options, form))
    assert made.extradata[0] == 1
    agree(made)


@pytest.mark.parametrize(
    ("form", "options", "bit_rate"),
    [
        ("yuv420p", {"preset": "10"}, None),
        ("yuv420p10le", {"preset": "11", "svtav1-params": "rc=1:tile-columns=1"}, 100_000),
    ],
)
@pytest.mark.parametrize("suffix", ["ivf", "mkv"])
def test_av1(form: str, options: dict[str, str], bit_rate: int | None, suffix: str, tmp_path: Path) -> None:
    agree(traced(coded(tmp_path / f"a.{suffix}", "libsvtav1", options, form, bit_rate=bit_rate)))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("yuv420p", {"deadline": "realtime", "cpu-used": "6"}),
        ("yuv420p", {"lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "5", "crf": "40"}),
        ("yuv444p", {"deadline": "realtime", "cpu-used": "6", "error-resilient": "1"}),
        ("yuv422p", {"deadline": "realtime", "cpu-used": "6", "aq-mode": "3"}),
        ("gbrp", {"deadline": "realtime", "cpu-used": "6", "lossless": "1"}),
    ],
)
def test_vp9(form: str, options: dict[str, str], tmp_path: Path) -> None:
    agree(traced(coded(tmp_path / "a.ivf", "libvpx-vp9", options, form, bit_rate=100_000)))


def test_the_slice_says_what_the_encoder_wrote(tmp_path: Path) -> None:
    stats = tmp_path / "x264.log"
    params = f"pass=1:stats={stats}:crf=28:bframes=2:keyint=12:aq-mode=0:mbtree=0"  # one quantiser a picture
    made = traced(coded(tmp_path / "a.h264", "libx264", {"x264-params": params}))
    wrote = re.findall(r"type:(\w) .* q:(\S+) aq:", stats.read_text())
    headers = Headers("h264")
    found = [one for packet in made.packets for one in headers.read(packet)]
    assert len(found) == len(wrote) == 30
    for one, (kind, qp) in zip(found, wrote, strict=True):  # the log too is in coding order
        assert one.kind == kind.upper()
        assert abs(one.qp - float(qp)) <= 0.5  # the log has what was rounded


def test_a_constant_quantiser_is_constant(tmp_path: Path) -> None:
    made = traced(coded(tmp_path / "a.h264", "libx264", {"x264-params": "qp=30:ipratio=1:pbratio=1:bframes=2"}))
    headers = Headers("h264")
    assert {one.qp for packet in made.packets for one in headers.read(packet)} == {30.0}


def test_slices_weigh_by_their_area() -> None:
    halves = [Slice("I", 20, 0, 100), Slice("P", 40, 75, 100)]
    assert pictures_of(halves) == (Coded("P", 25.0),)
    fields = [Slice("I", 20, 0, 50), Slice("B", 40, 0, 50)]
    assert pictures_of(fields) == (Coded("I", 20.0), Coded("B", 40.0))


def test_a_picture_set_that_changes_takes_effect(tmp_path: Path) -> None:
    first = traced(coded(tmp_path / "a.h264", "libx264", {"x264-params": "qp=20:bframes=0"}))
    second = traced(coded(tmp_path / "b.h264", "libx264", {"x264-params": "qp=40:cabac=0:bframes=0"}))
    headers = Headers("h264")
    for made in (first, second, first):
        for packet, heads in zip(made.packets, made.heads, strict=True):
            assert [(one.kind, one.qp) for one in headers.read(packet)] == heads


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Traced]:
    """A little of every codec."""
    path = tmp_path_factory.mktemp("samples")
    made = {
        "h264": coded(path / "a.mkv", "libx264", {"x264-params": "bframes=2:slices=2:tff=1:weightp=2"}),
        "hevc": coded(path / "b.mkv", "libx265", {"x265-params": "log-level=none", "preset": "superfast"}),
        "av1": coded(path / "c.mkv", "libsvtav1", {"preset": "11"}),
        "vp9": coded(path / "d.ivf", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "6"}, bit_rate=100_000),
    }
    return {codec: traced(file) for codec, file in made.items()}


def sane(codec: str, found: tuple[Coded, ...]) -> None:
    for one in found:
        assert one.kind in ("I", "P", "B")
        assert -48 <= one.qp <= TOP[codec]


@settings(max_examples=150)
@given(st.sampled_from(CODECS), st.data())
def test_damage_is_never_fatal(samples: dict[str, Traced], codec: str, data: st.DataObject) -> None:
    made = samples[codec]
    extradata = bytearray(made.extradata)
    for at in data.draw(st.lists(st.integers(0, max(0, len(extradata) - 1)), max_size=3)):
        if extradata:
            extradata[at] = data.draw(st.integers(0, 255))
    headers = Headers(codec, bytes(extradata))
    for packet in made.packets[:6]:
        broken = bytearray(packet[: data.draw(st.integers(0, 300))])
        for at in data.draw(st.lists(st.integers(0, 60), max_size=6)):
            if at < len(broken):
                broken[at] = data.draw(st.integers(0, 255))
        sane(codec, headers.read(bytes(broken)))


@settings(max_examples=100)
@given(st.sampled_from(CODECS), st.binary(max_size=60), st.lists(st.binary(max_size=120), max_size=4))
def test_noise_is_never_fatal(codec: str, extradata: bytes, packets: list[bytes]) -> None:
    headers = Headers(codec, extradata)
    for packet in packets:
        sane(codec, headers.read(b"\0\0\1" + packet))
        sane(codec, headers.read(packet))


def test_codecs_without_heads_have_none() -> None:
    assert Headers("vp8").read(b"\0\0\1\x65\x88\x84") == ()


@given(st.binary(max_size=12), st.lists(st.sampled_from(["flag", "ue", "se", "u3", "u17", "u0", "skip5"]), max_size=20))
def test_digits_read_as_bits_do(data: bytes, steps: list[str]) -> None:
    slow, fast = Bits(data), Digits(data)
    for step in steps:
        name, number = step.rstrip("0123456789"), step.lstrip("flagueskip")
        results = []
        for reader in (slow, fast):
            try:
                method = getattr(reader, name)
                results.append(method(int(number)) if number else method())
            except OutOfBits:
                results.append("out of bits")
        assert results[0] == results[1]
        if results[0] == "out of bits":
            return
        assert slow.pos == fast.pos
