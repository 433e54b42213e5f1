"""A fault, the agent that sees it, and a real Alertmanager that is told of it: when each of these was."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from tests.e2e import servers

if TYPE_CHECKING:
    from qoe_agent.demo.faults import FaultKind, Injected
    from qoe_agent.demo.origin import Origin

LOOKS = 0.02
"""Seconds between two looks at Alertmanager."""
SOON = 0.3
"""Seconds until a fault begins."""


@dataclass(frozen=True, slots=True)
class Told:
    """One fault and its alert; Unix seconds."""

    fault: Injected
    alert: dict[str, Any]
    """As Alertmanager showed it first."""
    began: float
    """When the first faulty frame was sent, or the first frame was not."""
    ended: float
    fired: float
    """When Alertmanager had it (its own `updatedAt`)."""
    resolved: float
    """When it no longer showed it."""

    @property
    def incident(self) -> float:
        """When the incident began, as the agent says."""
        return unix(self.alert["startsAt"])


def unix(text: str) -> float:
    """RFC 3339 as Unix seconds."""
    return datetime.fromisoformat(text).timestamp()


async def tell(origin: Origin, manager: str, kind: FaultKind, seconds: float, name: str) -> Told:
    """Let `kind` go wrong and follow its alert `name` until it is over."""
    origin.schedule([Fault(kind, clock.now() - origin.started + SOON, seconds)])

    async def until(fires: bool) -> Any:
        async with asyncio.timeout(seconds + servers.DEADLINE):
            while True:
                seen = await asyncio.to_thread(servers.alerts, manager)
                found = [each for each in seen if each["labels"]["alertname"] == name]
                if bool(found) == fires:
                    return found[0] if fires else time.time()
                await asyncio.sleep(LOOKS)

    alert = await until(True)
    resolved = await until(False)
    fault = origin.injected[-1]
    assert fault.end is not None
    return Told(fault, alert, clock.wall(fault.start), clock.wall(fault.end), unix(alert["updatedAt"]), resolved)
