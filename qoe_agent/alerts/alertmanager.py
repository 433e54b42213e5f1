"""One Alertmanager: told all that fires and what is lately over, at every change and every so often again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.alerts.patience import Patience
from qoe_agent.alerts.post import Poster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.alerts.cases import Notice
    from qoe_agent.alerts.meter import Meter
    from qoe_agent.config import Alertmanager

MOST_COUNTED = 10_000
"""Notices whose arrival is waited for, as far as the metrics go."""


class Manager:
    """What it is told is the state of things, so that there is no queue: a failed attempt is made good by the next."""

    def __init__(
        self, options: Alertmanager, current: Callable[[], list[dict[str, Any]]], resend: float, meter: Meter
    ) -> None:
        """`current`: the alerts as they are to be told now."""
        self.options, self.resend = options, resend
        self._current, self._meter = current, meter
        self._poster = Poster(options)
        self._patience = Patience(options.receiver)
        self._wake = asyncio.Event()
        self._fresh: list[float] = []
        """When that was decided which it has not heard of."""

    @property
    def waiting(self) -> int:
        """Notices that it has not heard of."""
        return len(self._fresh)

    def offer(self, notices: Iterable[Notice]) -> list[Notice]:
        """Something has changed; nothing is lost by it."""
        self._fresh += [notice.at for notice in notices]
        del self._fresh[:-MOST_COUNTED]
        self._meter.waiting(self.options.receiver, len(self._fresh))
        self._wake.set()
        return []

    async def run(self) -> None:
        """Tell it until cancelled."""
        try:
            while True:
                self._wake.clear()
                wait = await self._tell()
                if wait is None:
                    await self._woken(self.resend)
                else:
                    await asyncio.sleep(wait)
        finally:
            await self._poster.close()

    async def _woken(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass  # time for a reminder

    async def _tell(self) -> float | None:
        """One attempt; seconds to wait if it failed."""
        alerts, fresh, name = self._current(), len(self._fresh), self.options.receiver
        if not alerts:  # what could not be told in time is over for good
            self._fresh = []
            self._meter.waiting(name, 0)
            return None
        url = f"{self.options.url.rstrip('/')}/api/v2/alerts"
        outcome = await self._poster.post(url, json.dumps(alerts).encode(), {})
        if outcome.error:
            if fresh:
                self._meter.result(name, "retried", fresh)
            return min(self.resend, self._patience.failed(outcome))
        self._patience.arrived()
        told, self._fresh = self._fresh[:fresh], self._fresh[fresh:]
        if told:
            self._meter.result(name, "sent", len(told))
        for at in told:
            self._meter.took(name, clock.wall(clock.now()) - at)
        self._meter.waiting(name, len(self._fresh))
        return None
