"""What a comparison is said to say."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import footing
from qoe_agent.compare.figures.pairs import pairs as pairs_of
from qoe_agent.compare.shapes import Heard, Pair, Space
from qoe_agent.compare.verdicts import verdict
from tests.compare.scored import candidate

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Tested

METRICS = ("vmaf[v1]", "vmaf[neg]", "psnr_y", "xpsnr_y")


def encode(name: str, level: float, bits: float | None = 1e6) -> Tested:
    return candidate(name, {metric: np.full(50, level) for metric in METRICS}, bits=bits)


def apart(a: Tested, b: Tested, reach: float | None = 0.9, **other: tuple[float, float | None]) -> list[Pair]:
    """Of each metric: the tests' difference and half its interval, or those of `other`."""
    found = []
    for metric in METRICS:
        by = b.pooled[metric].mean - a.pooled[metric].mean
        by, half = other.get(metric.replace("[", "_").rstrip("]"), (by, reach))
        ends = (None, None) if half is None else (by - half, by + half)
        found.append(Pair(a.name, b.name, metric, by, *ends, 12 if half is not None else 2, "bootstrap"))
    return found


def said(a: Tested, b: Tested, pairs: list[Pair]) -> str:
    found = verdict([a, b], pairs)
    turned = [
        Pair(p.b, p.a, p.metric, -p.difference, *(None if e is None else -e for e in (p.high, p.low)), p.n_scenes, "")
        for p in pairs
    ]
    assert verdict([b, a], turned) == found, "the order of the tests changes nothing"
    return found


def test_better_at_the_same_bitrate_is_better() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0, 1.01e6)
    assert said(a, b, apart(a, b)) == (
        "b.mp4 scores 5.0 [4.1, 5.9] VMAF v1 higher than a.mp4 at the same bitrate (1.01 Mbit/s), and is better."
    )


def test_better_with_fewer_bits_is_better() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0, 8e5)
    assert "and spends 20 % fewer bits (800 kbit/s against 1.00 Mbit/s): it is better." in said(a, b, apart(a, b))


def test_more_quality_for_more_bits_is_no_ranking() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0, 1.38e6)
    found = said(a, b, apart(a, b))
    assert "but spends 38 % more bits (1.38 Mbit/s against 1.00 Mbit/s)" in found
    assert "`compare sweep`" in found
    assert "better" not in found
    large = encode("b.mp4", 95.0, 3e6)
    assert "3.0 times as many bits" in said(a, large, apart(a, large))


def test_an_interval_that_holds_zero_crowns_nobody() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 90.5, 8e5)
    found = said(a, b, apart(a, b))
    assert found.startswith("No difference between a.mp4 and b.mp4 can be told from chance: 0.5 [−0.4, 1.4] VMAF v1")
    assert "b.mp4 at 800 kbit/s, a.mp4 at 1.00 Mbit/s" in found
    assert "better" not in found


def test_a_gain_that_neg_does_not_see_is_sharpening() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0)
    found = said(a, b, apart(a, b, vmaf_neg=(0.3, 0.5)))
    assert "but VMAF NEG does not follow (+0.3): the gain is sharpening's or contrast's" in found
    assert "neither is better" in found


def test_a_gain_too_small_to_see_is_not_called_sharpening() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 90.8)
    found = said(a, b, apart(a, b, 0.3, vmaf_neg=(-0.1, 0.05)))
    assert "but VMAF NEG does not follow (−0.1): neither is better" in found


def test_metrics_that_contradict_each_other_crown_nobody() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0)
    found = said(a, b, apart(a, b, xpsnr_y=(-0.8, 0.2)))
    assert "but XPSNR says the contrary (−0.80 dB): neither is better" in found
    unsure = said(a, b, apart(a, b, xpsnr_y=(-0.8, 0.9)))
    assert "and is better" in unsure, "what may be chance contradicts nobody"


def test_few_scenes_speak_of_this_clip_only() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0)
    found = said(a, b, apart(a, b, None))
    assert "b.mp4 scores 5.0 VMAF v1 higher" in found
    assert found.endswith("That is for this clip only: 2 scenes are too few to say more.")


def test_a_small_difference_is_called_so() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 91.0)
    assert said(a, b, apart(a, b, 0.2)).endswith("Few viewers see less than 2 points.")


def test_equal_ones_are_equal() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 90.0)
    assert verdict([a, b], apart(a, b, 0.0)) == "a.mp4 and b.mp4 score exactly the same, at 1.00 Mbit/s."


def test_several_equal_ones_are_named_once() -> None:
    tests = [encode("a.mp4", 90.0), encode("b.mp4", 90.0, 2e6), encode("c.mp4", 80.0), encode("d.mp4", 90.0)]
    pairs = [each for a, b in combinations(tests, 2) for each in apart(a, b, 0.0)]
    assert verdict(tests, pairs) == (
        "a.mp4, b.mp4 and d.mp4 score exactly the same, at 1.00 Mbit/s, 2.00 Mbit/s, 1.00 Mbit/s in this order. "
        "Below them: c.mp4 80.0 at 1.00 Mbit/s."
    )
    twice = [replace(tests[0], name=f"a.mp4 ({n})") for n in (1, 2)]
    assert verdict(twice, apart(*twice, 0.0)) == "a.mp4 (1) and a.mp4 (2) are the same file, at 1.00 Mbit/s."


def test_parts_of_the_picture_are_not_ranked() -> None:
    a, b = (replace(encode(name, level), space=Space(320, 180, "null", "null", "bicubic", part=part))
            for name, level, part in (("a.mp4", 90.0, None), ("b.mp4", 95.0, (320, 136, 0, 22))))  # fmt: skip
    assert said(a, b, apart(a, b)) == (
        "b.mp4 and a.mp4 were compared with different parts of the reference's picture, so their scores do not rank "
        "them: VMAF v1 b.mp4 95.0 at 1.00 Mbit/s, a.mp4 90.0 at 1.00 Mbit/s."
    )


def test_fewer_frames_are_not_better_for_scoring_higher() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0)
    slow = replace(b, media=replace(b.media, video=replace(b.media.video, rate=Fraction(25, 2))))
    found = said(a, slow, apart(a, slow))
    assert "but has 12.5 frames a second against 25, and motion is in no score: neither is better" in found
    assert b.alignment is not None
    gone = replace(b, alignment=replace(b.alignment, dropped=10))
    assert "but lacks 17 % against 0 % of the reference's frames" in said(a, gone, apart(a, gone))


def test_chroma_of_another_resolution_moves_v1_but_not_neg() -> None:
    a, b = (replace(encode(name, level), space=Space(320, 180, f"format=yuv{chroma}p", "null", "bicubic"))
            for name, level, chroma in (("a.mp4", 90.0, "444"), ("b.mp4", 95.0, "420")))  # fmt: skip
    assert "but was compared with chroma 4:2:0 against 4:4:4" in said(a, b, apart(a, b))
    neg = [replace(each, pooled={"vmaf[neg]": each.pooled["vmaf[neg]"]}) for each in (a, b)]
    assert "is better" in verdict(neg, [each for each in apart(a, b) if each.metric == "vmaf[neg]"])
    assert footing.notes((a, b)) == (footing.CHROMA,)


def test_means_of_different_frames_are_named_and_ranked_by_those_in_common() -> None:
    whole = candidate("whole.mp4", {"vmaf[v1]": np.r_[np.full(50, 95.0), np.full(50, 60.0)]})
    half = candidate("half.mp4", {"vmaf[v1]": np.full(50, 90.0)})
    found = verdict([half, whole], pairs_of(half, whole, np.random.default_rng(1)))
    assert found.startswith("whole.mp4 scores 5.0 VMAF v1 higher than half.mp4")
    shown = [replace(each, space=Space(320, 180, "null", "null", "bicubic")) for each in (half, whole)]
    assert footing.notes(shown) == (footing.FRAMES,)


def test_a_hundredth_of_a_decibel_contradicts_nobody() -> None:
    a, b = encode("a.mp4", 90.0), encode("b.mp4", 95.0)
    assert "is better" in said(a, b, apart(a, b, None, psnr_y=(-0.02, None)))
    assert "PSNR says the contrary (−0.07 dB)" in said(a, b, apart(a, b, None, psnr_y=(-0.07, None)))


def test_one_test_is_told_by_itself() -> None:
    one = candidate("a.mp4", {"vmaf[v1]": [90.0, 80.0]}, bits=None)
    assert verdict([one], []) == ("a.mp4 has VMAF v1 85.0 at an unknown bitrate; its worst second has 80.0, at 0.0 s.")
    psnr = candidate("a.mp4", {"psnr_y": [40.0, 40.0]})
    assert verdict([psnr], []).startswith("a.mp4 has PSNR 40.00 dB at 1.00 Mbit/s")


def test_what_is_identical_is_called_so() -> None:
    one = replace(candidate("a.mp4", {"psnr_y": [40.0]}))
    one = replace(one, pooled={"psnr_y": replace(one.pooled["psnr_y"], mean=inf)})
    assert verdict([one], []) == "a.mp4 is identical to the reference, picture by picture."


def test_of_many_the_two_best_are_weighed_and_the_rest_listed() -> None:
    tests = [encode("a.mp4", 80.0), encode("b.mp4", 95.0), encode("c.mp4", 90.0)]
    pairs = [*apart(tests[0], tests[1]), *apart(tests[0], tests[2]), *apart(tests[1], tests[2])]
    assert verdict(tests, pairs) == (
        "b.mp4 scores 5.0 [4.1, 5.9] VMAF v1 higher than c.mp4 at the same bitrate (1.00 Mbit/s), and is better. "
        "Below them: a.mp4 80.0 at 1.00 Mbit/s."
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.12, "its sound is 120 ms late."), (-0.08, "80 ms early.")])
def test_sound_that_is_off_or_gone_is_said(seconds: float, said: str) -> None:
    heard = Heard(seconds, 0.9, -23.0, -23.0, 2.0, ((1.0, 3.0),), 1.0, 16000.0, 16000.0)
    found = verdict([replace(encode("a.mp4", 90.0), heard=heard)], [])
    assert said in found
    assert "a.mp4: 2.0 s of sound are missing." in found


def test_sound_that_drifts_is_told_from_end_to_end() -> None:
    heard = Heard(0.03, 0.9, -23.0, -23.0, 0.0, (), 1.0, 16000.0, 16000.0, drift_seconds=0.06)
    found = verdict([replace(encode("a.mp4", 90.0), heard=heard)], [])
    assert found.endswith("a.mp4: its sound drifts against the picture, from +0 to +60 ms late.")
    little = replace(heard, drift_seconds=0.02)
    assert "drifts" not in verdict([replace(encode("a.mp4", 90.0), heard=little)], [])


def test_refused_tests_are_named_with_the_reason() -> None:
    bad = replace(encode("bad.mp4", 0.0), refused=("bad.mp4 shows other content",), scores=None, pooled={})
    assert verdict([bad], []) == "Nothing could be compared. bad.mp4 was not compared: bad.mp4 shows other content."
    assert verdict([encode("a.mp4", 90.0), bad], []).endswith("bad.mp4 was not compared: bad.mp4 shows other content.")
