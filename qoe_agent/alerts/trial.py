"""`qoe-agent check --notify`: a test notification to every receiver, and what came of each."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent import clock
from qoe_agent.alerts import payload
from qoe_agent.alerts.cases import Name, Notice
from qoe_agent.alerts.hook import prepared
from qoe_agent.alerts.post import Poster
from qoe_agent.alerts.words import TEST
from qoe_agent.config import Webhook

if TYPE_CHECKING:
    from qoe_agent.alerts.post import Outcome
    from qoe_agent.config import Alertmanager, Config

LASTS = 15.0
"""Seconds that a reminder of the test would take: after four of them Alertmanager takes it for over."""


class Tried(NamedTuple):
    """What came of one receiver."""

    receiver: str
    seconds: float
    error: str
    """Empty: it has taken the notification."""

    def line(self) -> str:
        """For people."""
        return f"{self.receiver}: {self.error or f'taken in {self.seconds:.2f} s'}"


async def notify(config: Config) -> list[Tried]:
    """Try every receiver at once."""
    at = clock.wall(clock.now())
    notice = Notice(
        id=f"test-{secrets.token_hex(8)}", number=1, status="firing", name=Name("", "", TEST, ""), severity="info",
        start=at, end=None, seconds=0.0, count=1, at=at,
    )  # fmt: skip
    own = {"vantage": config.agent.vantage, "region": config.agent.region}
    agent = {label: value for label, value in own.items() if value}
    options = config.alerts
    wanted: list[Alertmanager | Webhook] = [*options.alertmanagers, *options.webhooks]
    return await asyncio.gather(*(
        _try(one, notice, payload.Context(
            options.page or "", (one.language if isinstance(one, Webhook) else None) or options.language,
            options.timezone, agent,
        ))
        for one in wanted
    ))  # fmt: skip


async def _try(options: Alertmanager | Webhook, notice: Notice, context: payload.Context) -> Tried:
    began = clock.now()
    poster = Poster(options, options.format if isinstance(options, Webhook) else "")
    try:
        outcome = await _posted(poster, options, notice, context)
    finally:
        await poster.close()
    return Tried(options.receiver, clock.now() - began, outcome.error)


async def _posted(poster: Poster, options: Alertmanager | Webhook, notice: Notice, context: payload.Context) -> Outcome:
    if isinstance(options, Webhook):
        return await poster.post(*prepared(options, [notice], context, notice.at))
    body = json.dumps(payload.alerts([notice], [], context, notice.at, LASTS)).encode()
    return await poster.post(f"{options.url.rstrip('/')}/api/v2/alerts", body, {})
