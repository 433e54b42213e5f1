"""All reports of an audience as they arrive: heartbeats and events, some late, twice, by a wrong clock or never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.audience.doings import messages, orders
from qoe_agent.viewers.audience.seen import seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.fates import Fates

JOIN, STARTED, BEAT, STALL, RESUMED, ORDER, SENT, SHOWN, LEAVE, ENDED = range(10)
STATES = ("starting", "playing", "stalled", "ended")


@dataclass(frozen=True, slots=True)
class Reports:
    """One element a report, in the order in which they arrive; a report that comes twice is here twice."""

    fates: Fates
    interval: NDArray[np.float64]
    """Between heartbeats, by session."""
    session: NDArray[np.int64]
    what: NDArray[np.int64]
    """JOIN…ENDED."""
    sn: NDArray[np.int64]
    """Number of the report in its session."""
    true: NDArray[np.float64]
    """Seconds after the streams began, really."""
    at: NDArray[np.float64]
    """Unix seconds by the session's clock."""
    arrival: NDArray[np.float64]
    """Unix seconds by the collector's clock."""
    state: NDArray[np.int64]
    """Index into STATES."""
    stalls: NDArray[np.int64]
    stalled: NDArray[np.float64]
    """Stalls so far, and seconds stalled."""
    number: NDArray[np.int64]
    """Which order or message."""
    worth: NDArray[np.float64]
    """Of each order."""

    def __len__(self) -> int:
        return len(self.session)


def reports(fates: Fates) -> Reports:
    """What the sessions of `fates` report."""
    known, plan = seen(fates), fates.plan.reporting
    session, at, what, number, worth = _all(fates, known.interval, known.tells)
    order = np.lexsort((what, at, session))
    session, at, what, number = session[order], at[order], what[order], number[order]
    first = np.searchsorted(session, np.arange(len(fates.people)))
    state, count, stalled = _stalling(fates, session, at, what)
    sn = np.arange(len(session)) - first[session]
    rng = np.random.default_rng((fates.plan.seed, 8))
    kept = np.flatnonzero(rng.random(len(at)) >= plan.lost)
    kept = np.concatenate((kept, kept[rng.random(len(kept)) < plan.twice]))
    travel = rng.exponential(0.2, len(kept)) + np.where(
        rng.random(len(kept)) < plan.late, 20 * rng.random(len(kept)), 0
    )
    skew = rng.normal(0, plan.skew, len(fates.people)) * np.where(rng.random(len(fates.people)) < 0.02, 60, 1)
    true = fates.people.start[session] + at
    queue = np.argsort(true[kept] + travel, kind="stable")
    kept, travel = kept[queue], travel[queue]
    unix = fates.plan.begins + true
    return Reports(
        fates, known.interval, session[kept], what[kept], sn[kept], true[kept], (unix + skew[session])[kept],
        unix[kept] + travel, state[kept], count[kept], stalled[kept], number[kept], worth,
    )  # fmt: skip


def _all(fates: Fates, interval: NDArray[np.float64], tells: NDArray[np.bool_]) -> tuple[NDArray[Any], ...]:
    """Session, moment, kind and number of all that is reported; and what the orders are worth."""
    end, startup, stalls, everybody = fates.end, fates.people.startup, fates.stalls, np.arange(len(fates.people))
    beats = np.maximum(np.ceil(end / interval) - 1, 0).astype(np.int64)
    beating = np.repeat(everybody, beats)
    turn = np.arange(len(beating)) - np.repeat(np.cumsum(beats) - beats, beats) + 1
    started = np.flatnonzero(startup < end)
    over = stalls.at + stalls.seconds
    resumed = over < end[stalls.session]
    made, worth = orders(fates)
    kept = made.at < end[made.session]
    sent, which, shown = messages(fates)
    leaving, ending = np.flatnonzero(fates.left & tells), np.flatnonzero(~fates.left)
    parts = (
        (JOIN, everybody, np.zeros(len(everybody)), None), (STARTED, started, startup[started], None),
        (BEAT, beating, turn * interval[beating], None), (STALL, stalls.session, stalls.at, None),
        (RESUMED, stalls.session[resumed], over[resumed], None),
        (ORDER, made.session[kept], made.at[kept], np.flatnonzero(kept)),
        (SENT, sent.session, sent.at, np.arange(len(sent.at))), (SHOWN, shown.session, shown.at, which),
        (LEAVE, leaving, end[leaving], None), (ENDED, ending, end[ending], None),
    )  # fmt: skip
    return (
        np.concatenate([who for _, who, _, _ in parts]),
        np.concatenate([at for _, _, at, _ in parts]),
        np.concatenate([np.full(len(who), kind) for kind, who, _, _ in parts]),
        np.concatenate([np.full(len(who), -1) if number is None else number for _, who, _, number in parts]),
        worth,
    )


def _stalling(
    fates: Fates, session: NDArray[np.int64], at: NDArray[np.float64], what: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """State, stalls so far and seconds stalled so far at each report; reports in order of sessions."""
    stalls, far = fates.stalls, 1e6
    begun = np.searchsorted(stalls.session * far + stalls.at, session * far + at, side="right")
    before = np.searchsorted(stalls.session, session)
    gathered = np.concatenate(([0.0], np.cumsum(stalls.seconds)))
    stalled, count = gathered[begun] - gathered[before], begun - before
    over = np.concatenate(([0.0], stalls.at + stalls.seconds))[begun]
    left = np.where((count > 0) & (what != RESUMED), np.maximum(over - at, 0.0), 0.0)
    state = np.where(at < fates.people.startup[session], 0, np.where(left > 0, 2, 1))
    return np.where(what == ENDED, 3, state), count, stalled - left
