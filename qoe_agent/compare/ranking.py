"""Which of several tests scores highest, which score the same, and two of them seen from the higher one."""

from __future__ import annotations

from functools import reduce
from math import isinf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.figures import pooling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.shapes import Pair, Tested


class Found(NamedTuple):
    """A pair, seen from the test that scores higher in the first metric."""

    high: Tested
    low: Tested
    first: Pair
    others: tuple[Pair, ...]
    turned: bool
    """The higher one is the pair's a."""

    @property
    def sign(self) -> int:
        """Of the pair's differences, to be the higher one's."""
        return -1 if self.turned else 1

    @property
    def bits(self) -> float | None:
        """Share of bits that the higher spends more."""
        ours, theirs = (each.media.video.bits_per_second for each in (self.high, self.low))
        return None if not ours or not theirs else ours / theirs - 1


def by_level(tests: Sequence[Tested], metric: str) -> list[Tested]:
    """Highest first, by the frames that all of them have, if there are any."""
    shown = [each.scores.reference for each in tests if each.scores]
    common = reduce(np.intersect1d, shown)

    def level(test: Tested) -> float:
        values = test.scores.frames.get(metric) if test.scores else None
        if values is None or test.scores is None or metric not in test.pooled:
            return 0.0
        if not len(common):
            return test.pooled[metric].mean
        return pooling.mean(metric, values[np.isin(test.scores.reference, common)])

    return sorted(tests, key=lambda each: -level(each))


def identical(test: Tested) -> bool:
    """Whether it shows what the reference does, to the last bit."""
    known = [test.pooled[name].mean for name in ("psnr_avg", "psnr_y") if name in test.pooled]
    return bool(known) and isinf(known[0])


def between(one: Tested, two: Tested, metric: str, pairs: Sequence[Pair]) -> Found | None:
    """Two tests by the pairs that are of them; None where there are none in this metric."""
    of_both = [each for each in pairs if {each.a, each.b} == {one.name, two.name}]
    first = next((each for each in of_both if each.metric == metric), None)
    if first is None:
        return None
    turned = first.difference < 0
    high, low = (one, two) if (first.b == one.name) != turned else (two, one)
    return Found(high, low, first, tuple(each for each in of_both if each is not first), turned)


def same(found: Found | None) -> bool:
    """Whether two score the same in every metric and every scene."""
    nothing = ((0.0, 0.0), (None, None))
    return found is not None and all(
        each.difference == 0 and (each.low, each.high) in nothing for each in (found.first, *found.others)
    )
