"""Where numbers mislead: each note where its case is, and none where it is not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import misleading
from qoe_agent.compare.shapes import Alignment, Asked, Pooled, Run, Space
from tests.compare import scored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.compare.shapes import Media

FRAMES = 500
REFERENCE = scored.media("reference.mp4", frames=FRAMES)
ASKED = Asked("reference.mp4", ("a.mp4",))
SPACE = Space(320, 180, "null", "null", "bicubic")
LAID = Alignment("timestamps", 0, 0.0, 1.0, (Run(0, 0, FRAMES),), 0, 0)


def pooled(metric: str, mean: float, harmonic: float | None = None, worst: float | None = None) -> dict[str, Pooled]:
    worst = mean - 3 if worst is None else worst
    return {metric: Pooled(metric, mean, harmonic, mean - 5, mean - 4, mean, worst, 0.0, FRAMES)}


def said(numbers: Mapping[str, Pooled], test: Media = REFERENCE, alignment: Alignment = LAID, space: Space = SPACE,
         asked: Asked = ASKED) -> str:  # fmt: skip
    return " | ".join(misleading.notes(REFERENCE, test, alignment, space, numbers, asked))


FINE = pooled("vmaf[v1]", 90.0, 89.8) | pooled("psnr_y", 40.0)


def test_an_ordinary_comparison_has_no_notes() -> None:
    assert said(FINE) == ""


def test_what_is_scaled_up_depends_on_viewing_distance_and_scaler() -> None:
    small = replace(REFERENCE, video=replace(REFERENCE.video, width=160, height=90))
    text = said(FINE, small)
    assert "90 lines are scaled to 180" in text
    assert "three heights of the screen" in text
    assert "bicubic here" in text
    assert "three heights" not in said(pooled("psnr_y", 40.0), small)


def test_bars_that_were_cut_are_named() -> None:
    assert "left without bars" in said(FINE, space=replace(SPACE, crop=(320, 136, 0, 22)))


def test_sharpening_is_said_with_the_number_beside_neg() -> None:
    old = replace(ASKED, models=("v0.6.1", "neg"))
    far = pooled("vmaf[v0.6.1]", 95.0) | pooled("vmaf[neg]", 88.6)
    near = pooled("vmaf[v0.6.1]", 92.0) | pooled("vmaf[neg]", 90.5)
    assert "VMAF v0.6.1 is 6.4 above NEG" in said(far, asked=old)
    assert said(near, asked=old) == ""
    assert "--vmaf-model neg" in said(pooled("vmaf[v0.6.1]", 92.0), asked=replace(ASKED, models=("v0.6.1",)))


def test_models_of_two_families_are_not_taken_for_sharpening() -> None:
    assert said(pooled("vmaf[v1]", 92.0) | pooled("vmaf[neg]", 82.0)) == ""


def test_another_frame_rate_is_in_no_score() -> None:
    half = replace(REFERENCE, video=replace(REFERENCE.video, rate=Fraction(25, 2)))
    text = said(FINE, half, replace(LAID, dropped=250))
    assert "the test has 12.5 frames a second, the reference 25" in text
    assert "not in the test" not in text


def test_dropped_and_repeated_frames_are_in_no_score() -> None:
    text = said(FINE, alignment=replace(LAID, dropped=5, duplicated=3))
    assert "5 frames (0.99 %) of the reference are not in the test" in text
    assert "3 frames of the test only repeat" in text


def test_an_even_doubling_is_no_uneven_motion() -> None:
    double = replace(REFERENCE, video=replace(REFERENCE.video, rate=Fraction(50)))
    text = said(FINE, double, replace(LAID, runs=(Run(0, 0, FRAMES, 2, 1),), duplicated=FRAMES - 1))
    assert "the test has 50 frames a second" in text
    assert "only repeat" not in text


def test_a_model_at_its_end_is_named() -> None:
    assert "VMAF v1 is 98.2" in said(pooled("vmaf[v1]", 98.2))
    assert said(pooled("vmaf[v1]", 96.9)) == ""


@pytest.mark.parametrize(("harmonic", "worst", "hides"), [(88.5, 87.0, True), (89.9, 70.0, True), (89.6, 85.0, False)])
def test_a_mean_that_hides_bad_parts_is_named(harmonic: float, worst: float, hides: bool) -> None:
    assert ("hides bad parts" in said(pooled("vmaf[v1]", 90.0, harmonic, worst))) is hides


def test_short_clips_say_little() -> None:
    short = replace(LAID, runs=(Run(0, 0, 60),))
    assert "only 2.4 s are compared" in said(FINE, alignment=short)


def test_identical_frames_make_psnr_infinite() -> None:
    text = said(pooled("psnr_y", float("inf")) | pooled("vmaf[v1]", 100.0))
    assert "every frame is identical" in text
    assert "hardly tells encodes apart" not in text
    found = scored.scores({"psnr_y": [40.0, np.inf, 41.0]})
    text = misleading.notes(REFERENCE, REFERENCE, LAID, SPACE, pooled("psnr_y", 42.0), ASKED, found)
    assert "1 of 3 frames are identical" in " ".join(text)


def test_what_frames_show_is_named_where_models_were_not_trained_for_it() -> None:
    rng = np.random.default_rng(1)
    moving = rng.integers(60, 200, (100, 18, 32), np.uint8)
    values = scored.scores({"vmaf[v1]": np.full(100, 90.0)})
    kinds = {
        "filmed": moving, "dark": moving // 6, "slides": np.repeat(moving[:10], 10, axis=0),
    }  # fmt: skip
    told = {
        name: " ".join(misleading.notes(REFERENCE, REFERENCE, LAID, SPACE, FINE, ASKED,
                                        replace(values, thumbs=(shown, shown))))
        for name, shown in kinds.items()
    }  # fmt: skip
    assert told["filmed"] == ""
    assert "very dark" in told["dark"]
    assert "91 % of frames hardly differ from the one before" in told["slides"]
