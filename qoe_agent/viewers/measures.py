"""What the probes measured, beside the viewers' events, so that what an arm was to get can be laid beside what it got.

`measures/YYYY-MM-DD.NAME.jsonl` (`daybook`): a line for each stream, or rendition of one, and minute:

- `stream`, `rendition` (absent: the stream as a whole), `at` (Unix seconds: when the minute began), `seconds` (60);
- `height`, `effective_height`, `frame_rate`, `mos`, `bytes_per_second`, `latency`, `av_offset` (seconds, above 0: sound
  late): the mean of the values that the agent took in it (every ten seconds); `stalled_seconds`, of `watched_seconds`
  in which its viewer played or stalled.

What is not known is absent; of a minute of which nothing is known there is no line.
"""

from __future__ import annotations

import asyncio
import json
from math import floor
from statistics import fmean
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.history import STEP
from qoe_agent.viewers.daybook import Daybook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qoe_agent.history import History
    from qoe_agent.sink import Key

FOLDER = "measures"
MINUTE = 60
MEANS = {"height": 0, "effective_height": 0, "frame_rate": 2, "mos": 3, "bytes_per_second": 0, "latency": 3,
         "av_offset": 3}  # fmt: skip
"""Measures of which means are written, and their decimals."""


class Measures:
    """Writes what `history` knows into the facts in `folder`, as the agent `name`; keeps it for `keep` seconds."""

    def __init__(self, history: History, folder: Path, name: str, keep: float) -> None:
        self._history = history
        self._book = Daybook(folder / FOLDER, name, keep)
        self._next: int | None = None
        """The first minute, since the epoch, that is not written."""

    async def run(self) -> None:
        """Write each minute when it is over, until cancelled."""
        while True:
            self.take(clock.wall(clock.now()))
            if self._book.waiting:
                await asyncio.to_thread(self._book.write)
            wall = clock.wall(clock.now())
            await asyncio.sleep(MINUTE - wall % MINUTE + STEP)

    def take(self, wall: float) -> None:
        """Make lines of the minutes that were over at this time; of an hour at most, which is all that is known."""
        now = floor(wall / MINUTE)
        first = now - 1 if self._next is None else max(self._next, now - 60)
        self._next = max(now, self._next or now)
        if first >= now:
            return
        since = clock.now() - (clock.wall(clock.now()) - first * MINUTE)
        for key in self._history.streams():
            taken = {measure: self._by_minute(key, measure, since) for measure in (*MEANS, "stalled")}
            lines = (line(key, minute, {name: found.get(minute, ()) for name, found in taken.items()})
                     for minute in range(first, now))  # fmt: skip
            self._book.add(json.dumps(each) for each in lines if each is not None)

    def _by_minute(self, key: Key, measure: str, since: float) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for at, value in self._history.since(key, measure, since):
            found.setdefault(floor(clock.wall(at) / MINUTE), []).append(value)
        return found


def line(key: Key, minute: int, taken: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    """A stream in a minute; None: nothing is known of it."""
    made: dict[str, Any] = {}
    for name, digits in MEANS.items():
        if taken[name]:
            mean = round(fmean(taken[name]), digits)
            made[name] = mean if digits else int(mean)
    if stalls := taken["stalled"]:
        made |= {"stalled_seconds": round(sum(stalls), 3), "watched_seconds": len(stalls) * STEP}
    if not made:
        return None
    whose = {"stream": key.stream} | ({"rendition": key.rendition} if key.rendition else {})
    return {**whose, "at": minute * MINUTE, "seconds": MINUTE, **made}
