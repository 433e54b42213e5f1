"""Live outputs against each other by second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare.figures.paired import differences
from qoe_agent.compare.live.shapes import Second

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RNG = np.random.default_rng(11)
CONTENT = 80 + 5 * np.sin(np.arange(120) / 7)


def told(a: Mapping[str, Sequence[float | None]], b: Mapping[str, Sequence[float | None]]) -> list[Second]:
    many = len(next(iter(a.values())))
    sides = {"a": a, "b": b}
    return [
        Second(float(n), {side: {name: of[n] for name, of in named.items()} for side, named in sides.items()})
        for n in range(many)
    ]


def one(a: Sequence[float | None], b: Sequence[float | None], measure: str = "vmaf", *, final: bool = True):  # type: ignore[no-untyped-def]
    return differences(told({measure: a}, {measure: b}), ["a", "b"], [measure], final=final)[0]


def test_what_both_see_of_the_content_cancels() -> None:
    noise = RNG.normal(0, 0.3, (2, 120))
    found = one(CONTENT + noise[0], CONTENT + noise[1] - 1.0)
    assert found.word == "differs"
    assert found.difference == pytest.approx(-1.0, abs=0.1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -1.0 < found.high < 0.0


def test_copies_are_identical() -> None:
    found = one(CONTENT, CONTENT)
    assert (found.word, found.difference, found.low, found.high, found.p) == ("identical", 0.0, 0.0, 0.0, None)


def test_a_few_seconds_need_more_time() -> None:
    found = one(CONTENT[:8], CONTENT[:8] + RNG.normal(3, 0.1, 8))
    assert found.word == "more time needed"
    assert found.low is None


def test_a_constant_difference_is_one() -> None:
    found = one([720.0] * 30, [540.0] * 30, "effective_height")
    assert (found.word, found.low, found.high) == ("differs", -180.0, -180.0)


def test_seconds_without_a_value_are_left_out_in_place() -> None:
    a: list[float | None] = list(CONTENT)
    a[10:20] = [None] * 10
    found = one(a, CONTENT + RNG.normal(0, 0.1, 120))
    assert found.n == 110


def test_more_measures_take_more_proof() -> None:
    step = RNG.normal(0, 1, 120)
    step += 0.22 - step.mean()
    alone = one(np.zeros(120), step)
    names = ["vmaf", *(f"m{n}" for n in range(7))]
    b = {name: RNG.normal(0, 1, 120) for name in names} | {"vmaf": step}
    family = differences(told({name: [0.0] * 120 for name in names}, b), ["a", "b"], names)[0]
    assert alone.p is not None
    assert family.p == pytest.approx(min(1.0, 8 * alone.p))


def test_while_it_goes_on_it_takes_more_proof() -> None:
    step = RNG.normal(0.25, 1, 120)
    final, on_the_way = one(np.zeros(120), step), one(np.zeros(120), step, final=False)
    assert on_the_way.p > final.p
    assert on_the_way.note == "provisional"


@pytest.mark.parametrize(("many", "word"), [(2, "more time needed"), (7, "differs")])
def test_stalls_are_counted_exactly(many: int, word: str) -> None:
    stalls = np.zeros(200)
    stalls[np.arange(many) * 20] = 1.0
    assert one(np.zeros(200), stalls, "stalled").word == word


def test_no_stalls_at_all_are_said_so() -> None:
    found = one(np.zeros(60), np.zeros(60), "stalled")
    assert (found.word, found.note) == ("identical", "neither had any")
