"""The FLV demuxer against libavformat's, on whole files, cut files and damaged files."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import amf, flv_tags
from qoe_agent.bitstream.flv import LIMIT, Flv
from qoe_agent.model import DISCONTINUITY, IDR, KEY, WRAPPED, Damage, Observation
from tests.bitstream.flv_files import HEADER, by_pyav, file, formats, packets, tag

AUDIO, VIDEO, SCRIPT = 8, 9, 18
AVC = file()


def demux(data: bytes, at: float = 1.0) -> list[Observation]:
    flv = Flv()
    return flv.feed(data, at) + flv.flush(at)


def damages(seen: list[Observation]) -> list[Damage]:
    return [one for one in seen if isinstance(one, Damage)]


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ("libx264", "aac"),
        ("libx265", "aac"),
        ("libsvtav1", "libopus"),
        ("libvpx-vp9", "flac"),
        ("flv1", "libmp3lame"),
        ("libx264", "ac3"),
        ("libx264", None),
        (None, "aac"),
    ],
)
def test_packets_equal_those_of_pyav(video: str | None, audio: str | None) -> None:
    """Oracle: libavformat/flvdec.c by PyAV."""
    data = file(video, audio)
    seen = demux(data)
    ours, theirs = packets(seen), by_pyav(data)
    assert [(p.kind, p.data, p.key) for p in ours] == [t[:3] for t in theirs]
    for mine, (_, _, _, pts, dts) in zip(ours, theirs, strict=True):
        assert mine.pts == pytest.approx(pts, abs=0.001)
        assert mine.dts == pytest.approx(dts, abs=0.001)
    assert not damages(seen)


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc"), ("libsvtav1", "av1")])
def test_the_format_comes_before_the_first_packet(encoder: str, codec: str) -> None:
    seen = demux(file(encoder, "aac"))
    video, audio = formats(seen)
    assert (video.track, video.kind, video.codec, video.width, video.height) == (0, "video", codec, 64, 48)
    assert (video.frame_rate, video.pixel_format) == (25.0, "yuv420p")
    assert (audio.track, audio.codec, audio.sample_rate, audio.channels) == (1, "aac", 48000, 2)
    assert video.extradata
    assert audio.profile == "LC"
    assert audio.bit_rate == pytest.approx(128_000 / 8, rel=0.03)  # flvenc.c divides by 1024
    first = {p.track: seen.index(p) for p in reversed(packets(seen))}
    assert all(seen.index(one) < first[one.track] for one in (video, audio))


def test_the_first_picture_resets_the_decoder() -> None:
    video = [p for p in packets(demux(AVC)) if p.kind == "video"]
    assert video[0].flags == KEY | IDR
    assert sum(p.key for p in video) == 3


@given(st.lists(st.integers(0, len(AVC)), max_size=12))
@settings(max_examples=60)
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    assert _cut(AVC, cuts) == demux(AVC)


@given(st.binary(max_size=400), st.lists(st.integers(0, 3000), max_size=8), st.integers(0, 2500))
@settings(max_examples=100)
def test_garbage_in_any_cut_never_raises_and_gives_the_same(noise: bytes, cuts: list[int], where: int) -> None:
    data = AVC[:where] + noise + AVC[where + len(noise) // 2 :]
    assert _cut(data, cuts) == demux(data)


def test_byte_by_byte_is_the_same() -> None:
    data = AVC[:700] + b"\x09\x00\x00junk" + AVC[900:]
    assert _cut(data, list(range(len(data)))) == demux(data)


def _cut(data: bytes, cuts: list[int]) -> list[Observation]:
    flv, out = Flv(), []
    edges = sorted({0, *(c for c in cuts if c < len(data)), len(data)})
    for start, end in pairwise(edges):
        out += flv.feed(data[start:end], 1.0)
    return out + flv.flush(1.0)


def test_a_packet_is_handed_out_with_its_last_byte() -> None:
    flv = Flv()
    body = b"\x22" + bytes(50)  # Sorenson, no sequence header needed
    data = HEADER + tag(VIDEO, 0, body)
    assert packets(flv.feed(data[:-5], 1.0)) == []
    [packet] = packets(flv.feed(data[-5:-4], 2.0))
    assert (packet.at, packet.size) == (2.0, 50)


def test_after_garbage_the_next_whole_tag_is_found() -> None:
    sound = [tag(AUDIO, n * 20, b"\x2f" + bytes([n]) * 30) for n in range(10)]
    data = HEADER + b"".join(sound[:4]) + b"\xff\x09\x00\x00\x08" * 30 + b"".join(sound[6:])
    seen = demux(data)
    assert [p.data[0] for p in packets(seen)] == [0, 1, 2, 3, 6, 7, 8, 9]
    assert [d.kind for d in damages(seen)] == ["parse"]


def test_a_stream_that_begins_in_the_middle_is_found() -> None:
    sound = b"".join(tag(AUDIO, n * 20, b"\x2f" + bytes([n]) * 30) for n in range(5))
    assert [p.data[0] for p in packets(demux(sound[20:]))] == [1, 2, 3, 4]


def test_a_wrong_size_behind_a_tag_is_counted_once_and_survived() -> None:
    wrong = tag(AUDIO, 0, b"\x2fabc")[:-4] + bytes(4)
    seen = demux(HEADER + wrong * 5)
    assert (len(packets(seen)), len(damages(seen))) == (5, 1)


def test_a_tag_too_large_to_be_true_is_not_waited_for() -> None:
    head = bytes([VIDEO]) + (LIMIT + 1).to_bytes(3, "big") + bytes(7)
    seen = demux(HEADER + head + HEADER + tag(AUDIO, 0, b"\x2fabc"))
    assert len(packets(seen)) == 1
    assert len(damages(seen)) == 1


def test_one_stream_behind_another_is_a_break_not_damage() -> None:
    seen = demux(AVC + AVC)
    ours = packets(seen)
    assert not damages(seen)
    assert len(formats(seen)) == 2
    marked = [n for n, p in enumerate(ours) if p.flags & DISCONTINUITY]
    assert marked[0] == len(ours) // 2
    assert {ours[n].track for n in marked} == {0, 1}
    assert len(marked) == 2


def test_a_file_cut_short_says_so() -> None:
    assert [d.detail for d in damages(demux(AVC[:-10]))] == ["the last FLV tag is cut short"]


def test_times_beyond_32_bits_are_unwrapped_across_tracks() -> None:
    last = (1 << 32) - 20
    times = [(AUDIO, last), (VIDEO, last), (AUDIO, 3), (VIDEO, last + 10), (VIDEO, 20), (AUDIO, 23), (VIDEO, 60)]
    data = HEADER + b"".join(tag(kind, at, b"\x2f.." if kind == AUDIO else b"\x22..") for kind, at in times)
    seen = packets(demux(data))
    assert [round(p.dts * 1000) - last for p in seen if p.dts] == [0, 0, 23, 10, 40, 43, 80]
    assert [bool(p.flags & WRAPPED) for p in seen] == [False, False, True, False, True, False, False]


def test_a_sequence_header_with_time_zero_does_not_move_the_clock() -> None:
    late = 3_000_000_000
    config = b"\xaf\x00\x12\x10"
    data = HEADER + tag(AUDIO, 0, config) + tag(AUDIO, late, b"\xaf\x01xyz") + tag(AUDIO, 0, config)
    data += tag(AUDIO, late + 23, b"\xaf\x01xyz")
    assert [p.pts for p in packets(demux(data))] == [3_000_000.0, 3_000_000.023]


def test_a_composition_time_is_signed() -> None:
    slice_unit = b"\0\0\0\x02\x41\x9a"
    data = HEADER + tag(VIDEO, 1000, b"\x27\x01\xff\xff\xd8" + slice_unit)
    [packet] = packets(demux(data))
    assert (packet.pts, packet.dts, packet.data) == (0.96, 1.0, slice_unit)


def test_a_new_size_in_mid_stream_is_told_before_its_first_packet() -> None:
    video = Flv()
    before, after = _configs()
    seen = video.feed(HEADER + before + tag(VIDEO, 0, b"\x27\x01\0\0\0\0\0\0\x01\x41"), 1.0)
    seen += video.feed(after + tag(VIDEO, 40, b"\x27\x01\0\0\0\0\0\0\x01\x41"), 2.0)
    assert [type(one).__name__ for one in seen] == ["Format", "Packet", "Format", "Packet"]
    small, large = formats(seen)
    assert ((small.width, small.height), (large.width, large.height)) == ((64, 48), (1920, 1080))


def _configs() -> tuple[bytes, bytes]:
    """The sequence headers of two x264 streams: of the 64x48 file, and of one of 1920x1080."""
    [small] = [f.extradata for f in formats(demux(AVC)) if f.kind == "video"]
    # x264 ultrafast, 1920x1080, 25/s
    large = bytes.fromhex("0142c028ffe1001a6742c028da01e0089f970110000003001000000303208f183a8001000568ce0f2c80")
    return tag(VIDEO, 0, b"\x17\x00\0\0\0" + small), tag(VIDEO, 0, b"\x17\x00\0\0\0" + large)


def test_metadata_that_comes_late_changes_the_format() -> None:
    claims = {"width": 320.0, "height": 240.0, "framerate": 30.0, "videodatarate": 800.0, "audiodatarate": "loud"}
    seen = demux(
        HEADER
        + tag(VIDEO, 0, b"\x12..")
        + tag(SCRIPT, 0, amf.encode(["onMetaData", claims]))
        + tag(SCRIPT, 0, amf.encode(["@setDataFrame", "onMetaData", claims]))
    )
    bare, told = formats(seen)
    assert bare.width is None
    assert told == replace(bare, width=320, height=240, frame_rate=30.0, bit_rate=100_000.0)


@pytest.mark.parametrize("claims", [{"framerate": float("inf")}, {"framerate": -1.0}, {"width": "x"}, {}, 5.0])
def test_metadata_that_cannot_be_true_is_not_believed(claims: object) -> None:
    data = tag(SCRIPT, 0, amf.encode(["onMetaData", claims])) + tag(VIDEO, 0, b"\x12..")
    [only] = formats(demux(HEADER + data))
    assert (only.frame_rate, only.width) == (None, None)


def test_other_scripts_are_data_packets() -> None:
    body = amf.encode(["onFI", {"tc": "00:00:01:02"}])
    seen = demux(HEADER + tag(VIDEO, 5000, b"\x12..") + tag(SCRIPT, 5040, body))
    assert [(p.kind, p.track, p.pts) for p in packets(seen)] == [("video", 0, 5.0), ("data", 2, 5.04)]
    assert packets(seen)[1].data == body


@pytest.mark.parametrize(
    ("body", "codec", "payload", "offset"),
    [
        (b"\x93hvc1" + b"payload", "hevc", b"payload", 0.0),
        (b"\x91hvc1" + b"\xff\xff\xf6" + b"payload", "hevc", b"payload", -0.01),
        (b"\x91avc1" + b"\0\0\x28" + b"payload", "h264", b"payload", 0.04),
        (b"\x91vvc1" + b"\0\0\x28" + b"payload", "vvc", b"payload", 0.04),
        (b"\x91av01" + b"payload", "av1", b"payload", 0.0),
        (b"\x91vp09" + b"payload", "vp9", b"payload", 0.0),
        (b"\x91wxyz" + b"payload", "unknown:wxyz", b"payload", 0.0),
        (b"\x1cpayload"[:1] + b"\x01\0\0\x28payload", "hevc", b"payload", 0.04),
        (b"\x97\x02\x07\xa1\x20" + b"\x01" + b"av01" + b"payload", "av1", b"payload", 0.5),
        (b"\x96\x01av01\x00" + b"payload", "av1", b"payload", 0.0),
    ],
)
def test_enhanced_video_headers(body: bytes, codec: str, payload: bytes, offset: float) -> None:
    """By hand after Enhanced RTMP v2, "Enhanced Video": also ModEx (0.5 ms) and multitrack of one track."""
    [packet] = packets(demux(HEADER + tag(VIDEO, 1000, body)))
    [told] = formats(demux(HEADER + tag(VIDEO, 1000, body)))
    assert (told.codec, packet.data, packet.track) == (codec, payload, 0)
    moved = 0.0005 if body[0] == 0x97 else offset
    assert packet.pts == pytest.approx(1.0 + moved)


@pytest.mark.parametrize(
    ("body", "codec"),
    [
        (b"\x91Opus", "opus"),
        (b"\x91mp4a", "aac"),
        (b"\x91ac-3", "ac3"),
        (b"\x91ec-3", "eac3"),
        (b"\x91.mp3", "mp3"),
        (b"\x91fLaC", "flac"),
        (b"\xb2", "speex"),
        (b"\x72", "pcm_alaw"),
        (b"\x3e", "pcm_s16le"),
        (b"\x3c", "pcm_u8"),
    ],
)
def test_audio_headers(body: bytes, codec: str) -> None:
    seen = demux(HEADER + tag(AUDIO, 40, body + b"payload"))
    assert [(f.codec, f.track) for f in formats(seen)] == [(codec, 1)]
    assert [(p.data, p.pts, p.key) for p in packets(seen)] == [(b"payload", 0.04, True)]


def test_many_tracks_in_one_tag_come_apart() -> None:
    parts = b"av01\x00\0\0\x03one" + b"hvc1\x01\0\0\x06\0\0\x28two"
    seen = demux(HEADER + tag(VIDEO, 0, b"\x96\x21" + parts))
    assert [(f.track, f.codec) for f in formats(seen)] == [(0, "av1"), (3, "hevc")]
    assert [(p.track, p.data, p.pts) for p in packets(seen)] == [(0, b"one", 0.0), (3, b"two", 0.04)]


@pytest.mark.parametrize(
    "body",
    [b"\x17", b"\x17\x01\0", b"\x91hv", b"\x91hvc1\0", b"\x97", b"\x97\xff", b"\x96", b"\x96\x11av01\x00\0\xff\xff."],
)
def test_a_header_cut_short_is_damage(body: bytes) -> None:
    assert [d.track for d in damages(demux(HEADER + tag(VIDEO, 0, body)))] == [0]


def test_commands_empty_tags_and_the_end_of_a_sequence_are_no_packets() -> None:
    quiet = [b"", b"\x52\x00", b"\x17\x02\0\0\0", b"\x17\x02", b"\x92hvc1", b"\xd4hvc1" + b"colour"]
    seen = demux(HEADER + b"".join(tag(VIDEO, 0, body) for body in quiet))
    assert seen == []


def test_a_nal_length_with_nothing_behind_it_is_survived() -> None:
    """Found by fuzzing."""
    [packet] = packets(demux(HEADER + tag(VIDEO, 0, b"\x17\x01\0\0\0" + b"\0\0\0\x09")))
    assert packet.size == 4


def test_promised_pictures_are_announced_before_sound_that_comes_first() -> None:
    """nginx-rtmp sends a new viewer sound at once, pictures from the next key frame on."""
    whole = demux(AVC)
    first = next(p for p in packets(whole) if p.kind == "audio")
    claims = {"videocodecid": 7.0, "audiocodecid": 10.0, "width": 64.0, "height": 48.0}
    flv = Flv()
    seen = flv.tag(SCRIPT, 0, amf.encode(["onMetaData", claims]), 1.0)
    seen += flv.tag(AUDIO, 0, b"\xaf\x00\x11\x90", 1.0) + flv.tag(AUDIO, 0, b"\xaf\x01" + first.data, 1.0)
    video, audio = sorted(formats(seen), key=lambda form: form.track)
    assert (video.kind, video.codec, video.width, video.extradata) == ("video", "h264", 64, b"")
    assert audio.kind == "audio"
    assert seen.index(video) < seen.index(packets(seen)[0])


@pytest.mark.parametrize(
    ("claim", "codec"),
    [
        (7.0, "h264"),
        (12.0, "hevc"),
        (float(0x61763031), "av1"),
        ("avc1", "h264"),
        (0.0, None),
        (None, None),
        ("?", None),
    ],
)
def test_the_codec_that_metadata_claims(claim: object, codec: str | None) -> None:
    assert flv_tags.claimed_codec(claim) == codec
