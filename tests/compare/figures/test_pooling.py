"""Metrics over a whole: each metric's own mean, the worst second, and scenes from cut to cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qoe_agent.compare.figures.pooling import pooled
from qoe_agent.compare.figures.scenes import cuts, scenes
from tests.compare.scored import scores


def test_psnr_is_of_the_mean_error_and_xpsnr_of_the_mean_root() -> None:
    found = pooled(scores({"psnr_y": [30.0, 40.0], "xpsnr_y": [30.0, 40.0], "ssim": [0.9, 0.8]}), 25)
    assert found["psnr_y"].mean == pytest.approx(-10 * np.log10((1e-3 + 1e-4) / 2))
    assert found["xpsnr_y"].mean == pytest.approx(-20 * np.log10((10**-1.5 + 10**-2) / 2))
    assert found["ssim"].mean == pytest.approx(0.85)
    assert found["psnr_y"].harmonic_mean is None


def test_infinity_is_for_pictures_without_any_difference() -> None:
    found = pooled(scores({"psnr_y": [30.0] * 25 + [np.inf] * 75}), 25)["psnr_y"]
    assert found.mean == pytest.approx(30 + 10 * np.log10(4))
    assert (found.p1, found.median, found.min_1s) == (30.0, np.inf, pytest.approx(30.0))
    assert pooled(scores({"psnr_y": [np.inf] * 60}), 25)["psnr_y"].min_1s == np.inf


def test_the_harmonic_mean_is_libvmafs() -> None:
    assert pooled(scores({"vmaf[v1]": [0.0, 99.0]}), 25)["vmaf[v1]"].harmonic_mean == pytest.approx(2 / 1.01 - 1)


def test_percentiles_lie_between_ranks() -> None:
    found = pooled(scores({"vmaf[v1]": np.arange(100.0)}), 25)["vmaf[v1]"]
    assert (found.p1, found.p5, found.median) == pytest.approx((0.99, 4.95, 49.5))


def test_the_worst_second_is_by_time_and_gaps_do_not_stretch_it() -> None:
    values = np.full(100, 90.0)
    values[40:65] = 50.0
    found = pooled(scores({"vmaf[v1]": values}), 25)["vmaf[v1]"]
    assert (found.min_1s, found.min_1s_at) == (50.0, 1.6)
    # Two bad frames alone in a second that is nearly missing are not a second's worth of evidence.
    kept = np.r_[0:30, 60:62, 90:150]
    lone = np.where((kept >= 60) & (kept < 62), 1.0, 90.0)
    assert pooled(scores({"vmaf[v1]": lone}, kept), 25)["vmaf[v1]"].min_1s > 80.0
    assert pooled(scores({"vmaf[v1]": [80.0, 60.0]}), 25)["vmaf[v1]"].min_1s == 70.0, "shorter than a second"


def test_of_banding_more_is_worse() -> None:
    found = pooled(scores({"cambi": np.r_[np.zeros(50), np.full(25, 8.0), np.zeros(25)]}), 25)["cambi"]
    assert (found.min_1s, found.min_1s_at, found.p5, found.median) == (8.0, 2.0, 8.0, 0.0)


def shots(*lengths: int, seed: int = 3) -> np.ndarray:
    """Soft pictures that pan slowly, another for each shot."""
    rng = np.random.default_rng(seed)
    whole = []
    for length in lengths:
        coarse = np.kron(rng.integers(16, 235, (3, 10)), np.ones((6, 8)))
        whole += [coarse[:, k // 4 : k // 4 + 32] + rng.normal(0, 1, (18, 32)) for k in range(length)]
    return np.clip(whole, 0, 255).astype(np.uint8)


def test_cuts_are_found_where_they_are() -> None:
    assert cuts(shots(40, 30, 50), 25.0) == [40, 70]


def test_fades_flashes_and_motion_are_no_cuts() -> None:
    still = shots(1)[0].astype(np.float64)
    fade = np.array([still * (1 - k / 50) for k in range(50)], np.uint8)
    assert cuts(fade, 25.0) == []
    flash = np.repeat(still[None], 60, axis=0)
    flash[30:32] = 250
    assert cuts(flash.astype(np.uint8), 25.0) == []
    rng = np.random.default_rng(8)
    busy = rng.integers(0, 255, (60, 18, 32)).astype(np.uint8)
    assert cuts(busy, 25.0) == []


def test_scenes_hold_their_frames_and_means() -> None:
    thumbs = shots(40, 60)
    made = replace(scores({"vmaf[v1]": np.r_[np.full(40, 80.0), np.full(60, 50.0)]}, np.arange(10, 110)),
                   thumbs=(thumbs, thumbs))  # fmt: skip
    first, second = scenes(made, 25)
    assert (first.first, first.end, second.first, second.end) == (10, 50, 50, 110)
    assert (first.means["vmaf[v1]"], second.means["vmaf[v1]"], second.start_seconds) == (80.0, 50.0, 2.0)
