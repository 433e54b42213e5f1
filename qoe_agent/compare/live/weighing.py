"""Differences between outputs over the seconds that were kept: as `figures.paired` weighs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare.figures import paired
from qoe_agent.compare.live import shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.seconds import Measure, Second


def differences(
    seconds: Sequence[Second],
    names: Sequence[str],
    measures: Sequence[Measure],
    pairs: Sequence[tuple[int, int]],
    *,
    final: bool,
) -> list[shapes.Difference]:
    """Of each pair of outputs (their numbers), the second less the first; p over all that is returned.

    `final` False: while it goes on, by intervals that hold however often one looks.
    """
    asked = sorted({n for pair in pairs for n in pair})
    told = [
        shapes.Second(
            float(one.number), {names[n]: {each.name: one.value(n, each.name) for each in measures} for n in asked}
        )
        for one in seconds
    ]
    couples = [(names[a], names[b]) for a, b in pairs]
    return list(paired.differences(told, names, [each.name for each in measures], final=final, couples=couples))
