"""The only place that asks the time.

`now()` is steady: Unix seconds when the process started, monotonic ever after, so durations survive a
stepped wall clock. `wall(at)` turns such a time into what the wall clock calls it now; `check()` follows
the wall clock when it has moved by more than 50 ms and says by how much. `unix()` is for those who compare an agent
time with the time of another machine: what to add to it, and how far that may be off.
"""

from __future__ import annotations

import time
from typing import TypeAlias

STEP = 0.05
"""Seconds that the wall clock may differ before it counts as stepped."""

_anchor = time.time() - time.monotonic()
_correction = 0.0
_trusted: tuple[float, float] | None = None

monotonic = time.monotonic
"""The clock beneath; tests replace it."""
realtime = time.time
"""The wall clock; tests replace it."""
thread_cpu = time.thread_time
"""CPU seconds of the calling thread."""
process_cpu = time.process_time
"""CPU seconds of the process; tests replace it."""


def now() -> float:
    """Steady agent time in seconds."""
    return monotonic() + _anchor


def wall(at: float) -> float:
    """What the wall clock calls the agent time `at` (Unix seconds)."""
    return at + _correction


def check() -> float:
    """Follow a stepped wall clock; returns the step in seconds, 0.0 if there was none."""
    global _correction
    step = realtime() - now() - _correction
    if abs(step) <= STEP:
        return 0.0
    _correction += step
    return step


def trust(unix: float | None, uncertainty: float = 0.0) -> None:
    """A time source says: agent time + `unix` is Unix time, give or take `uncertainty`. None: nobody knows."""
    global _trusted
    _trusted = None if unix is None else (unix, uncertainty)


def unix() -> tuple[float, float | None]:
    """What to add to an agent time for Unix time, and how far that may be off; by the wall clock if nobody knows."""
    return _trusted or (realtime() - now(), None)


State: TypeAlias = tuple[float, float, tuple[float, float] | None]


def state() -> State:
    """What another process of this machine must know to tell the same time."""
    return _anchor, _correction, _trusted


def adopt(said: State) -> None:
    """Tell the time that the process tells whose `state` this is."""
    global _anchor, _correction, _trusted
    _anchor, _correction, _trusted = said


def offset() -> tuple[float, float] | None:
    """How far the wall clock is ahead of Unix time, and how far that may be off; None: nobody knows."""
    return (realtime() - now() - _trusted[0], _trusted[1]) if _trusted else None
