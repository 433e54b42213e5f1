"""What one would get without thinking: sessions that ever met something beside those that never did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import Naive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.tables.assembly import Factor
    from qoe_agent.viewers.tables.engines import Engine, Table

MET_LATER = "who watches for long has the time to meet it: long sessions are counted for it (immortal time)"
CHOSEN = "sessions differ in more than this: whoever has it may be another viewer on another network (confounding)"


class AfterStall(NamedTuple):
    """What came after stalls began, by bucket of users (0…999) and step of time; each stall counts by itself."""

    stalls: NDArray[np.float64]
    """How many."""
    gone: NDArray[np.float64]
    """(buckets, steps): left; an exit whose moment is not known is spread evenly over its interval."""
    lost: NDArray[np.float64]
    """(buckets, steps): known no further, though they have not left."""


def naive(engine: Engine, sessions: Table, factor: Factor, code: Any, pieces: Table | None) -> list[Naive]:
    """By level: exits a second of sessions that ever met it over those that never did."""
    if pieces is None:
        met = sessions.select("lo_ms", gone=(sessions.cause >= 0).cast("int64"), level=code)
        reason = CHOSEN
    else:
        ever = pieces.select("sid", "a_ms", level=pieces[factor.name])
        met = ever.inner_join(sessions, "sid")
        met = met.filter((met.a_ms < met.lo_ms) | (met.a_ms == 0)).select(
            "sid", "level", "lo_ms", gone=(met.cause >= 0).cast("int64")).distinct()  # fmt: skip
        reason = MET_LATER
    by_level = met.group_by("level").agg(exits=met.gone.sum(), time=met.lo_ms.cast("float64").sum())
    rows = engine.rows(by_level).to_pylist()
    whole = engine.rows(sessions.agg(exits=(sessions.cause >= 0).sum(), time=sessions.lo_ms.cast("float64").sum()))
    total = whole.to_pylist()[0]
    found = []
    for row in sorted(rows, key=lambda row: row["level"]):
        others = total["exits"] - row["exits"], total["time"] - row["time"]
        if row["time"] > 0 and others[0] > 0 and others[1] > 0:
            ratio = row["exits"] / row["time"] / (others[0] / others[1])
            found.append(Naive(factor.name, factor.levels[row["level"]], ratio, reason))
    return found


def after_stall(engine: Engine, sessions: Table, stalls: Table, within_ms: int, step_ms: int = 100) -> AfterStall:
    """Who left in each step of a time after each stall, and who is known no further."""
    joined = sessions.inner_join(stalls.select("sid", "t_ms"), "sid")
    joined = joined.filter(joined.hi_ms >= joined.t_ms)
    begin, end = joined.lo_ms - joined.t_ms, joined.hi_ms - joined.t_ms
    rows = joined.select("bucket", "cause", begin=(begin > 0).ifelse(begin, 0), end=end)
    left = rows.filter(rows.cause >= 0)
    known, wide = left.filter(left.begin == left.end), left.filter(left.begin < left.end)
    rate = 1.0 / (wide.end - wide.begin).cast("float64")
    points = _point(rows, rows.begin * 0, stalls=1.0)
    points = points.union(_point(rows.filter(rows.cause < 0), rows.filter(rows.cause < 0).begin, lost=1.0))
    points = points.union(_point(known, (known.begin > 0).ifelse(known.begin - 1, 0), gone=1.0))
    points = points.union(_point(wide, wide.begin, weight=rate)).union(_point(wide, wide.end, weight=-rate))
    points = points.filter(points.t < within_ms)
    slot = (points.t.cast("float64") / float(step_ms)).floor().cast("int64")
    marked = points.mutate(slot=slot, rest=points.weight * ((slot + 1) * step_ms - points.t).cast("float64"))
    sums = {name: marked[name].sum() for name in ("stalls", "lost", "gone", "weight", "rest")}
    found = engine.rows(marked.group_by("bucket", "slot").agg(**sums))
    steps = -(-within_ms // step_ms)
    at = found["bucket"].to_numpy() * steps + found["slot"].to_numpy()
    told: dict[str, NDArray[np.float64]] = {}
    for name in sums:
        counted = np.bincount(at, found[name].to_numpy().astype(np.float64), 1000 * steps)
        told[name] = counted.astype(np.float64).reshape(1000, steps)
    running = (np.cumsum(told["weight"], axis=1) - told["weight"]) * step_ms + told["rest"]
    return AfterStall(told["stalls"].sum(axis=1), np.maximum(running, 0.0) + told["gone"], told["lost"])


def _point(rows: Table, t: Any, **values: Any) -> Table:
    """Something that happens so many milliseconds after a stall."""
    import ibis

    told = {name: ibis.literal(0.0, "float64") for name in ("stalls", "lost", "gone", "weight")}
    told |= {name: each if hasattr(each, "cast") else ibis.literal(each, "float64") for name, each in values.items()}
    return rows.select("bucket", t=t, **told)
