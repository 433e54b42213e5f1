"""Sharpness: what the look measures and when, and what becomes of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.maths.detail import spatial, temporal
from qoe_agent.maths.view import View
from qoe_agent.model import Lost, Opened, Picture, Tick
from qoe_agent.probes.sharpness import BLOCKINESS, BLUR, NOISE, SPATIAL, STALE, TEMPORAL, Measure
from tests.accuracy.clips import BUNNY
from tests.accuracy.faults_detail import blocks, blur
from tests.accuracy.offline import watch
from tests.maths.test_detail import scene
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qoe_agent.model import Observation

FPS = 10


def picture(at: float, look: Mapping[str, float | None] | None, height: int = 720) -> Picture:
    return Picture(at, 0, at, height * 16 // 9, height, "yuv420p", False, at, {"sharpness": look})


def measured(
    widths: list[float | None], ratios: list[float] | None = None, every: float = 1.0
) -> Iterator[Observation]:
    """One measure of blur and blocks every second."""
    yield Opened(100.0, 100.0, "rtmp")
    for n, width in enumerate(widths):
        at = 100.0 + every * n
        look = {"blur": width, "blocks": ratios[n] if ratios else 1.02, "period": 8.0}
        yield picture(at, look)
        yield Tick(at + 0.5 * every)


def test_each_measure_every_second_or_two_and_never_all_in_one_picture_of_a_running_stream() -> None:
    look = Measure()
    found = [look(View(scene(n % 3), n / FPS, follows=True)) or {} for n in range(10 * FPS)]
    for what, every in (("spatial", 2), ("temporal", 2), ("blur", 1), ("blocks", 1), ("noise", 2)):
        taken = [n for n, each in enumerate(found) if what in each]
        assert len(taken) in (10 // every, 10 // every + 1), what
        assert set(np.diff(taken[2:])) == {every * FPS}
    assert max(len([k for k in each if k != "period"]) for each in found[1:]) == 1


@pytest.mark.parametrize("every", [4.0, 5.0, 8.0])
def test_where_pictures_are_rare_what_tells_faults_is_measured_in_each(every: float) -> None:
    look = Measure()
    found = [look(View(scene(n % 3), n * every, follows=False)) or {} for n in range(24)]
    assert all({"blur", "blocks"} <= each.keys() for each in found)
    for what in ("spatial", "noise"):
        taken = [n * every for n, each in enumerate(found) if what in each]
        assert min(np.diff(taken)) >= 12.0
        assert max(np.diff(taken)) < STALE
    assert max(len([what for what in each if what != "period"]) for each in found[1:]) == 3


def test_temporal_information_is_of_two_pictures_that_follow_one_another() -> None:
    first, second, third = scene(1), scene(2), scene(3)
    look = Measure()
    look(View(first, 0.0, follows=True))
    assert (look(View(second, 0.1, follows=True)) or {})["temporal"] == pytest.approx(temporal(first, second))
    look(View(first, 1.0, follows=True))
    assert "temporal" not in (look(View(third, 1.1, follows=False)) or {})
    look(View(first, 2.0, follows=True))
    assert "temporal" not in (look(View(cv2.resize(third, (320, 180)), 2.1, follows=True)) or {})


def test_corrupt_tiny_and_untimed_pictures_are_not_measured() -> None:
    luma, look = scene(1), Measure()
    assert look(View(luma, 0.0, corrupt=True)) is None
    assert look(View(luma[:40], 0.0)) is None
    assert look(View(luma, None)) is None


def test_gauges_hold_the_last_measure_and_grow_old() -> None:
    luma = scene(5)
    look = Measure()(View(luma, 0.0))
    seen = [Opened(0.0, 0.0, "rtmp"), picture(0.0, look, height=360), Tick(1.0)]
    out = Outcome("sharpness", blocky=4.0).feed(seen)
    assert out.gauge(SPATIAL) == pytest.approx(spatial(luma))
    assert out.gauge(TEMPORAL) is None
    assert 0.001 < out.gauge(BLUR) < 0.02
    assert out.gauge(BLOCKINESS) < 1.15
    assert out.gauge(NOISE) < 0.01
    out.feed([Tick(60.0)])
    assert [out.gauge(each) for each in (SPATIAL, BLUR, BLOCKINESS, NOISE)] == [None] * 4


def test_noise_is_a_part_of_black_to_white() -> None:
    grain = np.random.default_rng(0).normal(0.0, 4.0, (360, 640))
    luma = np.clip(np.round(scene(6) + grain), 0, 255).astype(np.uint8)
    for full, span in ((False, 219), (True, 255)):
        look = Measure()(View(luma, 0.0, full_range=full)) or {}
        assert look["noise"] == pytest.approx(4.0 / span, rel=0.15)


def test_a_stream_that_loses_its_sharpness_is_blurred_until_it_is_sharp_again() -> None:
    out = Outcome("sharpness", blocky=4.0).feed(measured([2.0] * 20 + [6.0] * 15 + [2.0] * 10))
    (incident,) = out.incidents("blurred")
    assert incident.start == pytest.approx(120.0, abs=1.5)
    assert incident.end == pytest.approx(135.0, abs=1.5)
    assert incident.detail["usual"] == pytest.approx(2.0 / 720, rel=0.01)
    assert incident.detail["worst"] == pytest.approx(6.0 / 720, rel=0.01)


@pytest.mark.parametrize(
    "widths",
    [
        [6.0] * 40,  # soft from the start: nothing was lost
        [1.2] * 20 + [2.8] * 20,  # a shallow depth of field
        [2.0] * 20 + [6.0] * 2 + [2.0] * 20,  # a passing whip pan
        [2.0, 6.0] * 20,
        [2.0] * 20 + [None] * 20,  # fog: no edges, nothing known
    ],
)
def test_what_is_no_blur(widths: list[float | None]) -> None:
    assert Outcome("sharpness", blocky=4.0).feed(measured(widths)).incidents("blurred") == []


def test_blocks_that_last_are_an_incident() -> None:
    ratios = [1.05] * 10 + [1.8] * 10 + [1.05] * 10
    (incident,) = Outcome("sharpness", blocky=4.0).feed(measured([2.0] * 30, ratios)).incidents("blocky")
    assert incident.start == pytest.approx(110.0, abs=1.5)
    assert incident.end == pytest.approx(120.0, abs=1.5)
    assert incident.detail["period"] == 8.0
    assert Outcome("sharpness", blocky=4.0).feed(measured([2.0] * 30, [1.05, 1.8] * 15)).incidents("blocky") == []


def test_key_pictures_alone_will_do() -> None:
    out = Outcome("sharpness", blocky=4.0).feed(measured([2.0] * 8 + [6.0] * 8, every=5.0))
    assert len(out.incidents("blurred")) == 1


@pytest.mark.parametrize("last", [Lost(150.0, "reset"), Opened(150.0, 149.0, "rtmp")])
def test_the_end_of_the_connection_closes_what_is_open(last: Observation) -> None:
    out = Outcome("sharpness", blocky=4.0).feed([*measured([2.0] * 20 + [6.0] * 15), last])
    assert [incident.end is None for incident in out.incidents("blurred")] == [False]


def test_another_size_has_another_past() -> None:
    seen = [*measured([2.0] * 20), *(picture(120.0 + n, {"blur": 6.0}, height=540) for n in range(20))]
    assert Outcome("sharpness", blocky=4.0).feed(seen).incidents("blurred") == []


def test_injected_blur_and_blocks_end_to_end_of_the_look() -> None:
    """Ten seconds sharp, eight blurred by 4 pixels (of 360 lines), eight in blocks."""
    out = Outcome("sharpness", blocky=4.0).feed([Opened(0.0, 0.0, "rtmp")])
    look = Measure()
    faults = [(10, 18, blur(4.0)), (18, 26, blocks(0.8))]
    for n in range(30 * 2):
        at, luma = n / 2, scene(n // 10)
        for start, end, change in faults:
            luma = change(luma, n) if start <= at < end else luma
        out.feed([picture(at, look(View(luma, at)), height=360), Tick(at)])
    (blurred,), (blocky,) = out.incidents("blurred"), out.incidents("blocky")
    assert (blurred.start, blurred.end) == (pytest.approx(10, abs=1.5), pytest.approx(18, abs=2.5))
    assert (blocky.start, blocky.end) == (pytest.approx(18, abs=1.5), pytest.approx(26, abs=2.5))


def test_a_cartoon_is_neither_blurred_nor_blocky() -> None:
    if not BUNNY.exists():
        assert not os.environ.get("CI"), f"CI must have {BUNNY.name}"
        pytest.skip(f"{BUNNY.name} is missing from shared/data/video")
    seen = watch(BUNNY, "sharpness", decode="all")
    assert seen.of("blurred") == seen.of("blocky") == []
    values = [value for _, value in seen.history["qoe_blur_ratio",] if value is not None]
    assert values
    assert max(values) < 0.0047
