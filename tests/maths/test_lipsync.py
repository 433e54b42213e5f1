"""The offset that events agree on, the standards' limits, and the words."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.lipsync import STANDARDS, agreement, within, words
from qoe_agent.maths.onsets import Cuts, Onsets
from qoe_agent.maths.view import View


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_limits_are_the_standards_with_the_sign_of_late_sound() -> None:
    assert STANDARDS["bt1359_detectability"] == (-0.045, 0.125)
    assert within(0.06, "ebu_r37")
    assert not within(0.061, "ebu_r37")
    assert not within(-0.041, "ebu_r37")
    assert within(-0.09, "bt1359_acceptability")
    assert not within(0.046, "atsc_is191")


def test_people_read_words_not_signs() -> None:
    assert words(0.1204) == "sound late by 120 ms"
    assert words(-0.04) == "sound early by 40 ms"
    assert words(0.0) == "sound in step"


@pytest.mark.parametrize("truth", [-0.4, -0.1, 0.0, 0.08, 0.35])
def test_events_that_come_together_tell_the_offset(truth: float) -> None:
    for seed in range(20):
        rng = random(seed)
        cuts = np.sort(rng.uniform(0, 60, 14))
        heard = (cuts + truth + rng.normal(0, 0.006, 14))[rng.random(14) < 0.85]
        onsets = np.sort(np.concatenate([heard, rng.uniform(0, 60, 25)]))
        found = agreement(cuts.tolist(), onsets.tolist())
        if found is not None:
            assert found.offset == pytest.approx(truth, abs=0.04)
            assert found.chance <= 1e-6
            assert found.pairs <= found.of == 14


def test_clear_events_are_enough_to_speak() -> None:
    cuts = [float(n) * 3.7 + 0.1 * (n % 3) for n in range(12)]
    found = agreement(cuts, [cut + 0.12 for cut in cuts])
    assert found is not None
    assert found.offset == pytest.approx(0.12)


def test_sound_that_has_nothing_to_do_with_the_picture_says_nothing() -> None:
    spoke = 0
    for seed in range(2000):
        rng = random(seed)
        cuts = np.sort(rng.uniform(0, 60, rng.integers(3, 30)))
        onsets = np.sort(rng.uniform(0, 60, rng.integers(5, 240)))
        spoke += agreement(cuts.tolist(), onsets.tolist()) is not None
    assert spoke <= 2


def test_music_on_whose_beats_the_picture_is_cut_is_ambiguous() -> None:
    beats = np.arange(0, 60, 0.5)
    assert agreement(beats[::4].tolist(), beats.tolist()) is None


def test_too_few_events_say_nothing() -> None:
    assert agreement([1.0, 5.0, 9.0], [1.1, 5.1, 9.1]) is None
    assert agreement([], []) is None


def test_an_onset_is_found_within_ten_milliseconds_in_noise() -> None:
    rate, rng, truth = 48_000, random(1), [1.5, 2.75, 4.1]
    sound = rng.normal(0, 0.001, 5 * rate).astype(np.float32)
    for at in truth:
        n = int(at * rate)
        sound[n : n + rate // 10] += 0.3 * np.sin(2 * np.pi * 1000 * np.arange(rate // 10) / rate).astype(np.float32)
    onsets, found = Onsets(), []
    for start in range(0, sound.size, 47_104):
        found += onsets.feed(np.stack([sound[start : start + 47_104]] * 2), rate, start / rate)
    assert found == pytest.approx(truth, abs=0.01)


def test_a_steady_tone_and_silence_have_no_onsets() -> None:
    rate = 48_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate).astype(np.float32)
    assert Onsets().feed(tone[None], rate, 0.0) == []
    assert Onsets().feed(np.zeros((2, rate), np.float32), rate, 0.0) == []


def views(levels: list[int]) -> list[View]:
    rng = random(3)
    noise = rng.integers(0, 3, (180, 320))
    return [View((noise + level).astype(np.uint8), n / 25, follows=n > 0) for n, level in enumerate(levels)]


def test_a_flash_begins_once_and_a_cut_too() -> None:
    flash = [60] * 20 + [200] * 3 + [60] * 20
    cuts = Cuts()
    assert [n for n, view in enumerate(views(flash)) if cuts.feed(view)] == [20]
    cuts = Cuts()
    assert [n for n, view in enumerate(views([60] * 20 + [120] * 20)) if cuts.feed(view)] == [20]


def test_a_fade_is_no_cut_and_a_hole_in_the_pictures_shows_none() -> None:
    cuts = Cuts()
    assert not any(cuts.feed(view) for view in views(list(range(40, 200, 3))))
    cuts = Cuts()
    shown = views([60] * 20 + [200] * 20)
    shown[20].follows = False
    assert not any(cuts.feed(view) for view in shown)
