"""Ends of streams: everybody falls silent at once and nobody comes for a while; that is no exit of theirs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.viewers.tables.engines import Engine, Table

STEP_MS = 1000
QUIET_MS = 60_000
"""How long nobody may come after a stream's end."""
FEWEST, SHARE, LEFT_OVER = 5, 0.5, 0.1
"""So many must fall silent together, such a share of those who were there just before, and at most so many stay."""


class Ending(NamedTuple):
    """Who was last heard of in this span did not leave by himself."""

    stream: str
    from_ms: int
    until_ms: int


def endings(engine: Engine, sessions: Table, heartbeat_ms: int) -> list[Ending]:
    """`sessions` of events, with stream, start_ms and lo_ms."""
    known = sessions.filter(sessions.stream.notnull())
    last = known.start_ms + known.lo_ms
    silent = ((known.hi_ms > known.lo_ms) | (known.cause < 0)).cast("int64")
    come = known.select("stream", at=_step(known.start_ms), come=1, went=0, silent=known.lo_ms * 0)
    went = known.select("stream", at=_step(last), come=0, went=1, silent=silent)
    both = come.union(went)
    summed = both.group_by("stream", "at").agg(come=both.come.sum(), went=both.went.sum(), silent=both.silent.sum())
    found = engine.rows(summed)
    rows = sorted(zip(*[found[name].to_pylist() for name in ("stream", "at", "come", "went", "silent")], strict=True))
    window = min(heartbeat_ms + STEP_MS, QUIET_MS)
    return [each for stream, some in groupby(rows, key=lambda row: str(row[0]))
            for each in _of_stream(stream, some, window)]  # fmt: skip


def _step(time: Any) -> Any:
    return (time.cast("float64") / float(STEP_MS)).floor().cast("int64")


def _of_stream(stream: str, rows: Iterable[tuple[str, int, int, int, int]], window_ms: int) -> list[Ending]:
    found = np.array([row[1:] for row in rows], np.int64)
    at, come, went, silent = found[:, 0] * STEP_MS, found[:, 1], found[:, 2], found[:, 3]
    there = np.append(0, np.cumsum(come - went))
    comers, quiet = np.append(0, np.cumsum(come)), np.append(0, np.cumsum(silent))
    begins = np.searchsorted(at, at - window_ms)
    after = np.searchsorted(at, at + QUIET_MS, side="right")
    here = np.arange(1, len(at) + 1)
    before = there[begins] + comers[here] - comers[begins]
    together = quiet[here] - quiet[begins]
    over = (silent > 0) & (comers[after] == comers[here]) & (together >= FEWEST)
    over &= (together >= SHARE * before) & (there[here] <= LEFT_OVER * before)
    endings: list[Ending] = []
    for last in np.flatnonzero(over):
        begin, end = int(at[last]) - window_ms, int(at[last]) + STEP_MS
        if endings and begin < endings[-1].until_ms:
            begin = endings.pop().from_ms
        endings.append(Ending(stream, begin, end))
    return endings


def without_ended(engine: Engine, sessions: Table, found: list[Ending]) -> Table:
    """The sessions, those that a stream's end cut off censored when they were last heard of."""
    import ibis
    import pyarrow as pa

    if not found:
        return sessions
    ends = engine.put(pa.table({
        "on_stream": pa.array([each.stream for each in found], pa.string()),
        "from_ms": pa.array([each.from_ms for each in found], pa.int64()),
        "until_ms": pa.array([each.until_ms for each in found], pa.int64()),
    }), "endings")  # fmt: skip
    last = sessions.start_ms + sessions.lo_ms
    silent = (sessions.hi_ms > sessions.lo_ms) | (sessions.cause < 0)
    joined = sessions.left_join(
        ends, [sessions.stream == ends.on_stream, last >= ends.from_ms, last < ends.until_ms, silent])  # fmt: skip
    cut = joined.on_stream.notnull()
    kept = {name: joined[name] for name in sessions.columns if name not in ("hi_ms", "cause")}
    return joined.select(**kept, hi_ms=ibis.ifelse(cut, joined.lo_ms, joined.hi_ms),
                         cause=ibis.ifelse(cut, -1, joined.cause).cast("int64"))  # fmt: skip
