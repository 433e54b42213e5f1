"""P.1203-style numbers against published vectors (itu-p1203 1.10.0's outputs, as printed; DECISIONS for O46)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.caps import DEPTHS, cap
from qoe_agent.maths.p1203 import Coded, coding, mode_of, mos_of, rating_of, sound, video
from qoe_agent.maths.p1203_session import Second, Stall, both, directions, score

HD = 1920 * 1080
KBIT = 1000 / 8

CLOSE = 1e-4


def h264(width: int, height: int, rate: float, kbit: float, **more: float) -> Coded:
    return Coded("h264", width * height, rate, kbit * KBIT, **more)


def mos(seen: Coded, *, handheld: bool = False, display: int = HD) -> float:
    found = video(seen, display, handheld=handheld)
    assert found is not None
    return found.mos


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (h264(1920, 1080, 30, 6000), 4.436108),
        (h264(854, 480, 25, 1000), 2.799307),
        (h264(640, 360, 25, 500), 1.916191),
        (h264(1920, 1080, 30, 6000, qp=20), 4.316004),
        (h264(1920, 1080, 30, 6000, qp=32), 3.765787),
        (h264(1920, 1080, 30, 6000, qp=38), 3.218279),
    ],
)
def test_video_vectors(seen: Coded, expected: float) -> None:
    assert mos(seen) == pytest.approx(expected, abs=CLOSE)


def test_handheld_vector() -> None:
    assert mos(h264(1920, 1080, 30, 6000), handheld=True) == pytest.approx(4.525912, abs=CLOSE)


@pytest.mark.parametrize(
    ("codec", "kbit", "expected"), [("aaclc", 64, 4.407675), ("aaclc", 128, 4.553814), ("ac3", 192, 4.509241)]
)
def test_sound_vectors(codec: str, kbit: float, expected: float) -> None:
    assert sound(codec, kbit * KBIT) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize(("mos", "rating"), [(2, 35.0127), (3, 53.5612), (4.5, 83.7329)])
def test_rating_vectors(mos: float, rating: float) -> None:
    assert rating_of(mos) == pytest.approx(rating, abs=CLOSE)


@given(st.floats(1.06, 4.89))
def test_ratings_and_mos_are_each_others_inverse(mos: float) -> None:
    assert mos_of(rating_of(mos)) == pytest.approx(mos, abs=1e-9)
    rating = rating_of(mos)
    assert mos_of(rating - 1e-3) < mos_of(rating) < mos_of(rating + 1e-3)


def test_session_vectors() -> None:
    minute = [Second(4.0, 4.5)] * 60
    plain = score(minute)
    waited = score(minute, [Stall(0.0, 3.0)])
    assert plain is not None
    assert waited is not None
    assert plain.audiovisual == pytest.approx(5.0, abs=CLOSE)
    assert plain.mos == pytest.approx(4.934183, abs=CLOSE)
    assert waited.stalling == pytest.approx(4.499358, abs=CLOSE)
    assert waited.mos == pytest.approx(4.442968, abs=CLOSE)
    assert waited.stalled == pytest.approx(5.0 - 4.499358, abs=CLOSE)


def test_the_mode_is_what_is_known() -> None:
    assert mode_of(h264(640, 360, 25, 500)) == "0"
    assert mode_of(h264(640, 360, 25, 500, intra=5.0)) == "1"
    assert mode_of(h264(640, 360, 25, 500, intra=5.0, qp=30.0)) == "3"


def test_nothing_is_made_up() -> None:
    assert video(Coded("av1", HD, 30, 1e6), HD) is None
    assert video(Coded("h264", HD, 0.0, 1e6), HD) is None
    assert video(Coded("h264", HD, 30, 0.0), HD) is None
    assert sound("opus", 1e4) is None
    assert sound("aaclc", 0.0) is None
    assert score([]) is None


@given(st.floats(100, 1e8), st.floats(1, 240), st.integers(64 * 36, 8192 * 4320), st.floats(-20, 255))
def test_video_stays_on_the_scale(bitrate: float, rate: float, pixels: int, more: float) -> None:
    for codec in ("h264", "hevc", "vp9"):
        for seen in (
            Coded(codec, pixels, rate, bitrate),
            Coded(codec, pixels, rate, bitrate, intra=abs(more)),
            Coded(codec, pixels, rate, bitrate, qp=more),
        ):
            for handheld in (False, True):
                assert 1.0 <= mos(seen, handheld=handheld) <= 5.0


@given(st.floats(1e3, 1e7), st.floats(1.05, 4.0))
def test_more_bits_a_lower_quantiser_and_more_lines_are_never_worse(bitrate: float, factor: float) -> None:
    for intra in (None, 6.0):
        less = Coded("h264", 1280 * 720, 25, bitrate, intra)
        assert mos(less._replace(bitrate=bitrate * factor)) >= mos(less) - 1e-9
    coarse = h264(1280, 720, 25, 1000, qp=40.0)
    assert mos(coarse._replace(qp=40.0 / factor)) > mos(coarse)
    assert mos(coarse) > mos(coarse, display=3840 * 2160)


def test_deductions_explain_the_video() -> None:
    seen = video(h264(640, 360, 12, 500, qp=35.0), HD)
    assert seen is not None
    assert seen.mode == "3"
    assert min(seen.coding, seen.upscaling, seen.frame_rate) > 0
    assert seen.mos == pytest.approx(mos_of(100 - seen.coding - seen.upscaling - seen.frame_rate))
    assert seen.coding == pytest.approx(100 - rating_of(coding(h264(640, 360, 12, 500, qp=35.0), "3")))


def test_intra_frames_that_take_all_the_bits_cost_quality() -> None:
    assert mos(h264(1280, 720, 25, 1500, intra=2.0)) < mos(h264(1280, 720, 25, 1500, intra=12.0))


def test_bad_sound_spoils_good_pictures() -> None:
    """Amendment 1: sound worth 1 leaves nothing."""
    assert both(Second(4.5, 1.0)) == 1.0
    assert both(Second(4.0, 4.5)) == pytest.approx(5.0, abs=0.01)
    assert both(Second(3.0, None)) >= both(Second(3.0, 4.5))


def test_long_stalls_spoil_everything() -> None:
    minute = [Second(4.0, 4.5)] * 60
    scores = [score(minute, [Stall(30.0, length)]) for length in (1.0, 5.0, 15.0, 20.0, 30.0, 60.0)]
    values = [one.mos for one in scores if one]
    assert values == sorted(values, reverse=True)
    assert values[-1] == values[-2] == pytest.approx(0.02833052 + 0.98117059)


def test_late_stalls_cost_more_than_early_ones() -> None:
    minute = [Second(3.0, 4.0)] * 60
    early, late = score(minute, [Stall(5.0, 4.0)]), score(minute, [Stall(55.0, 4.0)])
    assert early
    assert late
    assert late.mos < early.mos


def test_a_bad_end_costs_more_than_a_bad_beginning() -> None:
    good, bad = [Second(4.5, 4.5)] * 40, [Second(1.5, 4.5)] * 20
    began, ended = score(bad + good), score(good + bad)
    assert began
    assert ended
    assert ended.mos < began.mos - 0.1


def test_quality_that_swings_costs() -> None:
    steady = score([Second(3.0, 4.5)] * 60)
    swinging = score([Second(2.0 if t // 6 % 2 else 4.0, 4.5) for t in range(60)])
    once = score([Second(2.0 if t < 30 else 4.0, 4.5) for t in range(60)])
    assert steady
    assert swinging
    assert once
    assert steady.oscillation == steady.adaptation == once.oscillation == once.adaptation == 0.0
    assert swinging.oscillation > 0.05
    assert 0.0 < swinging.adaptation <= 0.5


@pytest.mark.parametrize(
    ("period", "turns"),
    [(6, 9), (12, 4), (60, 0)],
)
def test_directions(period: int, turns: int) -> None:
    found, longest = directions([2.0 if t // period % 2 else 4.0 for t in range(60)])
    assert found == pytest.approx(turns, abs=1)
    assert longest == 60.0 if not turns else period <= longest <= 2 * period + 3


@given(
    st.lists(st.tuples(st.floats(1, 5), st.one_of(st.none(), st.floats(1, 5))), min_size=1, max_size=80),
    st.lists(st.tuples(st.floats(0, 80), st.floats(0, 40)), max_size=5),
)
def test_a_score_stays_on_the_scale(
    seconds: list[tuple[float, float | None]], stalls: list[tuple[float, float]]
) -> None:
    found = score([Second(*one) for one in seconds], [Stall(*one) for one in stalls])
    assert found is not None
    assert 1.0 <= found.mos <= 4.9342
    assert 1.0 <= found.stalling <= 5.0
    assert min(found.negative, found.oscillation, found.adaptation) >= 0.0


def test_caps() -> None:
    assert cap(4.2, {}) == (4.2, None)
    assert cap(4.2, {"black": 0.0, "silence": 0.0}) == (4.2, None)
    assert cap(4.2, {"black": 1.0}) == (1.0, "black")
    assert cap(4.2, {"silence": 1.0, "sync": 1.0}) == (2.0, "silence")
    assert cap(4.2, {"freeze": 10 / 60}).mos == pytest.approx(3.367, abs=1e-3)
    assert cap(2.0, {"freeze": 0.05}) == (2.0, None)


@given(st.floats(1, 5), st.sampled_from(sorted(DEPTHS)), st.floats(0, 1), st.floats(0, 1))
def test_a_longer_fault_is_never_better(mos: float, cause: str, one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert cap(mos, {cause: long}).mos <= cap(mos, {cause: short}).mos <= mos
