"""Switchbacks: everybody in a block of stream and time gets one arm, and blocks are the units.

Bojinov, Simchi-Levi, Zhao ("Design and analysis of switchback experiments", Management Science 2023) on the design.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.shapes import Check, Estimate

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.shapes import Metric, Trial


def switchback(trial: Trial, metric: Metric, control: str, treatment: str, *, alpha: float = 0.05,
               cap: float | None = None) -> Estimate:  # fmt: skip
    """Treatment over control from `trial.blocks`."""
    return Estimate(metric.name, control, treatment, None, None, None, None, {}, {}, cap, unit="block", method="blocks",
                    note="not built yet")  # fmt: skip


def carry_over(trial: Trial, metric: Metric, control: str, treatment: str, *, cap: float | None = None) -> Check:
    """Whether blocks after a change of arm differ from blocks after none."""
    return Check("carry_over", "not possible", "not built yet")
