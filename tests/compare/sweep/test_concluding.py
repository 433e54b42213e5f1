"""From encodes to a verdict: BD-rates by clip and over clips, hulls, ladders, speeds, costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qoe_agent.compare.sweep.concluding import concluded
from qoe_agent.compare.sweep.shapes import Failure, Point, Prices, Swept
from tests.compare.sweep_made import PRICES, curve, design

SCALES = {"park": 1.25, "lake": 1.45, "crowd": 1.35}
SIZES = ((640, 360), (960, 540), (1280, 720))


def corpus(**more: object) -> Swept:
    points = [
        one
        for name, scale in SCALES.items()
        for one in (*curve("x264 veryfast", name=name), *curve("x265 medium", scale, name=name, cpu=60))
    ]
    return concluded(design(*SCALES, **more), points)  # type: ignore[arg-type]


def test_the_verdict_names_difference_interval_clips_and_cpu() -> None:
    found = corpus()
    first = found.bd[0]
    assert (first.anchor, first.test, first.metric, first.clip) == ("x264 veryfast", "x265 medium", "vmaf[v1]", None)
    mean = sum(1 / scale - 1 for scale in SCALES.values()) / 3
    assert first.rate == pytest.approx(mean, abs=1e-9)
    assert first.n_clips == 3
    assert first.low is not None
    assert first.high is not None
    assert first.low < mean < first.high < 0
    ratio = found.speeds[1].cpu / found.speeds[0].cpu
    assert found.verdict == (
        f"x265 medium needs 26 % less rate than x264 veryfast for the same VMAF v1 at 1280x720 "
        f"[−39 %, −12 %; 3 clips], at {ratio:.1f} times the CPU."
    )
    assert found.conclusive
    single = [one.rate for one in found.bd if one.clip and one.metric == "vmaf[v1]"]
    assert single == pytest.approx([1 / scale - 1 for scale in SCALES.values()])


def test_one_clip_speaks_of_itself_only() -> None:
    found = concluded(design(), [*curve("x264 veryfast"), *curve("x265 medium", 1.4)])
    assert "for this clip only" in found.verdict
    assert found.bd[0].low is None
    assert found.conclusive


def test_a_difference_that_may_be_chance_is_not_claimed() -> None:
    scales = {"park": 1.3, "lake": 0.8, "crowd": 1.05}
    points = [one for name, scale in scales.items()
              for one in (*curve("x264 veryfast", name=name), *curve("x265 medium", scale, name=name))]  # fmt: skip
    found = concluded(design(*scales), points)
    assert found.verdict.startswith("No difference between x265 medium and x264 veryfast is shown")
    assert not found.conclusive


def test_a_gain_below_the_method_s_own_error_is_not_claimed() -> None:
    bent = curve("x265 medium", 1.002)
    bent[2] = replace(bent[2], scores={"vmaf[v1]": bent[2].scores["vmaf[v1]"] - 1.5})
    found = concluded(design(), [*curve("x264 veryfast"), *bent])
    first = found.bd[0]
    assert first.spread is not None
    assert first.rate is not None
    assert abs(first.rate) < first.spread
    assert "within the method's own error" in found.verdict
    assert not found.conclusive


def test_a_slower_worse_setting_is_said_to_need_more() -> None:
    found = concluded(design(), [*curve("x264 veryfast"), *curve("x264 ultrafast", 0.6, cpu=4)])
    assert "x264 ultrafast needs 67 % more rate" in found.verdict
    assert "% of the CPU" in found.verdict


def test_hulls_are_compared_where_there_are_several_resolutions() -> None:
    points = [one for size in SIZES for label, scale in (("x264 veryfast", 1.0), ("x265 medium", 1.4))
              for one in curve(label, scale, size)]  # fmt: skip
    found = concluded(design(), points)
    sizes = {one.size: one.rate for one in found.bd if one.metric == "vmaf[v1]"}
    assert list(sizes) == ["1280x720", "960x540", "640x360", "hull"]
    assert list(sizes.values()) == pytest.approx([1 / 1.4 - 1] * 4, abs=1e-6)
    assert found.bd[0].size == "1280x720"
    assert {one.label for one in found.hulls} == {"x264 veryfast", "x265 medium"}


def test_the_anchor_may_be_named_by_its_beginning() -> None:
    points = [*curve("x265 medium", 1.4), *curve("x264 veryfast")]
    found = concluded(design(anchor="x264"), points)
    assert found.bd[0].anchor == "x264 veryfast"
    assert 'the anchor "x264" was taken for x264 veryfast' in found.notes
    assert concluded(design(anchor=None), points).bd[0].anchor == "x265 medium"


def test_few_points_refuse_and_say_why() -> None:
    found = concluded(design(), [*curve("x264 veryfast")[:3], *curve("x265 medium", 1.4)])
    assert found.bd[0].rate is None
    assert found.verdict == (
        "Nothing can be said against x264 veryfast: too few points of a curve: 3, and 4 are needed."
    )


def test_a_small_overlap_leads_to_no_percentage_and_no_conclusion() -> None:
    far = [replace(one, scores={"vmaf[v1]": one.scores["vmaf[v1]"] - 18}) for one in curve("x265 medium", 1.4)]
    found = concluded(design(), [*curve("x264 veryfast"), *far])
    share = found.bd[0].overlap
    assert found.bd[0].rate is not None
    assert share < 0.5
    assert found.verdict.startswith("Too little in common with x264 veryfast to compare")
    assert f"x265 medium {100 * share:.0f} %; 50 % are needed" in found.verdict
    assert not found.conclusive
    near = concluded(design(), [*curve("x264 veryfast"), *far, *curve("vp9 6", 1.1)])
    assert near.verdict.startswith("vp9 6 needs 9 % less rate")
    assert f"Too little in common with it: x265 medium {100 * share:.0f} %." in near.verdict
    assert near.conclusive


def test_a_clip_that_cannot_be_compared_is_left_out_of_the_mean_and_told() -> None:
    points = [*curve("x264 veryfast"), *curve("x265 medium", 1.4), *curve("x264 veryfast", name="lake")[:2],
              *curve("x265 medium", 1.4, name="lake")]  # fmt: skip
    found = concluded(design("park", "lake"), points)
    first = found.bd[0]
    assert (first.n_clips, first.rate) == (1, pytest.approx(1 / 1.4 - 1))
    assert first.warnings[0].startswith("lake: left out, too few points of a curve: 2")


def test_one_label_alone_and_nothing_at_all() -> None:
    alone = concluded(design(), curve("x264 veryfast"))
    assert alone.verdict.startswith("x264 veryfast alone, so there is nothing to compare it with: VMAF v1 ")
    failed = concluded(design(), [], [Failure("k", "nvenc p4", "park", "no device")])
    assert failed.verdict == "Nothing was encoded: all 1 jobs failed. The first, nvenc p4: no device"
    assert concluded(design(), []).verdict == "Nothing was encoded."


def test_an_hour_is_priced_at_one_quality_and_who_pays_off_when() -> None:
    points = [*curve("x264 veryfast"), *curve("x265 medium", 1.4, cpu=60)]
    found = concluded(design(prices=PRICES, target=85.0), points)
    a, b = found.priced
    assert (a.quality, b.quality) == (85.0, 85.0)
    assert b.bits_per_second == pytest.approx(a.bits_per_second / 1.4, rel=1e-3)
    saved = (a.bits_per_second - b.bits_per_second) * 3600 / 8e9 * PRICES.egress_gb
    assert b.break_even == pytest.approx((b.cost.encode - a.cost.encode) / saved)
    assert a.break_even is None
    assert f"cheaper from {b.break_even:.0f} hours watched of each hour." in found.verdict
    assert a.cost.deliver == pytest.approx(a.bits_per_second * 3600 / 8e9 * 0.02 * 100)


def test_what_costs_less_and_needs_less_is_always_cheaper() -> None:
    points = [*curve("x264 veryfast", cpu=60), *curve("x265 medium", 1.4, cpu=10)]
    found = concluded(design(prices=PRICES), points)
    assert [one.break_even for one in found.priced] == [None, 0.0]
    assert "always cheaper" in found.verdict
    worse = concluded(design(prices=PRICES), [*curve("x264 veryfast"), *curve("x265 medium", 0.7, cpu=60)])
    assert [one.break_even for one in worse.priced] == [None, None]
    assert "never cheaper" in worse.verdict


def test_a_ladder_costs_all_its_rungs_and_delivers_the_top_one() -> None:
    found = concluded(design(prices=Prices("EUR", 0.1, 0.01, 0.02, 10, 2)), curve("x264 veryfast"))
    made = found.ladders[0]
    assert made.cost is not None
    hour = [rung.bits_per_second * 3600 / 8e9 for rung in made.rungs]
    assert made.cost.store == pytest.approx(sum(hour) * 0.02 * 2)
    assert made.cost.deliver == pytest.approx(hour[-1] * 0.01 * 10)
    assert made.cost.encode > len(made.rungs) * 0.09


def test_a_corpus_has_one_ladder_for_all_clips_and_one_for_each() -> None:
    found = corpus()
    clips = [one.clip for one in found.ladders if one.label == "x265 medium"]
    assert clips == [None, "park", "lake", "crowd"]
    assert all(rung.spread is not None for rung in found.ladders[0].rungs if not rung.interpolated)


def test_notes_of_encodes_say_of_which() -> None:
    points = [replace(one, notes=("late",)) if number == 1 else one for number, one in enumerate(curve("a b"))]
    assert concluded(design(), points).notes[-1] == "late: a b 1280x720 crf 24, park"
    every = [replace(one, notes=("odd",)) for one in curve("a b")]
    assert concluded(design(), every).notes[-1] == "odd: 5 of 5 encodes"


def test_metrics_of_which_less_is_better_have_no_bd_rate() -> None:
    def banded(points: list[Point]) -> list[Point]:
        return [replace(one, scores={**one.scores, "cambi": 1.0}) for one in points]

    plan = replace(design(), metrics=("vmaf[v1]", "cambi"))
    found = concluded(plan, [*banded(curve("x264 veryfast")), *banded(curve("x265 medium", 1.4))])
    assert {one.metric for one in found.bd} == {"vmaf[v1]"}


def test_a_warning_names_few_clips_counts_many_and_says_when_it_is_of_all() -> None:
    names = tuple("abcde")

    def warned(few: int) -> tuple[str, ...]:
        """With four points a curve on so many of the clips."""
        labels = ("x264 veryfast", 1.0), ("x265 medium", 1.4)
        points = [one for number, name in enumerate(names) for label, scale in labels
                  for one in curve(label, scale, name=name)[number < few :]]  # fmt: skip
        return concluded(design(*names), points).bd[0].warnings

    said = "4 points of a curve: VMAF needs 5 or more to be interpolated well"
    assert warned(2) == (f"a, b: {said}",)
    assert warned(4) == (f"4 of 5 clips: {said}",)
    assert warned(5) == (f"all clips: {said}",)
