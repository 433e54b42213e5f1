"""One webhook: a queue of what it is to be told, in order, and the attempts to tell it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.alerts import signing
from qoe_agent.alerts.cases import ORDER
from qoe_agent.alerts.chats import CHATS, MOST
from qoe_agent.alerts.patience import Patience
from qoe_agent.alerts.payload import document
from qoe_agent.alerts.post import Poster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qoe_agent.alerts.cases import Notice
    from qoe_agent.alerts.dead import DeadLetters
    from qoe_agent.alerts.meter import Meter
    from qoe_agent.alerts.payload import Context
    from qoe_agent.config import Webhook

PACE = {"slack": 1.0, "feishu": 0.6, "dingtalk": 3.0, "wecom": 3.0}
"""Seconds between two messages to a chat: one a second, 100 a minute, and twice 20 a minute; what comes meanwhile goes
into the next one."""


def prepared(
    options: Webhook, notices: Sequence[Notice], context: Context, at: float
) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and headers of the POST that tells these notices at `at` (Unix seconds)."""
    url, headers = options.url, {}
    if options.format == "json":
        body = _json(document(notices, context, at))
        if options.secret is not None:
            headers = signing.standard(options.secret, _identity(notices), at, body)
        return url, body, headers
    message = CHATS[options.format](notices, context)
    if options.secret is not None and options.format == "feishu":
        message = {**signing.feishu(options.secret, at), **message}
    if options.secret is not None and options.format == "dingtalk":
        url = signing.dingtalk(options.secret, at, url)
    return url, _json(message), headers


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def _identity(notices: Sequence[Notice]) -> str:
    """The same for the same notices, whenever they are told again."""
    names = ",".join(f"{notice.id}-{notice.number}" for notice in notices)
    return f"msg_{names if len(notices) == 1 else hashlib.sha256(names.encode()).hexdigest()[:32]}"


class Hook:
    """Tells one webhook what concerns it."""

    def __init__(
        self, options: Webhook, context: Context, meter: Meter, dead: DeadLetters, changed: Callable[[], None]
    ) -> None:
        """`changed`: called when something has left the queue."""
        self.options, self.context = options, context
        self.waiting: deque[Notice] = deque()
        self._meter, self._dead, self._changed = meter, dead, changed
        self._poster = Poster(options, options.format)
        self._patience = Patience(options.name)
        self._wake = asyncio.Event()

    def offer(self, notices: Iterable[Notice]) -> list[Notice]:
        """Queue what it should hear of; returns what had to go for it, the oldest."""
        for notice in notices:
            if self._concerns(notice):
                self.waiting.append(notice)
                self._wake.set()
        lost = [self.waiting.popleft() for _ in range(len(self.waiting) - self.options.queue)]
        if lost:
            self._meter.result(self.options.name, "dropped", len(lost))
        self._meter.waiting(self.options.name, len(self.waiting))
        return lost

    def _concerns(self, notice: Notice) -> bool:
        options = self.options
        return (
            ORDER[notice.severity] >= ORDER[options.minimum_severity]
            and (options.resolved or notice.status == "firing")
            and any(fnmatchcase(notice.name.stream, pattern) for pattern in options.streams)
        )

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                while not self.waiting:
                    self._wake.clear()
                    await self._wake.wait()
                batch = list(islice(self.waiting, MOST))
                await self._deliver(batch)
                told = {(notice.id, notice.number) for notice in batch}
                while self.waiting and (self.waiting[0].id, self.waiting[0].number) in told:
                    self.waiting.popleft()
                self._meter.waiting(self.options.name, len(self.waiting))
                self._changed()
                await asyncio.sleep(PACE.get(self.options.format, 0.0))
        finally:
            await self._poster.close()

    async def _deliver(self, batch: list[Notice]) -> None:
        """Try until it has arrived, is refused, or has taken too long."""
        name, until = self.options.name, clock.now() + self.options.retry_for
        while True:
            outcome = await self._poster.post(*prepared(self.options, batch, self.context, clock.wall(clock.now())))
            now = clock.wall(clock.now())
            if not outcome.error:
                self._patience.arrived()
                self._meter.result(name, "sent", len(batch))
                for notice in batch:
                    self._meter.took(name, now - notice.at)
                return
            wait = self._patience.failed(outcome) if outcome.again else 0.0
            if not outcome.again or clock.now() + wait > until:
                await self._give_up(batch, outcome.error, now)
                return
            self._meter.result(name, "retried", len(batch))
            await asyncio.sleep(wait)

    async def _give_up(self, batch: list[Notice], error: str, at: float) -> None:
        self._patience.lost(len(batch), error)
        await self._dead.bury(self.options.name, batch, error, at)
        self._meter.result(self.options.name, "dead", len(batch))
