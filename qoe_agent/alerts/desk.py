"""Where incidents become notices: hears of them from the board, asks the policy, hands on what it says, keeps it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from qoe_agent import clock
from qoe_agent.alerts import payload, policy, saved, words
from qoe_agent.alerts.cases import Case, Notice, Report
from qoe_agent.alerts.delivery import Delivery
from qoe_agent.alerts.meter import Meter
from qoe_agent.alerts.wishes import Configured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qoe_agent.alerts.cases import State
    from qoe_agent.alerts.policy import Told
    from qoe_agent.board import Board
    from qoe_agent.config import Config, Stream
    from qoe_agent.model import Incident, Severity
    from qoe_agent.sink import Key

log = logging.getLogger(__name__)

BEAT = 0.25
"""Seconds between two looks at cases, while there are any."""
RETAINED = 900.0
"""Seconds for which Alertmanagers are reminded that something is over, as Prometheus does."""
FAULT = 5.0
"""Seconds to wait after a bug of our own."""
PAUSE = 0.2
"""Seconds between two times at which the state is saved."""


_Told = TypeVar("_Told", Case, Notice)


class Desk:
    """The agent's alerts. `expected`: whether a stream should be on air at a wall-clock time."""

    def __init__(self, board: Board, config: Config, expected: Callable[[Stream, float], bool]) -> None:
        self._config, self._expected = config, expected
        self._meter = Meter(board)
        self._state: State = {}
        self._resolved: list[Notice] = []
        self._reports: deque[Report] = deque()
        self._wake, self._unsaved = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._saving, self._over = threading.Lock(), False
        self._streams: tuple[Stream, ...] = ()
        self._foreign: set[str] = set()
        """Streams that are other agents' to watch."""
        self._wishes = self._wished(config)
        self._delivery = Delivery(config.alerts, self._context(config), self._current, self._meter, self._unsaved.set)
        board.listen(self._hear)

    def _hear(self, key: Key | None, incident: Incident, revision: int) -> None:
        """The board says that an incident is new or has changed; on any thread, and it must not fail there."""
        stream, rendition = (key.stream, key.rendition) if key else ("", "")
        self._reports.append(Report(stream, rendition, incident))
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all is over
                self._loop.call_soon_threadsafe(self._wake.set)

    def follow(self, config: Config) -> None:
        """Go on with these options; what fires stays so."""
        if config.alerts.state != self._config.alerts.state:
            log.warning("alerts.state has changed and takes effect after a restart")
        self._config, self._wishes = config, self._wished(config)
        self._delivery.follow(config.alerts, self._context(config))

    def streams(self, streams: Iterable[Stream], own: Iterable[Stream]) -> None:
        """These are configured now, and of them these are watched by this agent."""
        self._streams = tuple(streams)
        self._foreign = {stream.name for stream in self._streams} - {stream.name for stream in own}
        self._wishes.follow(self._streams)

    def severity(self, stream: str, incident: Incident) -> Severity:
        """How bad an incident of that stream is to whoever is told of it."""
        return self._wishes.rule(stream, incident.kind).severity or incident.severity

    def quiet(self, stream: str) -> str:
        """Why nothing new is told of the stream now; empty if it is."""
        return self._wishes.quiet(stream, clock.now())

    def _wished(self, config: Config) -> Configured:
        made = Configured(config.defaults.alerts, config.alerts.maintenance, self._expected)
        made.follow(self._streams)
        return made

    def _context(self, config: Config) -> payload.Context:
        own = {"vantage": config.agent.vantage, "region": config.agent.region}
        return payload.Context(
            page=config.alerts.page or "",
            language=config.alerts.language,
            zone=config.alerts.timezone,
            agent={label: value for label, value in own.items() if value},
        )

    async def run(self) -> None:
        """Work until cancelled; what was told is then saved."""
        self._loop = asyncio.get_running_loop()
        path = self._config.alerts.state
        if path is not None:
            await self._load(path)
        elif self._config.alerts.alertmanagers or self._config.alerts.webhooks:
            log.info("alerts.state is not set: what is told now is told again after a restart")
        working = [asyncio.create_task(self._delivery.run())]
        working += [asyncio.create_task(self._keep(path))] if path is not None else []
        try:
            while True:
                try:
                    self._look()
                except Exception:  # task top: a bug in the policy must not end measuring
                    log.exception("alerts: what was reported cannot be judged")
                    await asyncio.sleep(FAULT)
                for task in working:
                    if task.done():
                        task.result()  # neither ends by itself
                self._wake.clear()
                if not self._reports:
                    await self._rest()
        finally:
            self._look()
            for task in working:
                task.cancel()
            await asyncio.wait(working)
            if path is not None:
                self._over = True
                self._save(path, self._written(), last=True)

    async def _rest(self) -> None:
        """Until something is reported, or it is time to look at cases again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT if self._state else None):
                await self._wake.wait()

    def _look(self) -> None:
        """Take what was reported, and what time has brought."""
        now, before = clock.now(), len(self._state)
        reports, notices = len(self._reports), list[Notice]()
        try:
            for n in range(reports + 1):
                report = self._reports.popleft() if n < reports else None
                self._state, told = policy.step(self._wishes, self._state, report, now)
                notices += self._heeded(told)
        finally:  # what is decided is told, whatever the next report does
            if notices:
                self._tell(notices)
        if reports or notices or len(self._state) != before:
            self._meter.firing(Counter(case.told for case in self._state.values() if case.told))
            self._unsaved.set()

    def _heeded(self, told: Iterable[Told]) -> Iterator[Notice]:
        """The notices among what the policy says; of what it does not tell, a line in the log."""
        for each in told:
            if isinstance(each, Notice):
                yield _dated(each)
            else:
                self._meter.silenced(each.reason)
                whom = each.name.stream or "the agent"
                log.info("%s: %s is not told: %s", whom, each.name.kind, each.reason)

    def _tell(self, notices: list[Notice]) -> None:
        for notice in notices:
            if self._delivery.anyone:
                log.info("told (%s): %s", notice.severity, words.text(notice, "en", "UTC").title)
            if notice.status == "resolved":
                if notice.observed or notice.name.stream not in self._foreign:  # else its new agent goes on with it
                    self._resolved.append(notice)
            elif notice.former:  # to Alertmanager the less severe one is another alert
                old = replace(notice, severity=notice.former, former=None, status="resolved", end=notice.at)
                self._resolved.append(old)
        self._delivery.offer(notices)

    def _current(self) -> list[dict[str, Any]]:
        """What Alertmanagers are told: all that fires, and what is lately over."""
        now = clock.now()
        at = clock.wall(now)
        self._resolved = [notice for notice in self._resolved if at - notice.at < RETAINED]
        firing = [_dated(notice) for notice in policy.standing(self._state, now)]
        options = self._config.alerts
        return payload.alerts(firing, self._resolved, self._context(self._config), at, options.resend)

    # What outlives the process.

    async def _load(self, path: str) -> None:
        now, offset = clock.now(), clock.wall(0.0)
        try:
            found = await asyncio.to_thread(saved.read, path, offset)
        except saved.Unreadable as error:
            log.error(
                "%s: the state of alerts cannot be used (%s): starting afresh, what is wrong is told anew", path, error
            )
            return
        if found is None:
            return
        state = policy.resumed(found.state, now, min(now, found.at))
        self._state = {name: self._labelled(case, name.stream) if case.told else case for name, case in state.items()}
        self._resolved = [self._labelled(notice, notice.name.stream) for notice in found.resolved]
        self._delivery.restore({
            receiver: [self._labelled(notice, notice.name.stream) for notice in notices]
            for receiver, notices in found.waiting.items()
        })  # fmt: skip
        self._meter.firing(Counter(case.told for case in self._state.values() if case.told))
        if firing := sum(case.told is not None for case in self._state.values()):
            log.info("%d alerts were firing when the agent ended", firing)

    def _labelled(self, told: _Told, stream: str) -> _Told:
        """With its stream's labels, where the state was saved without them."""
        return told if told.labels else replace(told, labels=dict(self._wishes.labels(stream)))

    async def _keep(self, path: str) -> None:
        """Save whenever something has changed."""
        failed = False
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            text = self._written()
            wrong = await asyncio.to_thread(self._save, path, text)
            if wrong and not failed:
                log.error("%s: the state of alerts cannot be saved: %s", path, wrong)
            failed = bool(wrong)
            await asyncio.sleep(PAUSE)

    def _written(self) -> str:
        now = clock.now()
        whole = saved.Saved(self._state, now, self._resolved, self._delivery.waiting())
        return saved.text_of(whole, clock.wall(0.0))

    def _save(self, path: str, text: str, *, last: bool = False) -> str:
        """Why it could not be written; empty if it was. In a thread, which the last time may overtake."""
        try:
            with self._saving:
                if last or not self._over:
                    saved.write(path, text)
        except OSError as error:
            return error.strerror or type(error).__name__
        return ""


def _dated(notice: Notice) -> Notice:
    """A notice whose times are Unix seconds, as the wall clock has them."""
    end = None if notice.end is None else clock.wall(notice.end)
    return replace(notice, start=clock.wall(notice.start), end=end, at=clock.wall(notice.at))
