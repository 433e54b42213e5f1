"""Detail measures against FFmpeg's filters and injected truth."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from qoe_agent.maths.detail import blocks, edge_width, noise, spatial, temporal
from tests.accuracy.faults_detail import blocks as blocked
from tests.accuracy.faults_detail import blur

if TYPE_CHECKING:
    from numpy.typing import NDArray


@cache
def scene(seed: int, size: tuple[int, int] = (640, 360), soft: float = 0.7) -> NDArray[np.uint8]:
    """Overlapping shapes with shaded faces: edges of all contrasts, as a lens shows them."""
    random = np.random.default_rng(seed)
    width, height = size
    image = np.full((height, width), 120, np.float32)
    ramp = np.linspace(-25, 25, width, dtype=np.float32)[None, :]
    for _ in range(60):
        mask = np.zeros((height, width), np.uint8)
        points = random.integers(0, [width, height], (4, 2)) // 3 + random.integers(0, [width, height]) * 2 // 3
        cv2.fillPoly(mask, [cv2.convexHull(points.astype(np.int32))], 1)
        image = np.where(mask > 0, random.uniform(30, 220) + ramp, image)
    return np.clip(cv2.GaussianBlur(image, (0, 0), soft), 16, 235).astype(np.uint8)


def siti(pictures: list[NDArray[np.uint8]], *, full: bool) -> list[tuple[float, float]]:
    """FFmpeg's siti filter."""
    graph = av.filter.Graph()
    height, width = pictures[0].shape
    form = "yuvj420p" if full else "yuv420p"
    source = graph.add_buffer(width=width, height=height, format=form, time_base=1)  # type: ignore[arg-type]
    filtered, sink = graph.add("siti"), graph.add("buffersink")
    source.link_to(filtered)
    filtered.link_to(sink)
    graph.configure()
    out = []
    for n, picture in enumerate(pictures):
        planes = np.concatenate([picture, np.full((height // 2, width), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes, form)
        frame.pts = n
        graph.push(frame)
        told = graph.pull().metadata
        out.append((float(told["lavfi.siti.si"]), float(told["lavfi.siti.ti"])))
    return out


@pytest.mark.parametrize("full", [False, True])
def test_si_and_ti_equal_ffmpegs_but_for_its_range(full: bool) -> None:
    pictures = [scene(1, (322, 182)), scene(2, (322, 182))]
    (first, _), (second, change) = siti(pictures, full=full)
    scale = 1.0 if full else 255 / 219
    assert spatial(pictures[0]) * scale == pytest.approx(first, rel=2e-3)
    assert spatial(pictures[1]) * scale == pytest.approx(second, rel=2e-3)
    assert temporal(*pictures) * scale == pytest.approx(change, rel=2e-3)


def test_si_and_ti_by_their_definition() -> None:
    before, now = scene(3, (200, 101)), scene(4, (200, 101))
    across, down = cv2.Sobel(now, cv2.CV_64F, 1, 0), cv2.Sobel(now, cv2.CV_64F, 0, 1)
    assert spatial(now) == pytest.approx(np.hypot(across, down)[1:-1, 1:-1].std(), rel=1e-5)
    assert temporal(before, now) == pytest.approx((now.astype(float) - before).std(), rel=1e-6)


def test_edges_widen_with_blur() -> None:
    for seed in range(4):
        sharp = scene(seed)
        widths = [edge_width(blur(sigma)(sharp, 0), 0.1) for sigma in (0.8, 1.5, 3.0, 5.0)]
        assert all(width is not None for width in widths)
        assert sorted(widths) == widths
        assert widths[-1] > 2.0 * widths[0]


@pytest.mark.parametrize("sigma", [1.5, 2.5])
def test_an_edges_width_is_its_height_over_its_slope(sigma: float) -> None:
    """A step blurred by a Gaussian climbs by step / (sigma sqrt(2 pi)) a pixel at its middle."""
    step = np.zeros((640, 400), np.float32)
    step[:, 200:] = 1.0
    picture = np.round(40 + 160 * cv2.GaussianBlur(step, (0, 0), sigma)).astype(np.uint8)
    assert edge_width(picture, 0.8) == pytest.approx(sigma * np.sqrt(2 * np.pi), rel=0.1)


def test_no_edges_no_width() -> None:
    assert edge_width(np.full((180, 320), 90, np.uint8)) is None


def test_blocks_are_found_with_their_period() -> None:
    for seed in range(3):
        picture = scene(seed)
        assert blocks(picture).ratio < 1.15
        found = blocks(blocked(0.7)(picture, 0))
        assert found.ratio > 1.5
        assert found.period in (8.0, 16.0, 24.0)
        larger = cv2.resize(blocked(0.7)(picture, 0), None, fx=4 / 3, fy=4 / 3, interpolation=cv2.INTER_CUBIC)
        assert blocks(larger).period in (10 + 2 / 3, 21 + 1 / 3)


@pytest.mark.parametrize("times", [2, 4])
def test_pixels_scaled_up_are_no_blocks(times: int) -> None:
    small = scene(5, (640 // times, 360 // times))
    assert blocks(np.kron(small, np.ones((times, times), np.uint8))).ratio < 1.15


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0, 8.0])
def test_noise_is_what_was_added(sigma: float) -> None:
    for seed in range(3):
        grain = np.random.default_rng(seed).normal(0.0, sigma, (360, 640))
        noisy = np.clip(np.round(scene(seed) + grain), 0, 255).astype(np.uint8)
        assert noise(noisy) == pytest.approx(sigma, rel=0.12, abs=0.1)


def test_clipped_pictures_tell_no_noise() -> None:
    assert noise(np.full((180, 320), 16, np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 16), (64, 64), (65, 131)])
def test_any_size_will_do(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert spatial(picture) >= 0.0
    assert temporal(picture, picture) == 0.0
    assert blocks(picture).ratio >= 1.0
    edge_width(picture)
    noise(picture)
