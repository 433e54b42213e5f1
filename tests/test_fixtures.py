"""The fixtures are what their truth says: as PyAV and decoded pictures see them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qoe_agent.model import Packet
from qoe_agent.sources import replay

STREAMS = Path(__file__).parent.parent / "fixtures" / "streams"
TRUTHS = {path.name.removesuffix(".truth.json"): json.loads(path.read_text()) for path in STREAMS.glob("*.truth.json")}
FILES = sorted(name for name in TRUTHS if name.endswith((".flv", ".ts", ".mp4")))
DAMAGED = {"dropped", "garbled", "truncated"}


def fault(name: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in TRUTHS[name]["faults"] if each["kind"] == kind)
    return found


def decode(name: str, kind: str) -> list[tuple[float, Any]]:
    """Decoded frames as arrays, by seconds since the first picture (or sound)."""
    with av.open(str(STREAMS / name)) as container:
        found = [(frame.time, frame.to_ndarray()) for frame in container.decode(**{kind: 0})]
    return [(at - found[0][0], each) for at, each in found]


def inside(at: float, what: dict[str, Any]) -> bool:
    return bool(what["start"] - 1e-6 <= at < what["end"] - 1e-6)


@pytest.mark.parametrize("name", FILES)
def test_tracks_are_as_declared(name: str) -> None:
    truth = TRUTHS[name]
    with av.open(str(STREAMS / name)) as container:
        assert [stream.type for stream in container.streams] == [track["kind"] for track in truth["tracks"]]
        for stream, track in zip(container.streams, truth["tracks"], strict=True):
            context = stream.codec_context
            assert context.codec.canonical_name == track["codec"]
            if isinstance(context, av.VideoCodecContext):
                assert (context.width, context.height) == (track["width"], track["height"])
                assert context.pix_fmt == track["pixel_format"]
            if isinstance(context, av.AudioCodecContext):
                assert (context.sample_rate, context.channels) == (track["sample_rate"], track["channels"])
        if not DAMAGED & {each["kind"] for each in truth["faults"]}:
            count = sum(1 for packet in container.demux() if packet.size and packet.stream.type == "video")
            assert count == sum(track.get("packets", 0) for track in truth["tracks"])


def test_every_file_has_its_truth() -> None:
    made = {path.name for path in STREAMS.iterdir() if not path.name.endswith(".truth.json")}
    assert made == set(TRUTHS)
    assert sum(path.stat().st_size for path in STREAMS.rglob("*.*")) < 6_000_000


def test_black_is_black() -> None:
    what = fault("black.ts", "black")
    for at, picture in decode("black.ts", "video"):
        luma = picture[:108]
        assert (luma.max() <= 18) == inside(at, what)


def test_frozen_stands_still() -> None:
    what = fault("frozen.ts", "frozen")
    pictures = decode("frozen.ts", "video")
    for (_, before), (at, now) in pairwise(pictures):
        change = np.abs(now[:108].astype(int) - before[:108].astype(int)).mean()
        assert (change < 1.5) == inside(at, what | {"start": what["start"] + 0.04}), (at, change)


def test_silence_is_silent() -> None:
    what = fault("silence.ts", "silence")
    edge = 0.06  # AAC's window and priming reach into the neighbours
    for at, samples in decode("silence.ts", "audio"):
        if inside(at, {"start": what["start"] + edge, "end": what["end"] - edge}):
            assert np.abs(samples).max() < 1e-4
        elif 0.1 < at < 7.9 and not inside(at, {"start": what["start"] - edge, "end": what["end"] + edge}):
            assert np.abs(samples).max() > 0.1


@pytest.mark.parametrize("name", ["gap.flv", "gap.ts"])
def test_gap_is_a_gap(name: str) -> None:
    what = fault(name, "gap")
    times = [at for at, _ in decode(name, "video")]
    widest = max(range(1, len(times)), key=lambda i: times[i] - times[i - 1])
    assert times[widest - 1] == pytest.approx(what["start"] - 0.04, abs=0.002)
    assert times[widest] == pytest.approx(what["end"], abs=0.002)


@pytest.mark.parametrize("name", ["jump_day.flv", "jump_hour.ts"])
def test_jump_jumps(name: str) -> None:
    (what,) = TRUTHS[name]["faults"]
    times = [at for at, _ in decode(name, "video")]
    jumps = [(before, after) for before, after in pairwise(times) if after - before > 1.0]
    assert jumps == [pytest.approx((what["start"] - 0.04, what["start"] + what["amount"]), abs=0.01)]


@pytest.mark.parametrize("name", ["resolution.flv", "resolution.ts"])
def test_resolution_changes(name: str) -> None:
    what = fault(name, "resolution")
    for at, picture in decode(name, "video"):
        size = (picture.shape[1], picture.shape[0] * 2 // 3)
        assert size == (tuple(what["size"]) if inside(at, what) else (192, 108))


def test_wrap_wraps() -> None:
    data = (STREAMS / "wrap.ts").read_bytes()
    starts = [
        data[i + 4 + data[i + 4] + 1 :][:20]
        for i in range(0, len(data), 188)
        if data[i + 1] & 0x40 and data[i + 3] & 0x20
    ]
    stamps = [
        (b[9] & 14) << 29 | b[10] << 22 | (b[11] & 254) << 14 | b[12] << 7 | b[13] >> 1
        for b in starts
        if b[:3] == b"\0\0\1" and b[7] & 0x80
    ]
    assert max(stamps) > (1 << 33) - 90000
    assert min(stamps) < 4 * 90000


@pytest.mark.parametrize("name", ["hls_ts", "hls_fmp4"])
def test_playlists_play(name: str) -> None:
    truth = TRUTHS[name]
    with av.open(str(STREAMS / name / "index.m3u8")) as container:
        count = sum(1 for packet in container.demux(video=0) if packet.size)
    assert count == truth["tracks"][0]["packets"]
    listed = [line for line in (STREAMS / name / "index.m3u8").read_text().split() if not line.startswith("#")]
    assert len(listed) == truth["segments"]
    assert all((STREAMS / name / line).exists() for line in listed)


def test_missing_segment_is_listed_but_not_there() -> None:
    what = fault("hls_missing", "missing_segment")
    folder = STREAMS / "hls_missing"
    listed = [line for line in (folder / "index.m3u8").read_text().split() if not line.startswith("#")]
    assert [i for i, line in enumerate(listed) if not (folder / line).exists()] == [what["sequence"]]


@pytest.mark.parametrize("name", ["steady.jsonl.gz", "pause_burst.jsonl.gz", "pause_clock.jsonl.gz"])
def test_recorded_pauses(name: str) -> None:
    truth = TRUTHS[name]
    packets = [seen for seen in replay.read(STREAMS / name) if isinstance(seen, Packet)]
    since = truth["began"] + truth["delay"]
    silences = [(a.at - since, b.at - since) for a, b in pairwise(packets) if b.at - a.at > 0.5]
    pauses = [(each["start"], each["end"]) for each in truth["faults"]]
    assert silences == [pytest.approx(pause, abs=0.05) for pause in pauses]
    ends = packets[-1].at - since - (packets[-1].pts or 0.0)
    held = sum(each["end"] - each["start"] for each in truth["faults"] if not each["burst"])
    assert ends == pytest.approx(held, abs=1e-6)
