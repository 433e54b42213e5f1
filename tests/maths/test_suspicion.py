"""What packets give to suspect, and how much may be decoded for it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from qoe_agent.maths.duty import CREDIT, STILL, Duty
from qoe_agent.maths.suspicion import Suspicion, coded

if TYPE_CHECKING:
    from collections.abc import Callable

FPS, GOP = 25, 50


def reasons(size: Callable[[int], int], frames: int = 40 * FPS, step: float = 1 / FPS) -> dict[int, str]:
    """The frames that gave to suspect, with the reason; `size` of frame n."""
    suspicion = Suspicion()
    said = {n: suspicion.feed(n * step, size(n), key=n % GOP == 0, odd=False) for n in range(frames)}
    return {n: reason for n, reason in said.items() if reason}


def lively(n: int) -> int:
    """A moving picture with B frames, rate control and the odd cut."""
    if n % GOP == 0:
        return 60_000
    return int((3000, 800, 900)[n % 3] * random.Random(n).uniform(0.6, 1.6)) * (8 if n % 203 == 0 else 1)


def test_a_lively_stream_gives_nothing_to_suspect() -> None:
    assert reasons(lively, 600 * FPS) == {}


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_inter_frames_that_collapse_are_suspected_within_half_a_second(share: float) -> None:
    began, ended = 510, 570
    found = reasons(lambda n: int(lively(n) * share) if began <= n < ended and n % GOP else lively(n))
    assert set(found.values()) == {"small"}
    assert began + 8 <= min(found) <= began + FPS // 2
    assert max(found) < ended + FPS // 2


def test_a_hierarchy_of_sixteen_pictures_is_not_a_collapse() -> None:
    level = [9000, 40, 120, 40, 500, 40, 120, 40, 2500, 40, 120, 40, 500, 40, 120, 40]
    assert reasons(lambda n: 50_000 if n % GOP == 0 else level[(n % GOP - 1) % 16]) == {}


def test_what_lasts_becomes_typical() -> None:
    found = reasons(lambda n: lively(n) if n < 500 else lively(n) // 20 + 20, 80 * FPS)
    assert set(found.values()) == {"small"}
    assert max(found) < 500 + 22 * FPS


def test_a_change_in_quiet_material_is_suspected_but_the_refinement_of_a_key_frame_is_not() -> None:
    def slide(n: int) -> int:
        if n % GOP == 0:
            return 40_000
        return 9000 if n % GOP == 4 else 30_000 if n == 620 else 60

    assert reasons(slide) == {620: "large"}


def test_three_cuts_in_a_second_are_flashes_and_two_are_not() -> None:
    def cuts(*where: int) -> Callable[[int], int]:
        return lambda n: 50_000 if n in where else lively(n) if n % 203 else 3000

    assert reasons(cuts(510, 518)) == {}
    assert reasons(cuts(510, 518, 526)) == {526: "large"}


@pytest.mark.parametrize("times", [[0.0, 0.04, 0.02], [0.0, 0.04, 0.08, 2.0], [0.0, 0.04, None]])
def test_times_that_jump_are_suspected(times: list[float | None]) -> None:
    suspicion = Suspicion()
    said = [suspicion.feed(media, 1000, key=False, odd=False) for media in times]
    assert said == [""] * (len(times) - 1) + ["time"]


def test_a_stream_of_two_frames_a_second_is_not_odd() -> None:
    assert reasons(lively, 200, step=0.5) == {}


def test_what_the_transport_marked_is_suspected() -> None:
    suspicion = Suspicion()
    assert suspicion.feed(0.0, 9, key=True, odd=True) == "corrupt"
    assert suspicion.feed(0.04, 9, key=False, odd=False) == ""


def test_filler_data_does_not_count() -> None:
    picture = b"\0\0\0\1\x41" + bytes(range(1, 200))
    assert coded(picture) == len(picture)
    assert coded(picture + b"\0\0\1\x0c" + b"\xff" * 5000 + b"\x80") == len(picture) + 4
    assert coded(b"") == 0


def test_stillness_costs_ten_seconds_and_then_a_tenth_of_the_time() -> None:
    duty, still = Duty(), 0.0
    for _ in range(1800):
        duty.passed(2.0)
        if duty.allows(same=True):
            duty.spend(2.0, same=True)
            still += 2.0
    assert still == pytest.approx(STILL + 0.1 * 3600, abs=STILL)


def test_whatever_is_wished_no_more_than_half_is_decoded_in_the_long_run() -> None:
    duty, full = Duty(), 0.0
    for _ in range(1800):
        duty.passed(2.0)
        if duty.allows(same=False):
            duty.spend(2.0, same=False)
            full += 2.0
    assert full == pytest.approx(CREDIT + 0.5 * 3600, rel=0.05)


def test_a_change_is_affordable_when_stillness_is_not() -> None:
    duty = Duty()
    duty.spend(STILL, same=True)
    assert not duty.allows(same=True)
    assert duty.allows(same=False)
    duty.passed(STILL / 2 / 0.1 + 0.1)
    assert duty.allows(same=True)
