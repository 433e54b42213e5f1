"""Which stretches of sound follow one another."""

from __future__ import annotations

from qoe_agent.maths.seams import Seams


def joints(*stretches: tuple[float | None, float]) -> list[str]:
    seams = Seams()
    return [seams.take(pts, seconds) for pts, seconds in stretches]


def test_stretches_that_touch_follow() -> None:
    assert joints((5.0, 1.0), (6.001, 1.0), (6.999, 1.0)) == ["hole", "follows", "follows"]


def test_a_hole_is_told() -> None:
    assert joints((0.0, 1.0), (5.0, 1.0), (6.0, 1.0)) == ["hole", "hole", "follows"]


def test_another_track_is_left_out() -> None:
    turns = [stretch for n in range(5) for stretch in ((n * 1.0, 1.0), (n * 1.0 + 0.3, 1.0))]
    assert joints(*turns) == ["hole", "past", *["follows", "past"] * 4]


def test_a_timeline_that_goes_back_is_believed_the_third_time() -> None:
    assert joints((50.0, 1.0), (46.0, 1.0), (47.0, 1.0), (48.0, 1.0), (49.0, 1.0))[1:] == [
        "past",
        "past",
        "hole",
        "follows",
    ]


def test_a_timeline_that_begins_anew_is_believed_at_once() -> None:
    assert joints((5000.0, 1.0), (0.0, 1.0), (1.0, 1.0)) == ["hole", "hole", "follows"]


def test_without_times_all_follow() -> None:
    assert joints((None, 1.0), (None, 1.0)) == ["follows", "follows"]
