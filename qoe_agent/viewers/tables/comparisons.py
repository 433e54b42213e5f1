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
    """What came after the last stall of each session that stalled, by bucket of users (0…999)."""

    stalled: NDArray[np.float64]
    """Sessions that ever stalled."""
    soon: NDArray[np.float64]
    """Of these: left within the time asked for. Who may have left within it counts by how likely that is."""
    ever: NDArray[np.float64]
    """Of these: left at all."""


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


def after_stall(engine: Engine, sessions: Table, stalls: Table, within_ms: int) -> AfterStall:
    """How many left, within a time after their last stall and at all."""
    import ibis

    last = stalls.group_by("sid").agg(at=stalls.t_ms.max())
    joined = sessions.inner_join(last, "sid")
    gone = joined.cause >= 0
    until = joined["at"] + within_ms
    width = ibis.greatest(joined.hi_ms - joined.lo_ms, 1).cast("float64")
    part = ibis.least(ibis.greatest(until - joined.lo_ms, 0).cast("float64") / width, 1.0)
    soon = ibis.ifelse(joined.lo_ms == joined.hi_ms, (joined.lo_ms <= until).cast("float64"), part)
    marked = joined.select("bucket", gone=gone.cast("float64"), soon=ibis.ifelse(gone, soon, 0.0))
    found = engine.rows(marked.group_by("bucket").agg(
        stalled=marked.count(), soon=marked.soon.sum(), ever=marked.gone.sum()))  # fmt: skip
    buckets = found["bucket"].to_numpy()
    counts = [np.bincount(buckets, found[name].to_numpy().astype(np.float64), 1000).astype(np.float64)
              for name in ("stalled", "soon", "ever")]  # fmt: skip
    return AfterStall(*counts)
