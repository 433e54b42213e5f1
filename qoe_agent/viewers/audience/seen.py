"""Sessions as a collector knows them: some exits told, of the others only the last report, and when none came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.audience.people import WORDS
from qoe_agent.viewers.shapes import CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.fates import Fates

COLUMNS = (
    "session", "user", "stream", "start", "watch_seconds", "end", "last_seen", "exit_low", "exit_high", "cause",
    "startup_seconds", "stalls", "stall_seconds", "height", "latency_seconds", *WORDS,
)  # fmt: skip
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of each session; times in seconds after its begin."""

    interval: NDArray[np.float64]
    """Between heartbeats."""
    tells: NDArray[np.bool_]
    """Whether its player tells of its exit: some have a beacon, and all tell of failures."""
    last: NDArray[np.float64]
    """Of the last report."""
    high: NDArray[np.float64]
    """When it was gone for sure: its next heartbeat did not come."""


def seen(fates: Fates) -> Seen:
    """What gets through of `fates`; what is told by `reports` has the same intervals and beacons."""
    plan = fates.plan.reporting
    rng = np.random.default_rng((fates.plan.seed, 7))
    count, end = len(fates.people), fates.end
    interval = rng.choice(np.array(plan.intervals), size=count)
    tells = (rng.random(count) < plan.beacons) | (fates.cause == CAUSES.index("failed"))
    beats = np.ceil(end / interval) - 1  # one at the very end is none
    missed = rng.geometric(1 - plan.lost, count) - 1 if plan.lost else 0
    last = np.maximum(beats - missed, 0.0) * interval
    startup = fates.people.startup
    last = np.where(startup < end, np.maximum(last, startup), last)
    stalls = fates.stalls
    np.maximum.at(last, stalls.session, stalls.at)
    after = stalls.at + stalls.seconds
    over = after < end[stalls.session]
    np.maximum.at(last, stalls.session[over], after[over])
    return Seen(interval, tells, last, (np.floor(last / interval) + 1) * interval)


def columns(fates: Fates) -> dict[str, NDArray[Any]]:
    """The sessions table, by COLUMNS; NaN and empty text where something is not known. Times are Unix seconds."""
    known, people, end, left = seen(fates), fates.people, fates.end, fates.left
    told, stalls = known.tells & left, fates.stalls
    nothing = np.full(len(people), np.nan)
    begin = fates.plan.begins + people.start
    seconds = np.minimum(stalls.seconds, end[stalls.session] - stalls.at)
    closed = ~left
    found: dict[str, NDArray[Any]] = {
        "start": begin,
        "watch_seconds": np.where(told | closed, end, known.last),
        "end": np.where(told, begin + end, nothing),
        "last_seen": begin + np.where(told | closed, end, known.last),
        "exit_low": np.where(left, begin + np.where(told, end, known.last), nothing),
        "exit_high": np.where(left, begin + np.where(told, end, known.high), nothing),
        "cause": np.where(closed, "ended", np.where(told, np.array(CAUSES)[fates.cause], "")),
        "startup_seconds": np.where(people.startup < end, people.startup, nothing),
        "stalls": np.bincount(stalls.session, minlength=len(people)),
        "stall_seconds": np.bincount(stalls.session, seconds, minlength=len(people)),
        "height": people.height,
        "latency_seconds": people.latency,
    }
    for name in ("start", "watch_seconds", "end", "last_seen", "exit_low", "exit_high"):
        found[name] = np.round(found[name], 3)
    for name in ("startup_seconds", "stall_seconds", "latency_seconds"):
        found[name] = np.round(found[name], 3)
    return found | {name: people.word(name) for name in WORDS}


def names(fates: Fates) -> dict[str, list[str]]:
    """Sessions, users and streams by name."""
    plan, people = fates.plan, fates.people
    streams = [plan.stream(number) for number in range(plan.streams)]
    return {
        "session": [f"s{plan.seed}-{number}" for number in range(len(people))],
        "user": [f"u{number}" for number in people.user.tolist()],
        "stream": [streams[number] for number in people.stream.tolist()],
    }


def rows(fates: Fates) -> Iterator[list[Any]]:
    """The sessions table a row at a time, values by COLUMNS; None: not known."""
    table, named = columns(fates), names(fates)
    for low in range(0, len(fates.people), CHUNK):
        part = slice(low, low + CHUNK)
        lists = [named[name][part] if name in named else _plain(table[name][part]) for name in COLUMNS]
        yield from map(list, zip(*lists, strict=True))


def _plain(column: NDArray[Any]) -> list[Any]:
    found: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        return [None if each != each else each for each in found]
    return [each or None for each in found] if column.dtype.kind == "U" else found
