"""Decoding: which packets are decoded, what the looks get, and that nothing breaks it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.decode import Decoding, Pool
from qoe_agent.model import KEY, Damage, Format, Observation, Packet, Picture, Sound
from tests.media import aac, h264

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.maths.view import View

STREAMS = Path(__file__).parent.parent / "fixtures" / "streams"


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()
    assert all(lane.faults == 0 for lane in pool.lanes)


class Mean:
    def __call__(self, view: View) -> tuple[tuple[int, ...], float, float | None]:
        return view.luma.shape, float(view.luma.mean()), view.pts


class Peak:
    def __call__(self, samples: np.ndarray, rate: int, pts: float | None) -> tuple[float, int, int]:
        return float(np.abs(samples).max()), samples.shape[0], rate


async def decode(pool: Pool, packets: list[Packet], *formats: Format, **options: Any) -> list[Observation]:
    seen: list[Observation] = []
    call = asyncio.get_running_loop().call_soon_threadsafe
    looks = {"pictures": {"mean": Mean}, "sounds": {"peak": Peak}} | options
    decoding = Decoding(pool.lane(), seen.append, call, **looks)
    for form in formats:
        decoding.format(form)
    for packet in packets:
        decoding.packet(packet)
        await decoding.drained(30.0)
    decoding.reset()
    await decoding.drained(30.0)
    decoding.close()
    return seen


async def test_key_frames_that_miss_the_beat_are_decoded_as_often_as_asked_on_the_mean(pool: Pool) -> None:
    form, packets = h264(frames=600, gop=100)  # a key frame every four seconds
    seen = await decode(pool, packets, form, every=5.0)
    assert [one.pts for one in seen if isinstance(one, Picture)] == [0.0, 8.0, 12.0, 16.0, 20.0]


class Dark:
    """Sees something begin in the picture at 8 s."""

    began = False

    def __call__(self, view: View) -> None:
        self.began = view.pts == 8.0


async def test_where_something_begins_the_very_next_key_frame_is_decoded(pool: Pool) -> None:
    form, packets = h264(frames=600, gop=50)  # a key frame every two seconds
    plain = await decode(pool, packets, form, every=7.0)
    seen = await decode(pool, packets, form, every=7.0, pictures={"dark": Dark})
    assert [one.pts for one in plain if isinstance(one, Picture)] == [0.0, 8.0, 14.0, 22.0]
    assert [one.pts for one in seen if isinstance(one, Picture)] == [0.0, 8.0, 10.0, 18.0]


async def test_nothing_is_decoded_where_none_is_wanted(pool: Pool) -> None:
    (form, pictures), (heard, sounds) = h264(frames=50), aac()
    assert await decode(pool, [*pictures, *sounds], form, heard, every=0.0, policy="none") == []


async def test_key_frames_are_decoded_no_more_often_than_asked(pool: Pool) -> None:
    form, packets = h264(frames=150, gop=25)  # a key frame a second for six seconds
    seen = await decode(pool, packets, form, every=1.9)
    pictures = [one for one in seen if isinstance(one, Picture)]
    assert [one.pts for one in pictures] == [0.0, 2.0, 4.0]
    assert all((one.width, one.height, one.key) == (160, 96, True) for one in pictures)
    assert [one.at for one in pictures] == [1000.0, 1002.0, 1004.0]
    assert pictures[0].looks["mean"][0] == (96, 160)
    assert pictures[0].looks["mean"][1] == pytest.approx(np.arange(160).mean(), abs=2.0)


async def test_all_decodes_every_picture_with_its_own_arrival(pool: Pool) -> None:
    form, packets = h264(frames=50)
    seen = await decode(pool, packets, form, policy="all")
    pictures = [one for one in seen if isinstance(one, Picture)]
    assert [round(one.at - 1000.0, 6) for one in pictures] == [round(n / 25, 6) for n in range(50)]
    assert [one.key for one in pictures].count(True) == 2


async def test_all_decodes_the_pictures_too_that_the_decoder_still_holds_at_the_end(pool: Pool) -> None:
    form, packets = h264(frames=30, late=True)
    pictures = [one for one in await decode(pool, packets, form, policy="all") if isinstance(one, Picture)]
    assert sorted(one.pts for one in pictures) == pytest.approx([n / 25 for n in range(30)])


async def test_adaptive_decodes_bursts_between_key_frames(pool: Pool) -> None:
    form, packets = h264(frames=25 * 34, width=64, height=64, gop=25)
    seen = await decode(pool, packets, form, policy="adaptive", every=5.0)
    at = [one.at - 1000.0 for one in seen if isinstance(one, Picture)]
    assert sum(t < 2.0 for t in at) == 50
    assert [t for t in at if 2.0 <= t < 30.0] == [float(t) for t in range(2, 30)]
    assert sum(30.0 <= t < 32.0 for t in at) == 50


async def test_streams_of_the_same_parameter_sets_share_a_decoder_and_see_the_same_pictures(pool: Pool) -> None:
    form, packets = h264(frames=30)
    other, smaller = h264(frames=30, width=64, height=64)
    alone = await decode(pool, packets, form, every=0.0)
    lane = pool.lanes[0]
    again = await decode(pool, packets, form, every=0.0)
    assert [one.looks for one in alone] == [one.looks for one in again]
    kept = lane._kept
    await decode(pool, packets, form, every=0.0)
    assert lane._kept is kept
    await decode(pool, smaller, other, every=0.0)
    assert lane._kept is not kept


async def test_key_frames_of_every_codec_of_the_fixtures_are_decoded(pool: Pool) -> None:
    for name, codec in (("h264", "h264"), ("hevc", "hevc"), ("av1", "av1")):
        with av.open(str(STREAMS / f"{name}.mp4")) as container:
            track = container.streams.video[0]
            form = Format(1000.0, 0, "video", codec, bytes(track.codec_context.extradata or b""))
            keys = [bytes(packet) for packet in container.demux(track) if packet.is_keyframe]
        packets = [Packet(1000.0 + n, 0, "video", n, n, KEY, len(data), data) for n, data in enumerate(keys)]
        seen = await decode(pool, packets, form, every=0.0)
        assert [(one.width, one.height) for one in seen if isinstance(one, Picture)] == [(192, 108)] * len(keys), name


async def test_a_broken_key_frame_is_counted_and_the_next_one_tried(pool: Pool) -> None:
    form, packets = h264(frames=75, gop=25)
    broken = replace(packets[0], data=bytes(64))
    seen = await decode(pool, [broken, *packets[1:]], form, every=60.0)
    assert any(isinstance(one, Damage) and one.kind == "decode" for one in seen)
    assert [one.pts for one in seen if isinstance(one, Picture)] == [1.0]


async def test_sound_is_decoded_in_stretches_with_its_looks(pool: Pool) -> None:
    form, packets = aac(seconds=3.0, level=0.5)
    seen = await decode(pool, packets, form)
    sounds = [one for one in seen if isinstance(one, Sound)]
    assert sum(one.duration for one in sounds) == pytest.approx(3.0, abs=0.1)
    assert all(one.duration < 1.1 for one in sounds)
    peak, channels, rate = sounds[1].looks["peak"]
    assert (channels, rate) == (2, 48_000)
    assert peak == pytest.approx(0.5, abs=0.05)
    for before, after in itertools.pairwise(sounds):
        assert after.pts == pytest.approx(before.pts + before.duration, abs=0.001)


@pytest.mark.parametrize(("codec", "channels", "size"), [("pcm_s16le", 6, 12), ("pcm_mulaw", 1, 1)])
async def test_sound_that_does_not_say_what_it_is_is_what_its_format_says(
    pool: Pool, codec: str, channels: int, size: int
) -> None:
    form = Format(0.0, 1, "audio", codec, sample_rate=8000, channels=channels)
    packets = [Packet(n / 50, 1, "audio", n / 50, n / 50, KEY, 160 * size, b"\x10" * 160 * size) for n in range(100)]
    seen = await decode(pool, packets, form)
    sounds = [one for one in seen if isinstance(one, Sound)]
    assert not [one for one in seen if isinstance(one, Damage)]
    assert sum(one.duration for one in sounds) == pytest.approx(2.0)
    assert {one.looks["peak"][1:] for one in sounds} == {(channels, 8000)}


async def test_a_gap_in_the_sound_is_not_bridged(pool: Pool) -> None:
    form, packets = aac(seconds=2.0)
    kept = [packet for packet in packets if not 0.9 < (packet.pts or 0.0) < 1.2]
    sounds = [one for one in await decode(pool, kept, form) if isinstance(one, Sound)]
    ends = [one.pts + one.duration for one in sounds]
    starts = [one.pts for one in sounds]
    assert any(start - end > 0.2 for end, start in zip(ends, starts[1:], strict=False))


async def test_an_unknown_codec_is_damage_not_an_error(pool: Pool) -> None:
    _, packets = h264(frames=2)
    seen = await decode(pool, packets, Format(1000.0, 0, "video", "unknown:zzzz"))
    assert [type(one) for one in seen] == [Damage]


async def test_a_late_lane_skips_decoding_and_says_how_much(pool: Pool) -> None:
    gate = threading.Event()
    form, packets = h264(frames=200, width=64, height=64, gop=1)
    assert pool.lanes[0].put(lambda: assert_set(gate))
    seen: list[Observation] = []
    call = asyncio.get_running_loop().call_soon_threadsafe
    decoding = Decoding(pool.lane(), seen.append, call, pictures={}, sounds={}, every=0.0)
    decoding.format(form)
    for packet in packets:
        decoding.packet(packet)
    assert decoding.skipped["picture"] == 200 - 64
    gate.set()
    await decoding.drained(30.0)
    assert len(seen) == 64


def assert_set(gate: threading.Event) -> None:
    assert gate.wait(30.0)
