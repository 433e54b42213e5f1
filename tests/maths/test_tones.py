"""Levels, colours and bars of pictures, against what was put in and FFmpeg's signalstats."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from qoe_agent.maths.borders import LEAST, Borders
from qoe_agent.maths.tint import Tint
from qoe_agent.maths.tones import tones_of
from qoe_agent.maths.view import View
from tests.accuracy import clips
from tests.accuracy import faults_picture as faults
from tests.probes.views import view_of_image

SIZE = (640, 360)


def scene(seed: int = 1) -> np.ndarray[Any, Any]:
    """Soft shapes of all colours and levels."""
    random = np.random.default_rng(seed)
    rough = random.uniform(10, 245, (9, 16, 3))
    big = np.kron(rough, np.ones((40, 40, 1)))
    slope = np.linspace(0.75, 1.0, 640)[None, :, None] * np.linspace(1.0, 0.85, 360)[:, None, None]
    return np.asarray(big * slope + random.uniform(0, 3, big.shape), np.uint8)


def shot(n: int) -> np.ndarray[Any, Any]:
    """A scene of mild colours, over which a camera has moved by `n` steps."""
    rough = np.random.default_rng(6).uniform(30, 220, (6, 11, 1)) * np.random.default_rng(7).uniform(0.8, 1, (6, 11, 3))
    wide = cv2.resize(rough, (900, 360), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide[:, 6 * n : 6 * n + 640], np.uint8)


def signalstats(image: np.ndarray[Any, Any]) -> dict[str, float]:
    """What FFmpeg's filter says of a picture."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(format="yuv420p")
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    middle, sink = graph.add("signalstats"), graph.add("buffersink")
    source.link_to(middle)
    middle.link_to(sink)
    graph.configure()
    graph.push(frame)
    return {key.rpartition(".")[2]: float(value) for key, value in graph.pull().metadata.items()}


def test_means_are_those_of_signalstats() -> None:
    for image in (scene(), scene(2) // 3, faults.cast(1.0, 0.8, 0.6)(scene(3), 0)):
        told, tones = signalstats(image), tones_of(view_of_image(image))
        assert tones.mean == pytest.approx((told["YAVG"] - 16) / 219, abs=0.01)
        assert tones.saturation == pytest.approx(2 * told["SATAVG"] / 224, abs=0.02)
        assert tones.high >= (told["YHIGH"] - 16) / 219 - 0.02


def test_clipped_crushed_and_spread() -> None:
    assert tones_of(view_of_image(faults.exposure(3)(scene(), 0))).clipped > 0.12
    assert tones_of(view_of_image(faults.crushed(140)(scene() // 2, 0))).crushed > 0.3
    natural, page = tones_of(view_of_image(scene())), tones_of(view_of_image(next(clips.slides(SIZE, 1.0))))
    assert natural.spread > 0.6
    assert page.spread < 0.2
    assert natural.clipped < 0.02


def test_gray_has_no_colour_and_no_cast() -> None:
    tones = tones_of(view_of_image(faults.saturation(0)(scene(), 0)))
    assert tones.saturation == pytest.approx(0, abs=0.005)
    assert tones.vivid == pytest.approx(0, abs=0.01)
    assert tones_of(View(np.full((90, 160), 99, np.uint8))).saturation is None


def test_a_cast_is_in_all_tones_and_a_red_dress_is_not() -> None:
    gray = faults.saturation(0)(scene(), 0)
    cast = tones_of(view_of_image(faults.cast(1.0, 0.9, 0.6)(gray, 0))).cast
    assert cast == pytest.approx(0.2, abs=0.06)
    dressed = gray.copy()
    dressed[60:340, 250:400] = (200, 20, 30)
    assert tones_of(view_of_image(dressed)).cast == pytest.approx(0, abs=0.01)


def test_missing_planes_are_alien_and_no_photograph_is() -> None:
    luma = view_of_image(scene()).luma
    none = np.zeros((180, 320), np.uint8)
    found = tones_of(View(luma, chroma=lambda: (none, none))).alien
    assert found is not None
    assert found > 0.8
    assert tones_of(view_of_image(scene())).alien == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("gains", [(1.0, 0.9, 0.7), (0.75, 1.0, 0.75), (0.6, 0.8, 1.0)])
def test_colours_that_turn_within_a_shot_are_told_and_forgotten_when_they_turn_back(
    gains: tuple[float, float, float],
) -> None:
    tint, told = Tint(), []
    for n in range(30):
        shown = faults.cast(*gains)(shot(n), n) if 10 <= n < 20 else shot(n)
        told.append(tint.see(view_of_image(shown)))
    first, middle, last = ([float(each or 0.0) for each in told[n : n + 10]] for n in (0, 10, 20))
    assert max(first) == 0.0
    assert min(middle) > 0.08
    assert max(last) < 0.02


def test_turned_colours_are_followed_over_cuts_to_shots_seen_before() -> None:
    tint, gains = Tint(), faults.cast(0.65, 1.0, 1.1)
    one, other = shot(0), np.ascontiguousarray(shot(0)[:, ::-1])
    shots = one, other, one, gains(one, 0), gains(other, 0), gains(one, 0), one, other
    told = [[float(tint.see(view_of_image(each)) or 0.0) for _ in range(3)] for each in shots]
    assert all(min(each) > 0.08 for each in told[3:6])
    assert max(max(each) for each in told[:3] + told[6:]) < 0.02


def test_colours_that_turn_back_after_a_cut_are_no_cast() -> None:
    tint, gains = Tint(), faults.cast(1.0, 0.7, 1.0)
    other = np.ascontiguousarray(shot(0)[:, ::-1])
    told = [tint.see(view_of_image(each)) for each in (shot(0), gains(shot(0), 1), gains(other, 2), other, other)]
    assert [float(each or 0.0) > 0.08 for each in told] == [False, True, False, False, False]


def test_light_that_dims_what_moves_and_a_cut_turn_nothing() -> None:
    tint = Tint()
    told = [tint.see(view_of_image(np.asarray(scene() * (1 - 0.03 * n), np.uint8))) for n in range(15)]
    for n in range(10):
        dressed = scene()
        dressed[60:340, 30 * n : 30 * n + 200] = (200, 20, 30)
        told.append(tint.see(view_of_image(dressed)))
    told += [tint.see(view_of_image(faults.cast(1.0, 0.7, 0.5)(scene(seed), 0))) for seed in (7, 8, 9)]
    assert max(float(each or 0.0) for each in told) == 0.0
    assert tint.see(View(np.full((90, 160), 99, np.uint8))) is None


@pytest.mark.parametrize(
    ("across", "down", "name"),
    [(0.25, 0.0, "pillarbox"), (0.0, 0.25, "letterbox"), (0.2, 0.2, "windowbox"), (0.0, 0.0, "")],
)
@pytest.mark.parametrize("level", [0, 10])
def test_bars_are_where_they_were_put(across: float, down: float, name: str, level: int) -> None:
    image = faults.framed(across, down, level)(scene(), 0)
    borders = Borders()
    for second in range(LEAST):
        found = borders.see(view_of_image(image), float(second))
    assert found is not None
    assert found.bars(0.04) == name
    assert found.since == 0.0
    assert found.right - found.left == pytest.approx(640 * (1 - across), abs=2)
    assert found.bottom - found.top == pytest.approx(360 * (1 - down), abs=2)
    assert found.share == pytest.approx((1 - across) * (1 - down), abs=0.02)


def test_logo_and_subtitles_in_the_bars_stay_in_them() -> None:
    image = faults.framed(down=0.25)(scene(), 0)
    image[14:30, 560:610] = 220
    image[328:344, 250:330] = 220
    borders = Borders()
    for second in range(LEAST):
        found = borders.see(view_of_image(image), float(second))
    assert found is not None
    assert found.bottom - found.top == pytest.approx(270, abs=2)


def test_a_dark_scene_is_no_bar_and_the_picture_grows_at_once() -> None:
    borders = Borders()
    dark = scene()
    dark[:120] = 4
    for second in range(6):
        borders.see(view_of_image(faults.framed(across=0.25)(scene(), 0)), float(second))
    full = borders.see(view_of_image(scene()), 6.0)
    assert full is not None
    assert full.share == 1.0
    for second in range(7, 20):
        kept = borders.see(view_of_image(dark), float(second))
    assert kept is not None
    assert kept.share == 1.0
    for second in range(20, 31):
        kept = borders.see(view_of_image(dark), float(second))
    assert kept is not None
    assert (kept.share < 1.0, kept.since) == (True, 15.0)


def test_night_is_not_known_and_a_gradual_edge_is_no_bar() -> None:
    borders = Borders()
    vignette = np.asarray(scene() * np.clip(np.linspace(-0.4, 1.6, 640), 0, 1)[None, :, None], np.uint8)
    for second in range(LEAST):
        found = borders.see(view_of_image(vignette), float(second))
        assert Borders().see(view_of_image(scene() // 20), 0.0) is None
    assert found is not None
    assert found.bars(0.04) == ""
