"""How a lift came to be: as units entered, and by how long users have been there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.effects.means import compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Amount, Metric, Moments, Trial


def over_time(
    trial: Trial,
    metric: Metric,
    control: str,
    treatment: str,
    *,
    alpha: float = 0.05,
    cap: float | None = None,
    pre: Sequence[Amount] = (),
    planned: float | None = None,
) -> tuple[tuple[float, float, float, float, float, float], ...]:
    """(when, lift, low, high, always-valid low and high) of all who had entered by then; nothing without a plan, as
    then no interval holds at every look."""
    if not planned:
        return ()
    found = []
    gathered: dict[str, Moments] = {}
    for when, arms in trial.entered:
        gathered |= {arm: gathered[arm] + each if arm in gathered else each for arm, each in arms.items()}
        told = compare(metric, control, treatment, gathered, alpha=alpha, cap=cap, pre=pre, planned=planned)
        if told.lift is not None and told.low is not None and told.high is not None and told.always_valid:
            found.append((when, told.lift, told.low, told.high, *told.always_valid))
    return tuple(found)


def novelty(
    tenure: Sequence[tuple[int, Mapping[str, Moments]]],
    metric: Metric,
    control: str,
    treatment: str,
    *,
    alpha: float = 0.05,
    cap: float | None = None,
) -> tuple[tuple[int, float, float, float], ...]:
    """(day since the first session, lift, low, high), each day by itself."""
    found = []
    for day, arms in tenure:
        told = compare(metric, control, treatment, arms, alpha=alpha, cap=cap)
        if told.lift is not None and told.low is not None and told.high is not None:
            found.append((day, told.lift, told.low, told.high))
    return tuple(found)
