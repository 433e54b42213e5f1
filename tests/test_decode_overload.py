"""What is decoded at each level of overload: less and less, in the stated order, all of it counted, and back again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.decode import Decoding, Pool
from qoe_agent.decode.thrift import HEARD_EVERY, RARER
from qoe_agent.maths.overload import LEFT_OUT
from qoe_agent.model import Damage, Observation, Picture, Sound
from tests.accuracy.offline import Inline
from tests.media import aac, h264
from tests.test_decode_adaptive import FORM, FPS, GOP, Watch, coded, moving, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.model import Format, Packet

LEVELS = range(len(LEFT_OUT) + 1)


class Ear:
    """A look at sound that notes what it hears."""

    def __init__(self, when: str, *, keen: bool = False) -> None:
        self.when, self.keen = when, keen
        self.heard: list[float] = []
        self.steps: list[float] = []
        """The largest step from one sample to the next in each stretch."""

    def __call__(self, samples: np.ndarray, rate: int, pts: float | None) -> None:
        self.heard.append(pts or 0.0)
        self.steps.append(float(np.abs(np.diff(samples)).max()))


def decode(
    form: Format,
    packets: Iterable[Packet],
    level: int | Callable[[Packet], int],
    *,
    look: Any = None,
    **options: Any,
) -> tuple[Decoding, list[Observation]]:
    """All of it through a lane that does at once what it is given; `level`: always, or by the packet that comes."""
    out: list[Observation] = []
    lane = Inline()
    look = look or Watch(wary=False)
    decoding = Decoding(
        lane, out.append, lambda f, *a: f(*a), **{"pictures": {"look": lambda: look}, "sounds": {}} | options
    )
    decoding.format(form)
    for packet in packets:
        lane.level = level if isinstance(level, int) else level(packet)
        decoding.packet(packet)
    decoding.reset()
    return decoding, out


def shown(out: list[Observation]) -> list[float]:
    """Presentation times of the pictures, which rise."""
    times = [one.pts for one in out if isinstance(one, Picture) and one.pts is not None]
    assert times == sorted(set(times))
    return times


@pytest.fixture(scope="module")
def calm() -> list[Packet]:
    """Two minutes of groups of two seconds."""
    return repeated(coded(map(moving, range(4 * GOP))), 15)


def test_adaptive_falls_back_to_key_frames_and_then_to_few_of_them(calm: list[Packet]) -> None:
    counts, skipped = [], []
    for level in LEVELS:
        decoding, out = decode(FORM, calm, level, policy="adaptive", phase=0.0)
        counts.append(len(shown(out)))
        skipped.append(decoding.skipped)
        assert not any(isinstance(one, Damage) for one in out)
    assert counts == [4 * (GOP - 1) + 60, 60, 60, 7, 7]  # at 0 s, and once in each further 20 s
    assert [one["burst"] for one in skipped] == [0, 4, 4, 4, 4]
    assert [one["key"] for one in skipped] == [0, 0, 0, 53, 53]


def test_on_suspicion_everything_is_decoded_up_to_level_one_and_what_is_not_is_counted() -> None:
    lumas = [moving(n) if n < 3 * GOP - 7 else np.full((108, 192), 16, np.uint8) for n in range(5 * GOP)]
    packets = coded(lumas)
    skipped = {}
    for level in (0, 1, 2):
        decoding, out = decode(FORM, packets, level, look=Watch(), policy="adaptive", phase=0.9)
        dense = sum(b - a < 1.5 / FPS for a, b in zip(shown(out), shown(out)[1:], strict=False))
        assert (dense > FPS) is (level < 2), level
        skipped[level] = decoding.skipped["suspicion"]
    assert skipped[0] == skipped[1] == 0
    assert skipped[2] >= 2


def test_a_run_that_is_under_way_ends_when_the_level_rises_and_begins_again_when_it_falls(calm: list[Packet]) -> None:
    def level(packet: Packet) -> int:
        return 2 if 1.0 <= (packet.pts or 0.0) < 29.0 else 0

    decoding, out = decode(FORM, calm, level, policy="adaptive", phase=0.0)
    times = shown(out)
    assert sum(t < 2.0 for t in times) == pytest.approx(FPS, abs=4)
    assert [t for t in times if 2.0 <= t < 30.0] == [float(t) for t in range(2, 30, 2)]
    assert sum(30.0 <= t < 32.0 for t in times) == GOP
    assert decoding.skipped["picture"] >= 1


def test_all_is_seen_by_key_frames_from_level_two_on_and_whole_again_from_a_key_frame_on() -> None:
    form, packets = h264(frames=25 * 40, width=64, height=64, gop=25, late=True)

    def level(packet: Packet) -> int:
        return 2 if 10.5 <= packet.at - 1000.0 < 30.5 else 1

    decoding, out = decode(form, packets, level, policy="all", phase=0.0)
    times = shown(out)
    assert sum(t < 10.5 for t in times) >= 10.4 * 25 - 3
    assert 4 <= sum(10.6 <= t < 30.5 for t in times) <= 5
    assert sum(t >= 31.0 for t in times) == 9 * 25
    assert len(times) + decoding.skipped["picture"] == pytest.approx(1000, abs=4)
    assert not any(isinstance(one, Damage) for one in out)


@pytest.mark.parametrize("phase", [0.0, 0.4, 0.99])
@pytest.mark.parametrize("policy", ["keyframes", "adaptive", "all"])
def test_one_in_four_key_frames_on_the_mean_wherever_they_fall(policy: str, phase: float) -> None:
    form, packets = h264(frames=300 * 5, width=64, height=64, gop=15, fps=5)  # a key frame every three seconds
    before, out = decode(form, packets, 0, policy="keyframes", phase=phase)
    after, rare = decode(form, packets, 3, policy=policy, phase=phase)
    assert len(shown(out)) == 60
    assert len(shown(rare)) == pytest.approx(60 / RARER, abs=1)
    if policy == "keyframes":
        assert len(shown(rare)) + after.skipped["key"] == 60
    assert before.skipped["key"] == 0


def test_key_frames_come_as_often_as_ever_once_the_level_falls() -> None:
    form, packets = h264(frames=100 * 5, width=64, height=64, gop=25, fps=5)
    _, out = decode(form, packets, lambda packet: 4 if 20 < (packet.pts or 0.0) < 60 else 0)
    times = shown(out)
    assert sum(t <= 20 for t in times) == 5
    assert 1 <= sum(20 < t < 60 for t in times) <= 2
    assert sum(t >= 60 for t in times) == 8


@pytest.mark.parametrize("policy", ["keyframes", "adaptive", "all"])
def test_the_first_picture_of_a_connection_is_never_left_out(policy: str) -> None:
    """Else the agent's overload would be told as the viewers' startup."""
    form, packets = h264(frames=50, width=64, height=64, gop=5, fps=5)
    for phase in (0.0, 0.5, 0.9):
        _, out = decode(form, packets, 4, policy=policy, phase=phase)
        assert shown(out)[0] == 0.0
        broken = [replace(packets[0], data=bytes(64)), *packets[1:]]
        _, out = decode(form, broken, 4, policy=policy, phase=phase)
        assert shown(out)[0] == 1.0


def test_no_level_but_the_last_leaves_out_sound() -> None:
    form, packets = aac(seconds=40.0)
    for level in LEVELS:
        decoding, out = decode(form, packets, level, phase=0.3)
        heard = sum(one.duration for one in out if isinstance(one, Sound))
        assert heard == pytest.approx(40.0 if level < 4 else 40.0 / HEARD_EVERY, abs=1.1), level
        if level == 4:
            assert decoding.skipped["sound"] == pytest.approx(32, abs=2)
        else:
            assert decoding.skipped["sound"] == 0


def test_sound_after_what_was_left_out_begins_as_if_nothing_had_been() -> None:
    form, packets = aac(seconds=30.0, level=0.5)
    ear = Ear("always")
    decode(form, packets, 4, sounds={"ear": lambda: ear})
    step = 0.5 * 2 * np.pi * 1000 / 48_000
    assert len(ear.steps) >= 5
    assert max(ear.steps[1:]) < 1.2 * step  # a decoder that went on from other sound would click
    late = [replace(one, at=1000.0, pts=None, dts=None) for one in packets]
    _, out = decode(form, late, lambda packet: 4, sounds={"ear": lambda: ear})
    assert any(isinstance(one, Sound) for one in out)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("keyframes", {"always": 11111, "bursts": 10000, "search": 10000, "moving": 0, "keen": 11000}),
        ("adaptive", {"always": 11111, "bursts": 10000, "search": 10000, "moving": 11000, "keen": 11000}),
        ("all", {"always": 11111, "bursts": 11000, "search": 10000, "moving": 11000, "keen": 11000}),
    ],
)
def test_dear_looks_hear_no_bursts_from_level_one_and_nothing_from_level_two_on(
    policy: str, expected: dict[str, int]
) -> None:
    """`expected`: a digit a level; 1: it hears something, after the first stretch of all."""
    form, packets = aac(seconds=20.0)
    found = dict.fromkeys(expected, "")
    for level in LEVELS:
        ears = {when: Ear(when) for when in expected if when != "keen"} | {"keen": Ear("search", keen=True)}
        sounds = {name: (lambda ear=ear: ear) for name, ear in ears.items()}
        decoding, _ = decode(form, packets, level, policy=policy, sounds=sounds)
        for name, ear in ears.items():
            found[name] += str(int(bool(ear.heard)))
        assert (decoding.skipped["look"] > 0) is (level > 0)
    assert {name: int(digits) for name, digits in found.items()} == expected


async def test_a_stream_says_how_much_cpu_its_decoding_took(pool: Pool) -> None:
    form, packets = h264(frames=100)
    call = asyncio.get_running_loop().call_soon_threadsafe
    one, other = (
        Decoding(pool.lane(), lambda _: None, call, pictures={}, sounds={}, policy=policy)
        for policy in ("all", "keyframes")
    )
    for decoding in (one, other):
        decoding.format(form)
        for packet in packets:
            decoding.packet(packet)
            await decoding.drained(30.0)
    assert 0.0 < other.cpu < one.cpu < 10.0
    assert pool.lanes[0].cpu == pytest.approx(one.cpu + other.cpu)


@pytest.mark.parametrize(("policy", "level", "stretches"), [("keyframes", 0, 2), ("keyframes", 3, 2), ("all", 0, 4)])
def test_sound_is_decoded_twice_as_far_at_once_where_key_frames_are_enough(
    policy: str, level: int, stretches: int
) -> None:
    heard, lane = list[Any](), Inline()
    decoding = Decoding(lane, heard.append, lambda f, *a: f(*a), pictures={}, sounds={}, policy=policy)
    form, packets = aac(5.0)
    decoding.format(form)
    for _ in range(2):
        decoding.flush()
    lane.level = level
    for second in range(1, 5):
        for packet in packets:
            if second - 1 <= packet.at - packets[0].at < second:
                decoding.packet(packet)
        decoding.flush()
    assert [round(one.duration * 10) for one in heard] == [40 // stretches] * stretches
