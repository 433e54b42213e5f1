"""Flashes by BT.1702 and WCAG 2.3.1, and pumping by what was put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qoe_agent.maths.flashes import Flashes
from qoe_agent.maths.view import View

SHAPE = (180, 320)


def luma_of(luminance: float) -> int:
    """The code whose luminance on a display of gamma 2.2 is `luminance`."""
    return round(16 + 219 * luminance ** (1 / 2.2))


def count(levels: list[float], fps: float = 25.0, share: float = 1.0, rest: float = 0.3) -> list[float]:
    """When flashes were complete; `levels` of luminance over `share` of the picture."""
    flashes, found = Flashes(), []
    for n, level in enumerate(levels):
        luma = np.full(SHAPE, luma_of(rest), np.uint8)
        luma[: round(share * SHAPE[0])] = luma_of(level)
        if flashes.see(View(luma, n / fps), n / fps).flash is not None:
            found.append(n / fps)
    return found


def square(low: float, high: float, hertz: float, seconds: float = 4.0, fps: float = 25.0) -> list[float]:
    return [high if n * hertz / fps % 1.0 < 0.5 else low for n in range(round(seconds * fps))]


@pytest.mark.parametrize("hertz", [2.0, 4.0, 5.0, 8.0, 12.5])
@pytest.mark.parametrize("fps", [25.0, 50.0])
def test_every_pair_of_opposing_changes_is_a_flash(hertz: float, fps: float) -> None:
    assert len(count(square(0.1, 0.9, hertz, fps=fps), fps)) == pytest.approx(4 * hertz, abs=1)


def test_a_tenth_of_the_luminance_is_needed() -> None:
    assert len(count(square(0.30, 0.42, 5.0))) > 15
    assert count(square(0.30, 0.38, 5.0)) == []


def test_the_darker_state_must_be_below_four_fifths() -> None:
    assert len(count(square(0.75, 0.95, 5.0))) > 15
    assert count(square(0.84, 1.0, 5.0)) == []


def test_a_quarter_of_the_screen_is_needed() -> None:
    assert len(count(square(0.1, 0.9, 5.0), share=0.3)) > 15
    assert count(square(0.1, 0.9, 5.0), share=0.2) == []


def test_slow_changes_and_steps_are_no_flashes() -> None:
    assert count([0.5 - 0.5 * np.cos(2 * np.pi * 0.4 * n / 25) for n in range(200)]) == []
    assert count([0.1] * 50 + [0.9] * 50 + [0.1] * 50) == []


def test_a_flash_of_one_picture_and_one_that_ramps() -> None:
    assert len(count([0.1] * 30 + [0.9] + [0.1] * 30)) == 1
    assert len(count([0.1] * 30 + [0.3, 0.5, 0.7, 0.5, 0.3] + [0.1] * 30)) == 1


def test_edges_that_pass_are_no_flashes() -> None:
    flashes = Flashes()
    stripes = np.tile(np.where(np.arange(640) // 40 % 2, 220, 30).astype(np.uint8), (SHAPE[0], 1))
    for n in range(100):  # eight stripes a second pass over every cell
        luma = np.ascontiguousarray(np.roll(stripes, 13 * n, axis=1)[:, : SHAPE[1]])
        assert flashes.see(View(luma), n / 25).flash is None


def test_red_against_gray_of_the_same_luma() -> None:
    flashes, found = Flashes(), 0
    for n in range(100):
        red = np.full((90, 160), 240 if n // 3 % 2 else 128, np.uint8)
        view = View(np.full(SHAPE, 81, np.uint8), chroma=lambda red=red: (red, red))  # type: ignore[misc]
        seen = flashes.see(view, n / 25)
        assert seen.flash is None
        found += seen.red is not None
    assert found == 16


def pumping(gain: Any, noise: float = 0.0) -> list[float]:
    random = np.random.default_rng(3)
    scene = random.uniform(40, 180, (9, 16)).repeat(20, axis=0).repeat(20, axis=1)
    flashes, found = Flashes(), []
    for n in range(200):
        luma = 16 + (scene - 16) * gain(n / 25) + noise * random.normal(0, 1, SHAPE)
        told = flashes.see(View(np.clip(luma, 0, 255).astype(np.uint8)), n / 25).pumping
        found += [] if told is None else [told]
    return found


@pytest.mark.parametrize("depth", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("hertz", [2.0, 7.0, 10.0])
def test_pumping_is_the_root_mean_square_of_a_sine(depth: float, hertz: float) -> None:
    told = pumping(lambda t: 1 + depth * np.sin(2 * np.pi * hertz * t), noise=2.0)
    assert len(told) >= 4
    assert told[-1] == pytest.approx(depth / 2**0.5, rel=0.25, abs=0.002)


def test_a_steady_picture_a_fade_and_a_cut_do_not_pump() -> None:
    assert max(pumping(lambda t: 1.0, noise=3.0)) < 0.002
    assert max(pumping(lambda t: 1.0 - 0.1 * t, noise=1.0)) < 0.008
    assert max(pumping(lambda t: 1.0 if t < 4 else 0.6)) < 0.002


def test_a_flash_that_begins_long_after_the_picture_went_brighter_counts_from_there() -> None:
    rising = [0.1 + 0.002 * n for n in range(150)]
    assert len(count(rising + square(0.4, 0.6, 5.0))) == pytest.approx(20, abs=1)
    assert count([*rising, *(0.4 - 0.01 * (n % 2) for n in range(100))]) == []


def test_pumping_is_measured_alike_whether_the_clock_ticks_in_few_pictures_or_in_many() -> None:
    for fps in (25.0, 300.0):
        flashes, said = Flashes(), []
        for n in range(round(8 * fps)):
            luma = np.full(SHAPE, round(100 * (1 + 0.1 * np.sin(2 * np.pi * 3.0 * n / fps))), np.uint8)
            said.append(flashes.see(View(luma, n / fps), n / fps).pumping)
        assert [each for each in said if each is not None] == pytest.approx([0.09] * 5, rel=0.2)
