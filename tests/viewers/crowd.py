"""An audience made by a generator, and the cells that tables would make of it: exits by a hazard that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import PIECES, TENURE, Cells

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

PUFFER = (0.0156, 0.0156, 0.0106, 0.0106, 0.0078, 0.0078, 0.0061, 0.0030, 0.0014, 0.0014, 0.0007, 0.00037, 0.00037,
          0.00024, 0.00019, 0.00015, 0.000082)  # fmt: skip
"""Exits a second by TENURE: of Puffer's live television (226,265 sessions; Yan et al., NSDI 2020)."""
RECENT = 30.0
STALLS = ("none", "recent", "earlier")
TRUE = {"recent": 3.0, "earlier": 1.3}
NEVER = 1e9


class Crowd(NamedTuple):
    user: Whole
    exit: Floats
    """True moment, in seconds since the session began; NEVER where it was still there at the end."""
    censor: Floats
    stall: Floats
    """When the session's stall begins; NEVER: none."""

    @property
    def watched(self) -> Floats:
        return np.minimum(self.exit, self.censor)


def crowd(source: Generator, sessions: int, *, users: int = 0, frailty: float = 0.0, stalls: float = 1 / 300,
          ratios: dict[str, float] = TRUE, scale: float = 1.0) -> Crowd:  # fmt: skip
    """Sessions of users, some of whom are always hastier (`frailty`, log sd); `stalls` a second, the first counts."""
    user = source.integers(0, users, sessions) if users else np.arange(sessions)
    haste = np.exp(source.normal(0.0, frailty, users or sessions))[user] * scale
    stall = source.exponential(1 / stalls, sessions) if stalls else np.full(sessions, NEVER)
    censor = source.uniform(60.0, 14400.0, sessions)
    edges, bins, state = segments(stall)
    hazard = np.array(PUFFER)[bins] * np.array([1.0, ratios["recent"], ratios["earlier"]])[state] * haste[:, None]
    lengths = np.diff(edges, axis=1)
    passed = np.cumsum(hazard * lengths, axis=1)
    due = source.exponential(1.0, sessions)
    where = (passed < due[:, None]).sum(axis=1).clip(0, hazard.shape[1] - 1)
    rows = np.arange(sessions)
    beyond = (passed - hazard * lengths)[rows, where]
    left = edges[rows, where] + (due - beyond) / hazard[rows, where]
    gone = np.where(left < censor, left, NEVER)
    return Crowd(user, gone, censor, np.where(stall < np.minimum(left, censor), stall, NEVER))


def segments(stall: Floats) -> tuple[Floats, Whole, Whole]:
    """Of each session where tenure or state change, and the tenure bin and state between."""
    sessions = len(stall)
    cuts = np.column_stack([np.tile(np.array(TENURE, float), (sessions, 1)), stall, stall + RECENT])
    edges = np.column_stack([np.sort(cuts, axis=1), np.full(sessions, 2 * NEVER)])
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    state = (middle > stall[:, None]).astype(int) + (middle > stall[:, None] + RECENT)
    return edges, np.searchsorted(TENURE, middle, side="right") - 1, state


def cells(people: Crowd, low: Floats | None = None, high: Floats | None = None, *, buckets: int = 1000,
          by_state: bool = True, causes: Whole | None = None) -> Cells:  # fmt: skip
    """Cells of sessions whose exits lie in [low, high] (default: exactly where they were)."""
    gone = people.exit < NEVER
    low, high = (people.watched if ends is None else ends for ends in (low, high))
    known = np.where(gone, low, people.censor)
    edges, bins, state = segments(people.stall)
    levels = len(STALLS) if by_state else 1
    place = bins * levels + (state if by_state else 0)
    bucket = (people.user * 2654435761 % 4294967296) * buckets // 4294967296
    certain = np.clip(np.minimum(edges[:, 1:], known[:, None]) - edges[:, :-1], 0.0, None)
    size = len(TENURE) * levels
    keys = (bucket[:, None] * size + place)[certain > 0]
    seconds = np.bincount(keys, certain[certain > 0], buckets * size)
    used = np.flatnonzero(seconds)
    exit_cell, exit_seconds = _intervals(edges[gone], place[gone], low[gone], high[gone])
    return Cells(
        factors=("stall",) if by_state else (), levels=(STALLS,) if by_state else (),
        bins=np.repeat(np.arange(len(TENURE)), levels).astype(np.int32),
        design=np.tile(np.arange(levels), len(TENURE))[:, None].astype(np.int32)[:, : int(by_state)],
        time_cell=used % size, time_bucket=(used // size).astype(np.int32), time_seconds=seconds[used],
        exit_bucket=bucket[gone].astype(np.int32),
        exit_cause=(np.zeros(gone.sum()) if causes is None else causes[gone]).astype(np.int32),
        exit_count=np.ones(gone.sum()), exit_cell=exit_cell, exit_seconds=exit_seconds,
    )  # fmt: skip


def _intervals(edges: Floats, place: Whole, low: Floats, high: Floats) -> tuple[Whole, Floats]:
    inside = np.clip(np.minimum(edges[:, 1:], high[:, None]) - np.maximum(edges[:, :-1], low[:, None]), 0.0, None)
    at = (edges[:, 1:-1] < high[:, None]).sum(axis=1)
    inside[np.arange(len(at)), at] += (high == low) * 1e-30
    order = np.argsort(inside <= 0.0, axis=1, kind="stable")[:, :PIECES]
    seconds = np.take_along_axis(inside, order, axis=1)
    found = np.where(seconds > 0.0, np.take_along_axis(place, order, axis=1), -1)
    return found, np.where(seconds > 1e-20, seconds, 0.0)


def heartbeats(source: Generator, people: Crowd, every: float) -> tuple[Floats, Floats]:
    """What reports leave: the last one before the exit (also a stall's beginning), and when the next was due."""
    phase = source.uniform(0.0, every, len(people.exit))
    last = np.maximum(np.floor((people.exit - phase) / every) * every + phase, 0.0)
    next_one = np.where(people.exit < phase, phase, last + every)
    last = np.where((people.stall < people.exit) & (people.stall > last), people.stall, last)
    return last, next_one
