"""Which pictures count, and where media time lies on the agent's clock."""

from __future__ import annotations

import pytest

from qoe_agent.maths.due import Due
from qoe_agent.maths.following import Following
from qoe_agent.model import Lost, Opened, Picture, Segment


def picture(at: float, pts: float | None, track: int = 0) -> Picture:
    return Picture(at, track, pts, 64, 36, "yuv420p", False, at, {})


def test_media_time_lies_where_even_delivery_would_put_it() -> None:
    due = Due()
    due.segment(2.0)
    for segment in range(5):  # segments of two seconds, delivered at once when they are complete
        found = [due.when(102.0 + 2 * segment, 2.0 * segment + second) for second in (1.0, 2.0)]
    assert found == pytest.approx([109.0, 110.0])


def test_another_timeline_is_placed_by_its_own_arrivals() -> None:
    due = Due(gap=5.0)
    for second in range(10):
        due.when(100.0 + second, float(second))
    assert due.broken(50.0)
    assert due.when(110.0, 50.0) == pytest.approx(110.0)


def test_the_first_track_counts_until_the_connection_is_another() -> None:
    following = Following()
    following.restart(Opened(10.0, 9.5, "rtmp"))
    assert [following.takes(picture(11.0, 1.0, track)) for track in (2, 3, 2)] == [True, False, True]
    following.restart(Opened(20.0, 19.5, "rtmp"))
    assert not following.takes(picture(19.0, 9.0, 3)), "of the connection before"
    assert following.takes(picture(21.0, 1.0, 3))
    following.restart(Lost(30.0, "ended"))
    assert following.dead
    assert not following.takes(picture(31.0, 11.0, 3))


def test_a_step_of_media_time_is_told() -> None:
    following = Following()
    following.segment(Segment(100.0, 99.0, None, 1, 4.0, 1000))
    for second in range(5):
        following.when(picture(100.0 + second, float(second)))
    assert not following.broken(picture(105.0, 5.0))
    assert following.broken(picture(105.0, 1.0))
    assert following.broken(picture(105.0, None))
