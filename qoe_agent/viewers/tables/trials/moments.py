"""The second stage: units by arm and group, as sums and sums of products, and how long what is."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.lift.shapes import LENGTHS, Moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Amount, Floats
    from qoe_agent.viewers.tables.engines import Engine, Table
    from qoe_agent.viewers.tables.trials.amounts import Wanted

BINS = len(LENGTHS) + 1
_STEPS, _BELOW = 16, 16
"""Bins of lengths a doubling, and how many of them are below a second."""
_NUDGE = 1e-9
"""Logarithms of what is just at the end of a bin differ between engines by less."""


def moments(engine: Engine, units: Table, keys: Sequence[str], wanted: Wanted,
            columns: Mapping[Amount, tuple[str, float]]) -> dict[tuple[int, ...], Moments]:  # fmt: skip
    """Of units by their `keys`, which are whole numbers. `columns`: of amounts, and what these are divided by."""
    names = [columns[one][0] for one in wanted.amounts]
    scales = np.array([columns[one][1] for one in wanted.amounts])
    values = {f"t{number}": units[name].sum() for number, name in enumerate(names)}
    values |= {f"p{one}_{other}": (units[names[one]] * units[names[other]]).sum() for one, other in wanted.products}
    size = len(names)
    found: dict[tuple[int, ...], Moments] = {}
    for row in engine.rows(units.group_by(list(keys)).agg(units=units.count(), **values)).to_pylist():
        sums = np.array([row[f"t{number}"] or 0.0 for number in range(size)], np.float64)
        products = np.full((size, size), np.nan)
        for one, other in wanted.products:
            products[one, other] = products[other, one] = row[f"p{one}_{other}"] or 0.0
        made = Moments(wanted.amounts, row["units"], sums / scales, products / np.outer(scales, scales))
        found[tuple(row[key] for key in keys)] = made
    return found


def placed(watched: Any) -> Any:
    """In which bin of LENGTHS so many milliseconds are, from 0."""
    import ibis

    seconds = watched / ibis.literal(1000.0, "float64")
    steps = (seconds.nullif(0.0).ln() * ibis.literal(_STEPS / log(2.0), "float64") + _NUDGE).floor().cast("int64")
    found = ibis.greatest(ibis.least(steps + _BELOW + 1, BINS - 1), 0)
    return ibis.ifelse(seconds > 0.0, found, 0).cast("int64")  # engines' least() passes over what is null


def histogram(engine: Engine, table: Table, arm: str, watched: str,
              names: Mapping[int, str]) -> tuple[dict[str, NDArray[np.int64]], dict[str, Floats]]:  # fmt: skip
    """Rows by arm (a code) and by bin of what was watched; and seconds watched in them."""
    binned = table.select(arm=table[arm], watched=table[watched], bin=placed(table[watched]))
    found = binned.group_by("arm", "bin").agg(count=binned.count(), watched=binned.watched.sum())
    counts = {name: np.zeros(BINS, np.int64) for name in names.values()}
    totals = {name: np.zeros(BINS) for name in names.values()}
    for row in engine.rows(found).to_pylist():
        if (name := names.get(row["arm"])) is not None:
            counts[name][row["bin"]] = row["count"]
            totals[name][row["bin"]] = row["watched"] / 1000.0
    return counts, totals
