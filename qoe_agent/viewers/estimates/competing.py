"""One way to go, where several compete: whoever goes otherwise was there until then (Prentice et al. 1978)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.shapes import CAUSES

if TYPE_CHECKING:
    from qoe_agent.viewers.shapes import Cells


def of_cause(cells: Cells, cause: str) -> Cells:
    """With the exits by `cause` (of CAUSES) alone; the hazards of these cells are those of that cause.

    Of other exits the person-time counts: all that is certain, and of an interval what one expects that lies before an
    exit anywhere in it.
    """
    mine = cells.exit_cause == CAUSES.index(cause)
    seconds, count = cells.exit_seconds[~mine], cells.exit_count[~mine][:, None]
    whole, after = seconds.sum(axis=1, keepdims=True), np.cumsum(seconds, axis=1)
    there = seconds * (1.0 - (after - seconds / 2.0) / np.where(whole > 0.0, whole, 1.0)) * count
    bucket = np.broadcast_to(cells.exit_bucket[~mine][:, None], there.shape)
    held = (there > 0.0) & (cells.exit_cell[~mine] >= 0)
    return replace(
        cells,
        time_cell=np.concatenate([cells.time_cell, cells.exit_cell[~mine][held]]),
        time_bucket=np.concatenate([cells.time_bucket, bucket[held]]),
        time_seconds=np.concatenate([cells.time_seconds, there[held]]),
        exit_bucket=cells.exit_bucket[mine],
        exit_cause=cells.exit_cause[mine],
        exit_count=cells.exit_count[mine],
        exit_cell=cells.exit_cell[mine],
        exit_seconds=cells.exit_seconds[mine],
    )
