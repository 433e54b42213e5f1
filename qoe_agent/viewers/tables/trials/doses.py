"""What arms were delivered: as the sessions tell, and as the agent measured of the streams that they watched."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.lift.shapes import Dose
from qoe_agent.viewers.tables.trials import measured
from qoe_agent.viewers.tables.trials.counting import chosen, coded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Design, Floats
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.rows import Rows

BUCKETS = 200
"""Of users: intervals come from how much these differ."""
FEWEST = 5
HD = 720
TOLD = ("height", "effective_height", "mos", "bytes_per_second")
"""Numbers of sessions that tell what was delivered; the mean weighs seconds watched."""
HEIGHTS = ("height", "effective_height")


class Share(NamedTuple):
    """A ratio of sums over sessions, as expressions; null: not known of a session."""

    measure: str
    source: Literal["told", "measured"]
    above: Any
    below: Any
    """Both in seconds watched, or what stands for them."""
    high: Any = None
    """Of `below`, what is at HD or better."""


def doses(rows: Rows, design: Design, folder: Path | None) -> tuple[Dose, ...]:
    """As `Rows.doses` says."""
    names = chosen(rows, design)
    table = coded(rows)
    found = [_summed(rows, table, _told(rows, table), names)]
    if folder is not None and rows.columns.time is not None and rows.columns.stream is not None:
        seen = measured.read(folder, rows.engine)
        if seen is not None:
            joined = measured.joined(table, seen)
            found.append(_summed(rows, joined, _measured(joined, seen), names))
    return tuple(dose for some in found for dose in some)


def _told(rows: Rows, table: Table) -> list[Share]:
    seconds = table.watch / 1000.0
    found = []
    for name in TOLD:
        if (column := rows.numbers.get(name)) is not None:
            value = table[column]
            high = ((value >= HD).cast("int64").cast("float64") * seconds) if name in HEIGHTS else None
            found.append(Share(name, "told", value * seconds, _where(value, seconds), high))
    if (column := rows.numbers.get("stall_seconds")) is not None:
        found.append(Share("stall_ratio", "told", table[column] / 1000.0, _where(table[column], seconds)))
    return found


def _measured(table: Table, seen: measured.Seen) -> list[Share]:
    return [Share(name, "measured", table[f"above_{name}"], table[f"below_{name}"],
                  table[f"above_{measured.high(name)}"] if name in HEIGHTS else None)
            for name in seen.measures if not name.endswith(measured.HIGH)]  # fmt: skip


def _where(value: Any, seconds: Any) -> Any:
    import ibis

    return ibis.ifelse(value.notnull(), seconds, ibis.null("float64"))


def _summed(rows: Rows, table: Table, shares: Sequence[Share], names: Mapping[int, str]) -> list[Dose]:
    """Each ratio by arm, with an interval out of buckets of users."""
    if not shares:
        return []
    whose = table.user.cast("string") if "user" in table.columns else table.watch.cast("string")
    values = {"seconds": table.watch / 1000.0}
    for number, one in enumerate(shares):
        known = {f"a{number}": one.above, f"b{number}": one.below}
        values |= known if one.high is None else known | {f"h{number}": one.high}
    given = table.select("code", bucket=rows.engine.hashed(whose) % BUCKETS, **values)
    sums = given.group_by("code", "bucket").agg(**{name: given[name].sum().coalesce(0.0) for name in values})
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for row in rows.engine.rows(sums.order_by("code", "bucket")).to_pylist():
        if row["code"] in names:
            by_arm.setdefault(names[row["code"]], []).append(row)
    return [_dose(arm, one, number, some) for number, one in enumerate(shares) for arm, some in sorted(by_arm.items())]


def _dose(arm: str, one: Share, number: int, rows: Sequence[Mapping[str, Any]]) -> Dose:
    above, below = (np.array([row[f"{side}{number}"] for row in rows], float) for side in "ab")
    whole = sum(row["seconds"] for row in rows)
    if below.sum() <= 0:
        return Dose(arm, one.measure, one.source, None, known=0.0)
    mean, low, high = _ratio(above, below)
    hd = None if one.high is None else float(sum(row[f"h{number}"] for row in rows) / below.sum())
    known = min(1.0, float(below.sum() / whole)) if whole > 0 else 0.0
    return Dose(arm, one.measure, one.source, mean, low, high, hd, known)


def _ratio(above: Floats, below: Floats) -> tuple[float, float | None, float | None]:
    """A ratio of sums by bucket, with its 95 % interval by the delta method."""
    mean, used = float(above.sum() / below.sum()), int((below > 0).sum())
    if used < FEWEST:
        return mean, None, None
    rest = above - mean * below
    error = sqrt(used / (used - 1) * float(rest @ rest)) / float(below.sum())
    reach = t_quantile(0.95, used - 1) * error
    return mean, mean - reach, mean + reach
