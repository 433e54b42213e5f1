"""`qoe-agent watch --loopback`: the agent stamps and pushes what it pulls, so one clock tells both ends' time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from qoe_agent import clock, sources
from qoe_agent.maths.stamp import Place
from qoe_agent.model import Packet
from qoe_agent.sending import why
from qoe_agent.stamp import Coding, Plan, Stamped, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qoe_agent.model import Target

PLACE = Place(cell=40.0)
"""Large enough for 240p."""
CODING = Coding(bit_rate=2_000_000)
ENOUGH = 5
"""Pictures that were sent before the pull begins."""
APPEARS = 30.0
"""Seconds that the server may take to hand out what is pushed: playlists come late."""
AGAIN = 0.5
"""Seconds between two tries."""
POLL = 0.02
"""Seconds between two looks at how far it is."""


async def _there(target: Target) -> bool:
    """Whether a pull brings media."""
    came = asyncio.Event()
    pull = asyncio.create_task(sources.watch(target, lambda seen: came.set() if isinstance(seen, Packet) else None))
    coming = asyncio.create_task(came.wait())
    try:
        await asyncio.wait((pull, coming), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pull, coming):
            task.cancel()
        await asyncio.wait((pull, coming))
    return came.is_set()


@contextlib.asynccontextmanager
async def pushing(to: str, source: str, target: Target, stop: asyncio.Event) -> AsyncIterator[None]:
    """Stamp `source` and push it while the body runs, which begins when `target` brings media; `stop` is set when the
    push breaks down. ValueError: it cannot be.

    The agent's clock is the stamps' clock from here on: latencies have no clock error.
    """
    clock.trust(0.0, 0.0)
    plan, halt, told = Plan(source, to, PLACE, CODING, loop=True), threading.Event(), Stamped()
    work = asyncio.create_task(asyncio.to_thread(run, plan, halt, told, clock.now))
    work.add_done_callback(lambda _: stop.set())
    try:
        while told.pictures < ENOUGH and not work.done():
            await asyncio.sleep(POLL)
        with contextlib.suppress(TimeoutError):  # then the body finds out why
            async with asyncio.timeout(APPEARS):
                while not work.done() and not await _there(target):
                    await asyncio.sleep(AGAIN)
        if not work.done():
            yield
    finally:
        halt.set()
        try:
            await work
        except (OSError, ValueError) as error:
            raise ValueError(why(plan, error)) from None
