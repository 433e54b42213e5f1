"""All receivers: each has a task of its own, so that none waits for another, and measuring for none of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from qoe_agent import clock
from qoe_agent.alerts.alertmanager import Manager
from qoe_agent.alerts.dead import DeadLetters
from qoe_agent.alerts.hook import Hook
from qoe_agent.config import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.alerts.cases import Notice
    from qoe_agent.alerts.meter import Meter
    from qoe_agent.alerts.payload import Context
    from qoe_agent.config import Alertmanager, Alerts

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds after which a receiver's work is begun again that ended by a bug."""
Receiver: TypeAlias = "Manager | Hook"


class Delivery:
    """Tells Alertmanagers and webhooks, and follows the configuration."""

    def __init__(
        self, options: Alerts, context: Context, current: Callable[[], list[dict[str, Any]]], meter: Meter,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        """`current`: what Alertmanagers are to be told; `changed`: called when something was delivered."""
        self._options, self._context, self._current = options, context, current
        self._meter, self._changed = meter, changed
        self._dead = DeadLetters(options.dead_letters, options.dead_letter_bytes, meter)
        self._receivers: dict[str, Receiver] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._burials: set[asyncio.Task[None]] = set()
        self._running = False
        self._make()

    def follow(self, options: Alerts, context: Context) -> None:
        """Go on with these options: a receiver whose own have not changed is left alone."""
        if (options.dead_letters, options.dead_letter_bytes) != (
            self._options.dead_letters, self._options.dead_letter_bytes,
        ):  # fmt: skip
            self._dead = DeadLetters(options.dead_letters, options.dead_letter_bytes, self._meter)
        self._options, self._context = options, context
        self._make()

    @property
    def anyone(self) -> bool:
        """Whether there is anyone to tell."""
        return bool(self._receivers)

    def offer(self, notices: list[Notice]) -> None:
        """Tell all whom it concerns, soon."""
        for name, receiver in self._receivers.items():
            lost = receiver.offer(notices)
            if lost:
                self._bury(name, lost, "the queue was full")

    def waiting(self) -> dict[str, list[Notice]]:
        """What webhooks have yet to be told."""
        hooks = {name: one for name, one in self._receivers.items() if isinstance(one, Hook)}
        return {name: list(hook.waiting) for name, hook in hooks.items() if hook.waiting}

    def restore(self, waiting: Mapping[str, list[Notice]]) -> None:
        """What an earlier process had yet to tell."""
        for name, notices in waiting.items():
            receiver = self._receivers.get(name)
            if isinstance(receiver, Hook):
                receiver.offer(notices)

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._running = True
        self._begin()
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False
            tasks = [*self._tasks.values(), *self._burials]
            for task in self._tasks.values():
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    def _make(self) -> None:
        """The receivers that the options name; queues go on under the same name."""
        before, made = self._receivers, dict[str, Receiver]()
        wanted: list[Alertmanager | Webhook] = [*self._options.alertmanagers, *self._options.webhooks]
        for options in wanted:
            old = before.get(options.receiver)
            made[options.receiver] = self._kept(old, options) or self._new(options)
            if isinstance(old, Hook) and isinstance(new := made[options.receiver], Hook) and new is not old:
                new.offer(old.waiting)
        for name, receiver in before.items():
            if made.get(name) is not receiver and (task := self._tasks.pop(name, None)):
                task.cancel()
            if name not in made:
                self._meter.waiting(name, None)
                if isinstance(receiver, Hook):
                    self._bury(name, list(receiver.waiting), "the receiver is no longer configured")
        self._receivers = made
        if self._running:
            self._begin()

    def _kept(self, old: Receiver | None, options: Alertmanager | Webhook) -> Receiver | None:
        if old is None or old.options != options:
            return None
        if isinstance(old, Hook):
            old.context = self._spoken(old.options)
        else:
            old.resend = self._options.resend
        return old

    def _new(self, options: Alertmanager | Webhook) -> Receiver:
        if isinstance(options, Webhook):
            return Hook(options, self._spoken(options), self._meter, self._dead, self._changed)
        return Manager(options, self._current, self._options.resend, self._meter)

    def _spoken(self, options: Webhook) -> Context:
        return replace(self._context, language=options.language or self._context.language)

    def _begin(self) -> None:
        for name, receiver in self._receivers.items():
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._work(name, receiver), name=f"receiver {name}")

    async def _work(self, name: str, receiver: Receiver) -> None:
        while True:
            try:
                await receiver.run()
            except Exception:  # task top: a bug with one receiver must not end the others
                log.exception("%s: delivery raised and is begun again", name)
            await asyncio.sleep(AGAIN)

    def _bury(self, name: str, notices: Iterable[Notice], error: str) -> None:
        task = asyncio.get_running_loop().create_task(
            self._dead.bury(name, list(notices), error, clock.wall(clock.now()))
        )
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)
