"""From the first picture that shows it to the first that does not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from qoe_agent.maths.due import Due
from qoe_agent.maths.lasting import Lasting


def follow(
    lasting: Lasting, shown: list[tuple[float, str]], lead: float = 100.0
) -> list[tuple[str, float, float, bool]]:
    """(what, start pts, end pts, over) of everything that was yielded, as it was then."""
    return [
        (s.what, s.start_pts or 0.0, s.end_pts or 0.0, s.over)
        for pts, what in shown
        for s in lasting.see(what, pts + lead, pts)
    ]


def grid(first: int, last: int, what: str, fps: float = 25.0) -> list[tuple[float, str]]:
    return [(n / fps, what) for n in range(first, last)]


@pytest.mark.parametrize("frames", [12, 13, 40])
def test_half_a_second_at_25_pictures_is_twelve_or_thirteen_of_them(frames: int) -> None:
    shown = grid(0, 30, "") + grid(30, 30 + frames, "black") + grid(30 + frames, 80, "")
    found = follow(Lasting({"black": 0.5}), shown)
    assert [each[3] for each in found] == [False, True]
    assert list(found[-1][1:3]) == pytest.approx([30 / 25, (30 + frames) / 25])


def test_less_is_nothing() -> None:
    shown = grid(0, 30, "") + grid(30, 41, "black") + grid(41, 80, "")
    assert follow(Lasting({"black": 0.5}), shown) == []


def test_a_picture_alone_does_not_last_until_the_next_that_is_seen() -> None:
    assert follow(Lasting({"black": 0.5}), [(0.0, ""), (5.0, "black"), (10.0, "")]) == []
    found = follow(Lasting({"black": 0.5}), [(0.0, ""), (5.0, "black"), (10.0, "black"), (15.0, "")])
    assert found == [("black", 5.0, 10.0, False), ("black", 5.0, 15.0, True)]


def test_pictures_apart_that_show_it_count_up_to_the_one_that_does_not() -> None:
    shown = [(0.0, ""), (4.0, "dim"), (8.0, "dim"), (12.0, "dim"), (16.0, "")]
    assert follow(Lasting({"dim": 10.0}), shown) == [("dim", 4.0, 16.0, True)]


def test_it_opens_when_the_minimum_is_reached_not_at_the_end() -> None:
    lasting = Lasting({"black": 0.5})
    assert follow(lasting, grid(0, 11, "black")) == []
    assert [each[3] for each in follow(lasting, grid(11, 13, "black"))] == [False]


def test_what_is_known_later_began_earlier_but_not_before_the_last_was_over() -> None:
    lasting = Lasting({"bars": 3.0})
    assert follow(lasting, [(n, "") for n in range(4)]) == []
    assert [s.start_pts for s in lasting.see("bars", 104.0, 4.0, 3.5)] == [0.5]
    assert [s.end_pts for s in lasting.see("", 105.0, 5.0)] == [5.0]
    assert follow(lasting, [(6.0, "")]) == [*lasting.see("bars", 107.0, 7.0, 6.5)] == []
    assert lasting.now is not None
    assert lasting.now.start_pts == 5.0


def test_one_thing_turns_into_another() -> None:
    lasting = Lasting({"black": 0.5, "bars": 0.5})
    found = follow(lasting, grid(0, 25, "black") + grid(25, 50, "bars") + grid(50, 52, ""))
    assert [(what, over) for what, _, _, over in found] == [
        ("black", False), ("black", True), ("bars", False), ("bars", True),
    ]  # fmt: skip
    assert found[1][2] == found[2][1] == 1.0


def test_where_few_pictures_are_seen_the_uncertainty_is_told() -> None:
    lasting = Lasting({"black": 0.5})
    assert follow(lasting, [(0.0, ""), (5.0, "black")]) == []
    assert follow(lasting, [(10.0, "black")]) == [("black", 5.0, 10.0, False)]
    assert lasting.now is not None
    assert lasting.now.within == 5.0
    (ended,) = lasting.see("", 115.0, 15.0)
    assert (ended.start_pts, ended.end_pts, ended.ended_within) == (5.0, 15.0, 5.0)


def test_when_no_more_is_known_it_ended_after_its_last_picture() -> None:
    lasting = Lasting({"black": 0.5})
    follow(lasting, grid(0, 25, "black"))
    (ended,) = lasting.stop()
    assert ended.over
    assert [ended.end_pts, ended.end] == pytest.approx([1.0, 101.0])
    assert list(lasting.stop()) == []


def test_seconds_are_told_once() -> None:
    lasting = Lasting({"black": 0.5})
    told = 0.0
    for pts, what in grid(0, 25, "black") + grid(25, 30, ""):
        for stretch in lasting.see(what, pts + 100, pts):
            told += stretch.grown() if stretch.over else 0.0
        if lasting.now and lasting.now.opened:
            told += lasting.now.grown()
    assert told == pytest.approx(1.0)


def test_without_media_time_the_agents_clock_is_used() -> None:
    lasting = Lasting({"black": 0.5})
    found = [s for n in range(40) for s in lasting.see("black" if 10 <= n < 30 else "", n / 25, None)]
    assert [(s.start, s.end, s.start_pts) for s in found[-1:]] == [(0.4, 1.2, None)]


def test_bursts_are_spread_evenly() -> None:
    due = Due()
    due.segment(4.0)
    whens = [due.when(10.0 + 4.0 * segment, 4.0 * segment + n / 25) for segment in range(3) for n in range(100)]
    late = whens[100:]
    assert late[99] == pytest.approx(14.0, abs=0.05)  # the last picture of a segment is due as it comes
    assert max(abs(b - a - 0.04) for a, b in pairwise(late[100:])) < 1e-6


def test_a_jump_of_media_time_begins_anew() -> None:
    due = Due()
    assert [due.when(at, at) for at in (1.0, 2.0, 3.0)] == [1.0, 2.0, 3.0]
    assert not due.broken(4.0)
    assert due.broken(-500.0)
    assert due.when(4.0, -500.0) == 4.0
    assert due.when(5.0, 1e19) == 5.0
    assert due.when(6.0, None) == 6.0
