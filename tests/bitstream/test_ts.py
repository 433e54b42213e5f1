"""Transport streams: libavformat's demuxer is the oracle, packet for packet."""

from __future__ import annotations

import io
import itertools
import random

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import psi
from qoe_agent.bitstream.ts import Ts
from qoe_agent.model import CORRUPT, DISCONTINUITY, IDR, WRAPPED, Damage, Format, Observation, Packet
from tests.bitstream.ts_files import SIZE, muxed, packets, pid, starts

PERIOD = 1 << 33
VIDEO, AUDIO = 0x100, 0x101
"""The PIDs that libavformat's muxer gives."""


def read(data: bytes, chunk: int = 7 * SIZE, at: float = 0.0) -> list[Observation]:
    ts = Ts()
    out = [seen for i in range(0, len(data), chunk) for seen in ts.feed(data[i : i + chunk], at)]
    return out + ts.flush(at)


def only(found: list[Observation]) -> list[Packet]:
    return [seen for seen in found if isinstance(seen, Packet)]


def theirs(data: bytes, name: str = "mpegts") -> list[av.Packet]:
    with av.open(io.BytesIO(data), format=name) as container:
        return [packet for packet in container.demux() if packet.size]


def assert_equal(data: bytes) -> list[Packet]:
    mine, reference = only(read(data)), theirs(data)
    assert [(p.track, p.data, p.key) for p in mine] == [(p.stream_index, bytes(p), p.is_keyframe) for p in reference]
    for got, want in zip(mine, reference, strict=True):
        for seconds, ticks in ((got.pts, want.pts), (got.dts, want.dts)):
            assert (seconds is None) == (ticks is None)
            assert ticks is None or seconds is None or abs(seconds * 90000 - ticks) <= 1.01
    return mine


@pytest.mark.parametrize(
    ("video", "audio", "options"),
    [
        ("libx264", "aac", {}),
        ("libx264", "aac", {"rate": 44_100, "layout": "mono", "b_frames": 0}),
        ("libx264", "mp2", {"x264": "slices=4:aud=0", "mux": (("pes_payload_size", "0"),)}),
        ("libx264", "libmp3lame", {"x264": "interlaced=1:tff=1"}),
        ("libx265", "ac3", {}),
        ("mpeg2video", "eac3", {}),
        ("libx264", "libopus", {"width": 640}),
        (None, "aac", {}),
        ("libx264", None, {"x264": "open_gop=1:intra-refresh=0"}),
    ],
)
def test_packets_are_those_of_libavformat(video: str | None, audio: str | None, options: dict[str, object]) -> None:
    mine = assert_equal(muxed(video, audio, **options))  # type: ignore[arg-type]  # keywords out of a table
    assert len(mine) > 70


@pytest.mark.parametrize("flags", ["resend_headers", "latm", "system_b"])
def test_every_way_of_muxing_is_read(flags: str) -> None:
    data = muxed(mux=(("mpegts_flags", flags),))
    if flags == "latm":  # by name only: whole PES packets
        formats = {seen.codec for seen in read(data) if isinstance(seen, Format)}
        assert formats == {"h264", "aac_latm"}
    else:
        assert_equal(data)


def test_a_bounded_video_pes_is_passed_on_when_it_is_complete() -> None:
    assert_equal(muxed(mux=(("omit_video_pes_length", "0"), ("max_delay", "700000"))))


@pytest.mark.parametrize("seed", range(3))
def test_lost_ts_packets_are_seen_and_mark_what_they_hit(seed: int) -> None:
    whole = packets(muxed(seconds=5.0))
    lots = random.Random(seed)
    kept = whole[:20] + [p for p in whole[20:] if lots.random() > 0.01]
    found, reference = read(b"".join(kept)), theirs(b"".join(kept))
    mine = only(found)
    hurt = [i for i, p in enumerate(mine) if p.flags & CORRUPT]
    damaged = [seen for seen in found if isinstance(seen, Damage) and seen.detail == "continuity counter"]
    flagged = [p for p in reference if p.is_corrupt]
    assert flagged
    assert abs(len(hurt) - len(flagged)) <= len(flagged) // 2 + 2
    assert 0.8 <= len(damaged) / (len(whole) - len(kept)) <= 1.0
    clean = {p.data for p in only(read(b"".join(whole)))}
    # nothing comes after the last picture by which a loss in it could be told
    pictures = [(i, p) for i, p in enumerate(mine) if p.kind == "video"][:-1]
    assert all(p.data in clean for i, p in pictures if i not in hurt)


def test_a_packet_arrives_with_its_last_byte() -> None:
    whole = packets(muxed(b_frames=0, mux=(("max_delay", "700000"),)))
    ts = Ts()
    found = only([seen for i, p in enumerate(whole) for seen in ts.feed(p, float(i))] + ts.flush(1e9))
    pictures = [p.at for p in found if p.kind == "video"]
    mine = [i for i, p in enumerate(whole) if pid(p) == VIDEO and p[3] & 0x10]
    last = [before for before, after in itertools.pairwise(mine) if starts(whole[after])]
    assert pictures == [float(i) for i in [*last, mine[-1]]]
    sounds = [p for p in found if p.kind == "audio"]
    carriers = {float(i) for i, p in enumerate(whole) if pid(p) == AUDIO}
    assert {p.at for p in sounds} <= carriers
    assert [p.at for p in sounds] == sorted(p.at for p in sounds)
    assert len({p.at for p in sounds}) > len({i for i in carriers if starts(whole[int(i)])})


@settings(max_examples=15)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=40), st.booleans())
def test_cuts_change_nothing(cuts: list[int], damaged: bool) -> None:
    data = muxed(seconds=2.0)
    if damaged:
        data = data[:5000] + b"garbage" * 99 + data[5100:30000] + data[30007:]
    whole = read(data, len(data))
    ts, out, at = Ts(), [], 0
    for cut in [*cuts, *([997] * (len(data) // 997 + 1))]:
        out += ts.feed(data[at : at + cut], 0.0)
        at += cut
    assert out + ts.flush(0.0) == whole


@settings(max_examples=60)
@given(st.binary(max_size=4000))
def test_garbage_is_survived(data: bytes) -> None:
    assert all(isinstance(seen, (Damage, Packet, Format)) for seen in read(data, 100))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 255)), min_size=1, max_size=60))
def test_flipped_bytes_are_survived(changes: list[tuple[int, int]]) -> None:
    data = bytearray(muxed(seconds=2.0)[:30_001])
    for where, value in changes:
        data[where] = value
    read(bytes(data))


def test_memory_stays_bounded_whatever_comes() -> None:
    ts = Ts()
    for byte in (b"\0", b"G", b"\xff"):
        for _ in range(40):
            ts.feed(byte * 65_536, 0.0)
        assert len(ts._rest) < 1000


@pytest.mark.parametrize("before", [0.5, 2.0])
def test_timestamps_run_on_when_the_counter_wraps(before: float) -> None:
    data = muxed(offset=PERIOD / 90000 - before - 1.4, seconds=4.0)
    mine, reference = only(read(data)), theirs(data)
    for got, want in zip(mine, reference, strict=True):
        assert got.pts is not None
        assert (round(got.pts * 90000) - want.pts + 2) % PERIOD <= 4
    for kind in ("video", "audio"):
        track = [p for p in mine if p.kind == kind]
        decode = [p.dts for p in track if p.dts is not None]
        assert decode == sorted(decode)
        assert [p.dts is not None and p.dts >= PERIOD / 90000 for p in track if p.flags & WRAPPED] == [True]
    first = {kind: next(p.pts or 0.0 for p in mine if p.kind == kind) for kind in ("video", "audio")}
    assert abs(first["video"] - first["audio"]) < 1.0


def test_a_packet_sent_twice_counts_once() -> None:
    whole = packets(muxed())
    twice = [copy for i, p in enumerate(whole) for copy in ([p, p] if i % 50 == 49 and not starts(p) else [p])]
    assert [p.data for p in only(read(b"".join(twice)))] == [p.data for p in only(read(b"".join(whole)))]
    assert not [seen for seen in read(b"".join(twice)) if isinstance(seen, Damage)]


def test_the_transport_error_indicator_marks_the_packet() -> None:
    whole = packets(muxed())
    hit = next(i for i, p in enumerate(whole) if i > 100 and pid(p) == VIDEO and not starts(p))
    whole[hit] = bytes((0x47, whole[hit][1] | 0x80)) + whole[hit][2:]
    found = read(b"".join(whole))
    assert [p.kind for p in only(found) if p.flags & CORRUPT] == ["video"]
    assert [seen.detail for seen in found if isinstance(seen, Damage)] == ["transport error indicator"]


def test_an_announced_discontinuity_is_no_damage() -> None:
    whole = packets(muxed(seconds=4.0))
    keyed = [i for i, p in enumerate(whole) if pid(p) == VIDEO and p[3] & 0x20 and p[4] and p[5] & 0x40]
    cut = keyed[2]
    marked = whole[cut][:5] + bytes((whole[cut][5] | 0x80,)) + whole[cut][6:]
    video_hole = [p for p in whole[cut - 30 : cut] if pid(p) != VIDEO]
    found = read(b"".join([*whole[: cut - 30], *video_hole, marked, *whole[cut + 1 :]]))
    assert not [seen for seen in found if isinstance(seen, Damage) and seen.track == 0]
    broken = [p for p in only(found) if p.flags & DISCONTINUITY]
    assert sorted(p.kind for p in broken) == ["audio", "video"]
    assert all(p.flags & IDR for p in broken if p.kind == "video")


def test_a_new_pmt_brings_a_new_format_on_the_same_track() -> None:
    found = read(muxed("libx264", "aac", seconds=2.0) + muxed("libx265", "mp2", seconds=2.0))
    formats = [(seen.track, seen.codec) for seen in found if isinstance(seen, Format)]
    assert sorted(formats) == [(0, "h264"), (0, "hevc"), (1, "aac"), (1, "mp2")]


def test_formats_come_first_and_again_when_they_change() -> None:
    found = read(muxed(width=320, seconds=1.0) + muxed(width=640, seconds=1.0, rate=44_100, layout="mono"))
    seen_tracks: set[int] = set()
    for seen in found:
        if isinstance(seen, Format):
            seen_tracks.add(seen.track)
        elif isinstance(seen, Packet):
            assert seen.track in seen_tracks
    formats = [seen for seen in found if isinstance(seen, Format)]
    assert [(f.width, f.height) for f in formats if f.kind == "video"] == [(320, 180), (640, 360)]
    assert [(f.sample_rate, f.channels) for f in formats if f.kind == "audio"] == [(48_000, 2), (44_100, 1)]


def test_tables_without_their_checksum_are_not_believed() -> None:
    whole = [bytearray(p) for p in packets(muxed())]
    for p in whole:
        if pid(p) == 0x1000:
            p[20] ^= 1
    assert not read(b"".join(whole))


def test_what_came_before_the_first_pmt_is_not_lost() -> None:
    whole = packets(muxed(seconds=2.0))
    tables = [p for p in whole if pid(p) in (0, 0x11, 0x1000)]
    media = [p for p in whole if pid(p) in (VIDEO, AUDIO)]
    late = b"".join([*media[:60], *tables[:3], *media[60:]])
    assert [p.data for p in only(read(late))] == [p.data for p in only(read(b"".join(whole)))]


@pytest.mark.parametrize(("before", "after"), [(4, 0), (0, 16)])
def test_packets_with_time_codes_or_parity_are_read(before: int, after: int) -> None:
    data = muxed()
    padded = b"".join(b"\1" * before + p + b"\2" * after for p in packets(data))
    found = read(padded, 1000)
    assert [p.data for p in only(found)] == [p.data for p in only(read(data))]
    assert not [seen for seen in found if isinstance(seen, Damage)]


def test_synchronisation_is_found_again() -> None:
    data = muxed()
    cut = 100 * SIZE
    found = read(data[:cut] + b"no transport stream here" * 20 + data[cut:])
    assert [seen.detail for seen in found if isinstance(seen, Damage)] == ["480 bytes without synchronisation"]
    assert [p.data for p in only(found)] == [p.data for p in only(read(data))]


def test_a_flush_ends_one_byte_stream_and_admits_another() -> None:
    data = muxed()
    ts = Ts()
    once = only(ts.feed(data, 0.0) + ts.flush(0.0))
    again = ts.feed(data, 1.0) + ts.flush(1.0)
    assert [p.data for p in only(again)] == [p.data for p in once]
    assert not [seen for seen in again if isinstance(seen, (Damage, Format))]


def test_scrambled_packets_are_reported_once() -> None:
    whole = [p[:3] + bytes((p[3] | 0x80,)) + p[4:] if pid(p) == VIDEO else p for p in packets(muxed())]
    found = read(b"".join(whole))
    assert {p.kind for p in only(found)} == {"audio"}
    assert [seen.detail for seen in found if isinstance(seen, Damage)] == ["scrambled"]


def section(body: bytes) -> bytes:
    """A private section with its length and checksum."""
    head = bytes((body[0],)) + (0xB000 | len(body) - 3 + 4).to_bytes(2, "big") + body[3:]
    return head + psi.crc32(head).to_bytes(4, "big")


def carried(pid_: int, data: bytes, counter: int = 0) -> bytes:
    return (bytes((0x47, 0x40 | pid_ >> 8, pid_ & 255, 0x10 | counter, 0)) + data).ljust(SIZE, b"\xff")


def test_splice_commands_are_data_packets_timed_by_the_clock() -> None:
    pat = section(b"\0\0\0\0\1\xc1\0\0\0\1\xf0\0")
    pmt = section(b"\2\0\0\0\1\xc1\0\0\xe2\x00\xf0\x06\5\4CUEI\x86\xe2\x01\xf0\0")
    clock = bytes((0x47, 0x02, 0x00, 0x20, 183, 0x10)) + (90_000 << 15).to_bytes(6, "big")
    splice = section(b"\xfc\0\0" + b"\0" * 14)
    stream = carried(0, pat) + carried(0x1000 | 0x1000, pmt)[:0]
    pmt_pid = 0x1000
    stream += carried(pmt_pid, pmt) + clock.ljust(SIZE, b"\xff") + carried(0x201, splice)
    found = read(stream + carried(0x1FFF, b"") * 3)
    assert [(p.kind, p.pts, p.data) for p in only(found)] == [("data", 1.0, splice)]
    assert [f.codec for f in found if isinstance(f, Format)] == ["scte_35"]


def test_the_checksum_is_that_of_the_standard() -> None:
    """CRC-32/MPEG-2 of the usual check string, as catalogues of CRCs list it."""
    assert psi.crc32(b"123456789") == 0x0376E6E7
