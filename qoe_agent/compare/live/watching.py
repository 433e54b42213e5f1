"""Live outputs watched together: one session each, decoded in full, with all probes; told once a second."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.compare.live.taking import LOOK, Look, Taken
from qoe_agent.compare.shapes import Unfit
from qoe_agent.decode import Pool
from qoe_agent.maths.urls import redact, scrub
from qoe_agent.model import LOST_REASONS
from qoe_agent.ring import Budget
from qoe_agent.visit import visit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.config import Stream
    from qoe_agent.visit import Visit

COMING = 30.0
"""Seconds within which every output must show a picture."""
GONE = 30.0
"""Seconds without a picture after which an output has ended, as far as the comparison goes."""
RING_BYTES = 64 << 20
"""Packets of each output that are kept."""
EVERY = 1.0
"""Seconds between two looks at what came."""
PATIENT = 1e9
"""Seconds: a stream that ends may come back, however long it is watched."""


@dataclass(slots=True)
class Output:
    """One of the live outputs."""

    name: str
    """What people call it: a letter, or what they named it."""
    stream: Stream
    taken: Taken
    visit: Visit | None = None
    """Once it has begun."""
    ended: float | None = None
    """When it was over, if it was before the others; agent time."""

    @property
    def shown(self) -> str:
        """Its address without secrets."""
        return redact(self.stream.url)

    @property
    def why(self) -> str:
        """Why there is nothing of it, in words."""
        lost = self.taken.lost or (self.visit.lost if self.visit else None)
        if lost is None and self.taken.pictures:
            return "no more pictures came"
        if lost is None:
            return "no picture came" if self.visit and self.visit.media else "nothing came"
        words = "" if lost.reason == "failed" else LOST_REASONS[lost.reason]
        return scrub(": ".join(filter(None, (words, lost.detail))) or lost.reason, self.stream.url)


def outputs(streams: Sequence[Stream], names: Sequence[str]) -> list[Output]:
    """What will be watched."""
    return [
        Output(name, stream, Taken(name, Budget(RING_BYTES).ring()))
        for name, stream in zip(names, streams, strict=True)
    ]


async def together(
    watched: Sequence[Output], seconds: float | None, stop: asyncio.Event, tick: Callable[[float], None]
) -> None:
    """Watch until `seconds` after all have shown a picture (None: until `stop`), or until all but one are over.

    `tick` is called about once a second with agent time. Raises Unfit if one shows nothing within `COMING`.
    """
    # Somebody waits for it, and pictures that are left out would be missing on one side alone: it does not step back.
    pool = Pool(max(1, min(len(watched), os.cpu_count() or 1)), niceness=os.getpriority(os.PRIO_PROCESS, 0))
    halt = asyncio.Event()
    work = [asyncio.ensure_future(_one(each, pool, halt)) for each in watched]
    ticking = asyncio.ensure_future(_ticks(watched, seconds, tick))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({ticking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        halt.set()
        stopped.cancel()
        ticking.cancel()
        try:
            await asyncio.wait({ticking, *work}, timeout=10.0)
        finally:
            for each in work:
                each.cancel()
            pool.close()
    for task in (ticking, *work):
        if task.done() and not task.cancelled():
            task.result()  # what went wrong in it


async def _one(output: Output, pool: Pool, halt: asyncio.Event) -> None:
    def begun(seen: Visit) -> None:
        output.visit = seen

    looks = {LOOK: Look}
    await visit(output.stream, pool, PATIENT, taps=(output.taken.take,), started=begun, stop=halt, looks=looks)


async def _ticks(watched: Sequence[Output], seconds: float | None, tick: Callable[[float], None]) -> None:
    begun = clock.now()
    since: float | None = None
    counts = {each.name: (0, begun) for each in watched}
    while True:
        await asyncio.sleep(EVERY)
        now = clock.now()
        if since is None:
            since = _come(watched, now - begun, now)
        for each in watched:
            _follow(each, counts, now)
        tick(now)
        over = sum(each.ended is not None for each in watched) >= len(watched) - 1
        if since is not None and (over or (seconds is not None and now - since >= seconds)):
            return


def _come(watched: Sequence[Output], waited: float, now: float) -> float | None:
    """When all had shown a picture; None: not yet. Raises Unfit."""
    missing = [each for each in watched if not each.taken.pictures]
    over = [each for each in missing if each.visit and each.visit.ended is not None]
    if over or (missing and waited > COMING):
        raise Unfit("\n".join(f"{each.shown}: {each.why}" for each in over or missing))
    return None if missing else now


def _follow(output: Output, counts: dict[str, tuple[int, float]], now: float) -> None:
    """Notice that an output is over, or back."""
    before, at = counts[output.name]
    if output.taken.pictures != before:
        counts[output.name] = output.taken.pictures, now
        output.ended = None
    elif output.taken.pictures and (now - at > GONE or (output.visit and output.visit.ended is not None)):
        output.ended = output.ended or at
