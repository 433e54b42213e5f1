"""Clock trust: keeps `clock` told of true time, by the kernel, an NTP server or an HTTP server; nobody else is asked.

Nothing here sets the machine's clock.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp

from qoe_agent import clock
from qoe_agent.config.agent import time_server
from qoe_agent.discipline import http, kernel, ntp
from qoe_agent.maths.clocks import Filter

if TYPE_CHECKING:
    from qoe_agent.config import Clock
    from qoe_agent.maths.clocks import Answer

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the kernel's clock, or at what answers still say."""
FIRST = 4
"""Questions at the start, which follow one another …"""
SOON = 2.0
"""… after so many seconds."""
MISSES = 8
"""Questions that may go unanswered before the last answer is forgotten (RFC 5905's reachability register)."""


class Discipline:
    """`run` it; `follow` other settings at any time."""

    def __init__(self, settings: Clock) -> None:
        self._settings = settings
        self._changed = asyncio.Event()
        self._told = ""

    def follow(self, settings: Clock) -> None:
        """Go by these settings from now on."""
        if settings != self._settings:
            self._settings = settings
            self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._changed.clear()
                clock.trust(None)
                async with asyncio.TaskGroup() as group:
                    work = group.create_task(self._work(self._settings))
                    await self._changed.wait()
                    work.cancel()
        finally:
            clock.trust(None)

    async def _work(self, settings: Clock) -> None:
        if settings.source == "kernel":
            await self._kernel()
        elif settings.source != "none":
            await self._server(settings)

    async def _kernel(self) -> None:
        while True:
            found = kernel.read()
            if found is None:
                self._tell("nobody keeps this machine's clock: how far latencies may be off is not known", logging.INFO)
                clock.trust(None)
            else:
                self._tell("")
                clock.trust(clock.realtime() - clock.now() - found.ahead, found.error)
            await asyncio.sleep(LOOK)

    async def _server(self, settings: Clock) -> None:
        answers = Filter(MISSES * settings.every, coarse=settings.source == "http")
        asked, due = 0, clock.now()
        while True:
            if clock.now() >= due:
                asked += 1
                due = clock.now() + (min(SOON, settings.every) if asked < FIRST else settings.every)
                if (answer := await self._ask(settings)) is not None:
                    answers.add(answer)
            best = answers.best(clock.now())
            clock.trust(*best) if best else clock.trust(None)
            await asyncio.sleep(min(LOOK, max(0.0, due - clock.now())))

    async def _ask(self, settings: Clock) -> Answer | None:
        server, within = settings.server or "", settings.timeout
        try:
            if settings.source == "http":
                answer = await http.ask(server, within)
            else:
                answer = await ntp.ask(*time_server(server), within)
        except TimeoutError:
            self._tell("the time server does not answer")
        except ntp.Unusable as error:
            self._tell(f"the time server: {error}")
        except (OSError, ValueError, aiohttp.ClientError) as error:
            self._tell(f"the time server cannot be asked ({type(error).__name__})")
        else:
            self._tell("")
            return answer
        return None

    def _tell(self, trouble: str, level: int = logging.WARNING) -> None:
        """Log what is wrong, once."""
        if trouble and trouble != self._told:
            log.log(level, "%s", trouble)
        self._told = trouble
