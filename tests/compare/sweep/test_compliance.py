"""Peak rate, buffer and key frames, on packets of which all is known, and on what x264 itself promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent.compare.media import inspect
from qoe_agent.compare.sweep import compliance, encoding, jobs
from qoe_agent.compare.sweep.encoding import Packets

from ..sweep_made import clip, point
from .clips import ffmpeg, plan, reference

if TYPE_CHECKING:
    from pathlib import Path


def packets(*sizes: int, rate: float = 10.0) -> Packets:
    times = tuple(number / rate for number in range(len(sizes)))
    return Packets(times, times, sizes, (True,) + (False,) * (len(sizes) - 1), rate)


def test_the_peak_is_that_of_the_fullest_window() -> None:
    sent = packets(*[100] * 10, *[500] * 5, *[100] * 10)
    assert compliance.peak(sent, 0.5) == pytest.approx(500 * 8 * 10)
    assert compliance.peak(sent, 1.0) == pytest.approx((500 * 5 + 100 * 5) * 8)
    assert compliance.peak(sent, 100.0) == pytest.approx(sum(sent.sizes) * 8 / 2.5)
    assert compliance.peak(packets(), 1.0) is None


def test_rounded_times_put_no_more_frames_into_a_window() -> None:
    sent = packets(*[100] * 50, rate=30.0)
    rounded = replace(sent, times=tuple(round(time, 3) for time in sent.times))
    assert compliance.peak(rounded, 1.0) == pytest.approx(compliance.peak(sent, 1.0))


def test_a_buffer_runs_dry_by_what_is_too_much() -> None:
    """10 kb/s into 2 kb, at first 1.8 kb full: frames of 1 kb are what it takes, one of 2.5 kb is not."""
    steady = compliance.buffer(packets(*[125] * 20), 10_000, 2_000)
    assert (steady.violations, steady.first_at) == (0, None)
    assert steady.lowest == pytest.approx(0.4)
    broken = compliance.buffer(packets(125, 125, 313, 125, 125), 10_000, 2_000)
    assert broken.violations == 1
    assert broken.first_at == pytest.approx(0.2)
    assert broken.lowest == pytest.approx((1800 - 313 * 8) / 2000)


def test_a_buffer_is_never_more_than_full() -> None:
    rested = compliance.buffer(packets(*[1] * 20, 300), 10_000, 2_000)
    assert rested.violations == 1, "what came while it was full is lost"


def test_x264_keeps_to_the_buffer_it_was_given_and_not_to_a_smaller_one(tmp_path: Path) -> None:
    path = reference(tmp_path, frames=60)
    said = "encodes: [{encoder: x264, presets: [veryfast], abr: [200k], maxrate: 200k, bufsize: 100k}]\ngop: 1s"
    (job,) = jobs.jobs(plan(said, path), [inspect(str(path))])
    made = encoding.encode(job, ffmpeg(), str(tmp_path / "made.mp4"), lambda _: None, decode=False)
    kept = compliance.buffer(made.packets, 200_000, 100_000)
    assert (kept.violations, kept.lowest >= 0) == (0, True)
    assert compliance.buffer(made.packets, 100_000, 50_000).violations > 0


def test_key_frames_are_compared_within_a_label() -> None:
    low, high = (
        point("x264 fast", rate, 90, size=size).encoded for rate, size in ((1e6, (640, 360)), (2e6, (1280, 720)))
    )
    other = point("x265 fast", 1e6, 90).encoded
    shifted = replace(high, keys=(0.0, 2.0, 5.0, 6.0, 8.0))
    (same,) = compliance.key_frames([low, high, other], clip())
    assert same.aligned
    assert (same.common, same.first_apart) == (5, None)
    (apart,) = compliance.key_frames([low, shifted, other], clip())
    assert not apart.aligned
    assert (apart.label, apart.common, apart.first_apart) == ("x264 fast", 4, 4.0)


def test_times_of_key_frames_need_not_be_exact() -> None:
    one = point("x264 fast", 1e6, 90).encoded
    two = replace(one, keys=tuple(time + 0.001 for time in one.keys))
    (same,) = compliance.key_frames([one, two], clip())
    assert same.aligned


def test_groups_that_are_not_as_long_as_asked_are_told() -> None:
    one = point("x264 fast", 1e6, 90).encoded
    assert compliance.gops(one, 2.0, 25.0) == ""
    assert compliance.gops(one, None, 25.0) == ""
    assert "2 to 2 s" in compliance.gops(one, 1.0, 25.0)
    assert "none after the first" in compliance.gops(replace(one, keys=(0.0,)), 2.0, 25.0)
    assert compliance.gops(replace(one, keys=(0.0,), frames=50), 2.0, 25.0) == ""
