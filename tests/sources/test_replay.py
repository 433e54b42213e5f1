"""Recordings: what was seen comes back exactly, and at the pace it was seen."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent import clock, model, sources
from qoe_agent.bitstream.ts import Ts
from qoe_agent.model import Format, Lost, Observation, Opened, Packet, Picture, Segment, Sound, Target, Tick
from qoe_agent.sources import lines, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAMS = Path(__file__).parent.parent.parent / "fixtures" / "streams"

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | numbers | texts | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts.filter(lambda t: t != "base64"), inner, max_size=3)
    ),
    max_leaves=6,
)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "float": numbers,
    "int": st.integers(-(2**60), 2**60),
    "str": texts,
    "bool": st.booleans(),
    "bytes": st.binary(max_size=50),
    "Kind": st.sampled_from(["video", "audio", "data"]),
    "Literal": texts,
    "tuple": st.lists(st.integers(0, 9), max_size=3).map(tuple),
    "Mapping[str, float]": st.dictionaries(texts, numbers, max_size=3),
    "Mapping[str, Any]": st.dictionaries(texts, values, max_size=3),
}


def observations(cls: type) -> st.SearchStrategy[Any]:
    """Any observation of that type, by what its fields say that they hold."""
    wanted = {}
    for name, annotation in cls.__annotations__.items():
        plain = annotation.removesuffix(" | None")
        strategy = BY_TYPE[plain if plain in BY_TYPE else plain.partition("[")[0]]
        wanted[name] = strategy | st.none() if plain != annotation else strategy
    return st.builds(cls, **wanted)


@pytest.mark.parametrize("cls", get_args(Observation), ids=lambda cls: cls.__name__)
@settings(max_examples=60)
@given(data=st.data())
def test_every_observation_comes_back_equal(cls: type, data: st.DataObject) -> None:
    seen = data.draw(observations(cls))
    line = lines.encode(seen)
    assert "\n" not in line
    back = lines.decode(line)
    assert back == seen
    assert type(back) is type(seen)


def test_looks_with_arrays_and_tuples_come_back_as_lists() -> None:
    looks = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": (1, np.float64(0.1)),
        "c": {"t": b"\0\1"},
        "d": np.bool_(True),
    }
    seen = Picture(1.0, 0, 2.0, 4, 4, "yuv420p", True, 1.5, looks)
    back = lines.decode(lines.encode(seen))
    assert isinstance(back, Picture)
    assert back.looks == {"a": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], "b": [1, 0.1], "c": {"t": b"\0\1"}, "d": True}


def test_looks_that_are_pictures_or_not_plain_are_left_out() -> None:
    looks = {"picture": np.zeros((200, 300), np.uint8), "object": object(), "fine": 1}
    back = lines.decode(lines.encode(Picture(1.0, 0, 2.0, 4, 4, "yuv420p", True, 1.5, looks)))
    assert isinstance(back, Picture)
    assert back.looks == {"fine": 1}


def demuxed() -> list[Observation]:
    parser = Ts()
    data = (STREAMS / "h264.ts").read_bytes()
    return [Opened(0.5, 0.25, "ts", {"connect": 0.1}), *parser.feed(data, 1.0), *parser.flush(1.0)]


def record(path: Path, seen: Sequence[Observation]) -> list[Observation]:
    with replay.Recorder(path) as recorder:
        for each in seen:
            recorder.write(each)
    return list(replay.read(path))


def test_packets_keep_their_size_and_sei_but_no_picture(tmp_path: Path) -> None:
    seen = demuxed()
    back = record(tmp_path / "a.jsonl.gz", seen)
    assert len(back) == len(seen)
    for got, want in zip(back, seen, strict=True):
        if isinstance(want, Packet):
            assert isinstance(got, Packet)
            assert got == replace(want, data=got.data)
            assert len(got.data) < want.size
        else:
            assert got == want
    first = next(each for each in back if isinstance(each, Packet) and each.kind == "video")
    assert b"x264 - core" in first.data
    assert first.size > len(first.data) + 100


def test_a_recording_recorded_again_is_the_same_file(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.jsonl.gz", tmp_path / "twice.jsonl.gz"
    record(twice, record(once, demuxed()))
    assert once.read_bytes() == twice.read_bytes()


def test_the_header_says_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    record(path, [Opened(1000.5, 1000.0, "rtmp"), Tick(1001.0)])
    header = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])
    assert header == {"recording": "qoe-agent observations", "version": 1, "start": 1000.5, "protocol": "rtmp"}


HEADER = b'{"recording": "qoe-agent observations", "version": 1}\n'


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (b"", 1, "empty"),
        (b"hello\n", 1, "not a recording"),
        (b'{"recording": "qoe-agent observations", "version": 2}\n', 1, "version 2"),
        (HEADER + b'{"seen":"Tick","at":1.0}\n{"seen":"Tick","at":', 3, "not JSON"),
        (HEADER + b"[]\n", 2, "no observation is called None"),
        (HEADER + b'{"seen":"Tock","at":1}\n', 2, "no observation is called 'Tock'"),
        (HEADER + b'{"seen":"Tick"}\n', 2, "Tick without at"),
        (HEADER + b'{"seen":"Tick","at":"1"}\n', 2, 'at: float expected, not "1"'),
        (HEADER + b'{"seen":"Tick","at":true}\n', 2, "at: float expected"),
        (HEADER + b'{"seen":"Tick","at":1,"colour":2}\n', 2, "Tick has no colour"),
        (HEADER + b'{"seen":"Format","at":1,"track":0,"kind":"video","codec":"h264","extradata":"?"}\n', 2, "base64"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: bytes, where: int, what: str) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(replay.RecordingError) as caught:
        list(replay.read(path))
    assert str(caught.value).startswith(f"{path}:{where}: ")
    assert what in str(caught.value)


def test_a_recording_cut_short_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    record(path, [Opened(1.0, 0.9, "rtmp"), *(Tick(float(i)) for i in range(2, 500))])
    path.write_bytes(path.read_bytes()[:-40])
    found: list[Observation] = []
    with pytest.raises(replay.RecordingError, match="ends or breaks here"):
        found.extend(replay.read(path))
    assert len(found) > 300


@settings(max_examples=100)
@given(
    st.binary(max_size=100)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_garbage_lines_are_bad_lines(line: bytes) -> None:
    with pytest.raises(lines.BadLine):
        lines.decode(line)


async def play(path: Path) -> tuple[list[Observation], Lost]:
    seen: list[Observation] = []
    async with asyncio.timeout(30):
        return seen, await sources.watch(Target(str(path)), seen.append)


async def test_a_replay_keeps_the_spacing_and_moves_it_to_now(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    packets: list[Observation] = [Packet(100.0 + i / 20, 0, "video", i / 20, i / 20, 0, 9, b"") for i in range(10)]
    segment = Segment(100.5, 100.1, 100.2, 7, 0.5, 90, program_date_time=99.0)
    record(path, [Opened(99.9, 99.8, "ts"), *packets, Tick(100.3), segment, Lost(100.6, "reset", "by peer")])
    loop = asyncio.get_running_loop()
    begun = loop.time()
    seen, lost = await play(path)
    assert 0.69 < loop.time() - begun < 5
    assert not any(isinstance(each, Tick) for each in seen)
    opened = seen[0]
    assert isinstance(opened, Opened)
    shift = opened.at - 99.9
    assert shift > 1e6
    assert opened.requested == pytest.approx(99.8 + shift)
    assert [p.at - shift for p in seen[1:11]] == pytest.approx([p.at for p in packets])
    last = seen[-1]
    assert isinstance(last, Segment)
    assert (last.requested, last.first_byte) == pytest.approx((100.1 + shift, 100.2 + shift))
    assert last.program_date_time == 99.0, "what a stream says of time is not ours to move"
    assert (lost.reason, lost.detail) == ("reset", "by peer")


def test_when_a_recording_was_made(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    record(path, [Opened(1000.5, 1000.0, "rtmp")])
    assert sources.recorded_at(Target(str(path))) == 1000.5
    path.write_bytes(b"hello")
    assert sources.recorded_at(Target(str(path))) == pytest.approx(clock.wall(clock.now()), abs=1.0)


async def test_a_reconnect_inside_a_recording_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    record(path, [Opened(1.0, 0.9, "rtmp"), Lost(1.1, "reset"), Opened(1.2, 1.2, "rtmp"), Tick(1.3)])
    seen, lost = await play(path)
    assert [type(each) for each in seen] == [Opened, Lost, Opened]
    assert lost.reason == "ended"


async def test_what_was_decoded_late_does_not_double_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    sound = Sound(1.05, 1, 0.0, 0.02, 48_000, 2, 1.2)
    record(path, [Opened(1.0, 0.9, "rtmp"), Lost(1.1, "ended", "the publisher left"), sound, Tick(1.3)])
    seen, lost = await play(path)
    assert [type(each) for each in seen] == [Opened, Sound]
    assert lost.detail == "the publisher left"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.jsonl.gz", None, "not_found"),
        ("bad.jsonl.gz", b"hello", "protocol"),
        ("cut.jsonl.gz", b"\x1f\x8b", "protocol"),
    ],
)
async def test_a_recording_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    seen, lost = await play(tmp_path / name)
    assert (seen, lost.reason) == ([], reason)
    assert lost.detail


def test_the_recorded_fixtures_are_readable() -> None:
    for path in STREAMS.glob("*.jsonl.gz"):
        found = list(replay.read(path))
        assert isinstance(found[0], Opened)
        assert isinstance(found[-1], Lost)
        assert sum(isinstance(each, Format) for each in found) == 2
        assert {type(each) for each in found} <= set(get_args(model.Observation))
