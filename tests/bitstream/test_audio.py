"""What sound declares, against PyAV's encoders and demuxers."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.bitstream import audio

STREAMS = Path(__file__).parent.parent.parent / "fixtures" / "streams"


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6), ("7.1", 8)])
def test_specific_config_as_the_encoder_writes_it(rate: int, layout: str, channels: int) -> None:
    context: Any = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = rate, layout, "fltp"
    context.open()
    assert audio.describe_aac(context.extradata) == (rate, channels, "LC")
    assert audio.frame_duration("aac", context.extradata, b"") == 1024 / rate


@pytest.mark.parametrize(
    ("config", "expected", "seconds"),
    [
        ("1210", (44100, 2, "LC"), 1024 / 44100),
        ("2b920800", (44100, 2, "HE-AAC"), 1024 / 22050),  # explicit SBR (ISO/IEC 14496-3 table 1.15)
        ("eb8a0800", (44100, 2, "HE-AACv2"), 1024 / 22050),  # explicit PS on one coded channel
        ("139056e5a0", (44100, 2, "HE-AAC"), 1024 / 22050),  # LC with a backward compatible SBR extension
        ("1214", (44100, 2, "LC"), 960 / 44100),  # frameLengthFlag
    ],
)
def test_known_configs(config: str, expected: tuple[int, int, str], seconds: float) -> None:
    data = bytes.fromhex(config)
    assert audio.describe_aac(data) == expected
    assert audio.frame_duration("aac", data, b"") == pytest.approx(seconds)
    # libavformat/flvdec.c reads the same out of an AAC sequence header
    tags = b"".join(_flv_audio(b"\xaf" + body) for body in (b"\0" + data, b"\1" + bytes(8)))
    with av.open(io.BytesIO(b"FLV\1\4\0\0\0\x09\0\0\0\0" + tags), format="flv") as container:
        (stream,) = container.streams.audio
        assert (stream.codec_context.sample_rate, stream.codec_context.channels) == expected[:2]


def _flv_audio(body: bytes) -> bytes:
    return b"\x08" + len(body).to_bytes(3, "big") + bytes(7) + body + (len(body) + 11).to_bytes(4, "big")


def test_adts_as_the_muxer_writes_it() -> None:
    with av.open(str(STREAMS / "audio_only.ts")) as container:
        packets = [bytes(p) for p in container.demux() if p.size]
    assert {audio.describe_adts(data) for data in packets} == {(48000, 2, "LC")}
    assert {audio.frame_duration("aac", b"", data) for data in packets} == {1024 / 48000}


@pytest.mark.parametrize(("name", "codec"), [("mp3.flv", "mp3"), ("opus.flv", "opus"), ("opus.ts", "opus")])
def test_durations_as_the_demuxer_has_them(name: str, codec: str) -> None:
    with av.open(str(STREAMS / name)) as container:
        packets = [(bytes(p), p.dts * p.time_base) for p in container.demux(audio=0) if p.size]
    steps = [float(b[1] - a[1]) for a, b in pairwise(packets)]
    for (data, _), step in zip(packets, steps, strict=False):
        assert audio.frame_duration(codec, b"", data) == pytest.approx(step, abs=0.0011)


@pytest.mark.parametrize(
    ("toc", "seconds"),
    [
        ("0800", 0.02),  # SILK NB 20 ms
        ("1900", 0.12),  # SILK NB 60 ms, two frames
        ("60", 0.01),  # hybrid 10 ms
        ("e0", 0.0025),  # CELT FB 2.5 ms
        ("fb06", 0.12),  # CELT FB 20 ms, six frames
    ],
)
def test_opus_by_rfc_6716(toc: str, seconds: float) -> None:
    assert audio.frame_duration("opus", b"", bytes.fromhex(toc)) == pytest.approx(seconds)


@given(st.sampled_from(["aac", "opus", "mp3", "mp2", "ac3"]), st.binary(max_size=20), st.binary(max_size=20))
def test_garbage_never_raises(codec: str, config: bytes, data: bytes) -> None:
    seconds = audio.frame_duration(codec, config, data)
    assert seconds is None or 0 < seconds <= 200
    for found in (audio.describe_aac(config), audio.describe_adts(data)):
        assert found is None or (found[0] > 0 and found[1] > 0)
