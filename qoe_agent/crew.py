"""The streams of the configuration, spread over worker processes.

A crash, a hang or a leak in native code takes one process, which is replaced within seconds; counters go on where they
were, because they are kept here. The crew has the same face as a fleet, which does it all in one process.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.board import Board
from qoe_agent.child import Child
from qoe_agent.errands import Errands
from qoe_agent.fleet import EXPECTED, LAG, STREAMS, Fleet, follow_clock
from qoe_agent.maths.shares import dealt, weight
from qoe_agent.model import Incident, Sample
from qoe_agent.quarantine import Quarantine
from qoe_agent.sink import Key
from qoe_agent.visit import Brought
from qoe_agent.vitals import TICK, Charts
from qoe_agent.worker import Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qoe_agent.config import Agent, Stream
    from qoe_agent.thumbnails import Show
    from qoe_agent.vitals import Vitals

log = logging.getLogger(__name__)

GOODBYE = 4.2
"""Seconds that workers have to end."""
BURIAL = 0.5
"""Seconds to see that those that were killed are gone."""
WAITS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before a worker is begun again, the more often it ended soon."""
SOON = 60.0
"""Seconds of life after which a worker's end is not its beginning's fault."""
MOVES = 3.0
"""Seconds after which a stream is given to another worker, though the one before has not said that it let go."""
ORPHANED = 60.0
"""Seconds after which what a dead worker watched, and nobody has taken up, is gone."""


def crew(board: Board, options: Agent, expected: Callable[[Stream, float], bool], show: Show) -> Crew | Fleet:
    """Who watches: as many worker processes as are wanted, or this process itself. `show`: gets small pictures."""
    workers = (os.cpu_count() or 1) if options.workers is None else options.workers
    if workers:
        return Crew(board, options, workers, expected, show)
    return Fleet(
        board, ring_bytes=options.ring_bytes, decode_threads=options.decode_threads, decode_cpu=options.decode_cpu,
        expected=expected, evidence=options.evidence, show=show,
    )  # fmt: skip


class Crew:
    """Keeps the workers, deals the streams, and puts on the board what they find."""

    def __init__(
        self, board: Board, options: Agent, workers: int, expected: Callable[[Stream, float], bool], show: Show
    ) -> None:
        self.board, self.expected, self._options, self._show = board, expected, options, show
        self.ring_bytes, self.decode_cpu = options.ring_bytes, options.decode_cpu
        self._children = [Child(str(n), options.decode_threads) for n in range(workers)]
        self._streams: dict[str, Stream] = {}
        self._weights: dict[str, float] = {}
        self._owners: dict[str, int] = {}
        self._moving: dict[str, float] = {}
        """Streams that their former worker has yet to let go, and until when that is waited for."""
        self._keys: dict[Key, Child | None] = {}
        """Who watches what is on the board; None: a worker that is gone did."""
        self._orphans: dict[Key, float] = {}
        self._errands, self._looked = Errands(), float("-inf")
        self._metrics = {metric.name: metric for metric in board.declared()}
        self._charts, self._quarantine = Charts(board), Quarantine(board)
        self._told: clock.State | None = None
        self._over = False

    def apply(self, streams: Iterable[Stream]) -> None:
        """Follow the configuration: only streams whose settings changed are touched."""
        self._streams = {} if self._over else {stream.name: stream for stream in streams}
        self._weights = {name: weight(stream.decode, stream.variant) for name, stream in self._streams.items()}
        owners = dealt(self._weights, self._owners, len(self._children))
        for name in owners.keys() & self._owners.keys():
            if owners[name] != self._owners[name] and any(key.stream == name for key in self._keys):
                self._moving[name] = clock.now() + MOVES
        self._owners = owners
        self._quarantine.keep(owners)
        self._moving = {name: until for name, until in self._moving.items() if name in owners}
        for child in self._children:
            self._deal(child)

    def _deal(self, child: Child) -> None:
        own = [stream for name, stream in self._streams.items() if self._children[self._owners[name]] is child]
        ring_bytes, cores = self.ring_bytes * len(own) // max(1, len(self._streams)), self.decode_cpu
        if cores is not None:
            cores *= sum(self._weights[stream.name] for stream in own) / max(1.0, sum(self._weights.values()))
        given = [self._quarantine.of(stream) for stream in own if stream.name not in self._moving]
        child.send("streams", given, ring_bytes, cores)

    def streams(self) -> list[Stream]:
        """What is being watched."""
        return list(self._streams.values())

    def states(self) -> Iterator[tuple[Key, str]]:
        """Each stream (each rendition, where all are watched) and its state in a word."""
        told = dict(state for child in self._children if child.vitals for state in child.vitals.states)
        told = dict.fromkeys((key for key in self._orphans if key.stream in self._streams), "waiting") | told
        known = {key.stream for key in told}
        yield from sorted([*told.items(), *((Key(name), "waiting") for name in self._streams if name not in known)])

    def ready(self) -> bool:
        """Whether every stream has been tried once."""
        watched = {key.stream for key, child in self._keys.items() if child}
        speaking = all(child.vitals and child.vitals.tried for child in self._children)
        return speaking and watched.issuperset(self._streams)

    async def visit(self, stream: Stream, seconds: float, tell: Callable[[str], None]) -> Brought:
        """A fresh pull of `stream`, by the worker with the least to do; `tell` gets a line for all that happens."""
        able = [child for child in self._children if child.vitals]
        if not able:
            tell("no worker process is up")
            return Brought(False, Board())
        child = min(able, key=lambda one: sum(owner is one for owner in self._keys.values()))
        return await self._errands.send(child, self._quarantine.of(stream), seconds, tell)

    def look(self, until: float) -> None:
        """Somebody looks until then: have small pictures made."""
        self._looked = until
        for child in self._children:
            child.send("look", until)

    async def run(self) -> None:
        """Keep the workers until cancelled, then end them."""
        keeping = [asyncio.create_task(self._keep(child), name=f"worker {child.name}") for child in self._children]
        due = clock.now()
        try:
            while True:
                due += TICK
                await asyncio.sleep(max(0.0, due - clock.now()))
                now = clock.now()
                late = max(0.0, now - due)
                due += late
                self._tick(now, late)
                for task in keeping:
                    if task.done():
                        task.result()  # keeping workers must not fail
        finally:
            await self._end(keeping)

    def _tick(self, now: float, late: float) -> None:
        follow_clock(self.board, now)
        if clock.state() != self._told:
            self._told = clock.state()
            for child in self._children:
                child.send("clock", self._told)
        for child in self._children:
            wrong = child.judge(TICK, self._options.worker_memory)
            if wrong == "memory" and not child.reason:
                child.retire(wrong)
            elif wrong and wrong != "memory":
                child.kill(wrong)
        for name in self._quarantine.tick(now, self._keys):
            self._deal(self._children[self._owners[name]])
        for key in self._keys:
            stream = self._streams.get(key.stream)
            if stream:
                self.board.put(key, Sample(EXPECTED, float(self.expected(stream, clock.wall(now)))), now)
        for key in [key for key, until in self._orphans.items() if now > until]:
            self._forget(key)
        for name in [name for name, until in self._moving.items() if now > until]:
            self._moved(name)
        self.board.put(None, Sample(STREAMS, len(self._streams)), now)
        self.board.put(None, Sample(LAG, late, ("agent",)), now)
        self.board.sweep(now)

    # What workers say.

    def _heard(self, child: Child, what: str, rest: tuple[Any, ...]) -> None:
        getattr(self, f"_on_{what}")(child, *rest)

    def _on_found(self, child: Child, found: list[tuple[Key | None, list[Any]]]) -> None:
        now = clock.now()
        for key, changes in found:
            if key is not None and self._keys.get(key) is not child:
                continue
            for name, labels, value, count in changes:
                try:
                    self.board.put(key, Sample(self._metrics[name], value, labels, count), now)
                except (KeyError, ValueError):
                    log.exception("worker %s found what the board does not take", child.name)

    def _on_incident(self, child: Child, key: Key | None, incident: Incident) -> None:
        if key is None or self._keys.get(key) is child:
            self.board.put(key, incident, clock.now())

    def _on_add(self, child: Child, key: Key, labels: dict[str, str]) -> None:
        if self._owners.get(key.stream) == self._children.index(child):
            self._orphans.pop(key, None)
            former, self._keys[key] = self._keys.get(key), child
            if former not in (None, child):  # who has not let go, and is not heard any more
                self.board.lose(key, clock.now())
            self.board.add(key, labels)

    def _on_remove(self, child: Child, key: Key) -> None:
        if self._keys.get(key) is not child:
            return
        self._forget(key)
        if key.stream in self._moving and not any(one.stream == key.stream for one in self._keys):
            self._moved(key.stream)

    def _on_vitals(self, child: Child, vitals: Vitals) -> None:
        self._charts.note(child.name, vitals, sum(owner is child for owner in self._keys.values()), clock.now())

    def _on_line(self, child: Child, number: int, line: str) -> None:
        self._errands.line(number, line)

    def _on_visited(self, child: Child, number: int, brought: Brought) -> None:
        self._errands.back(number, brought)

    def _on_picture(self, child: Child, key: Key, at: float, jpeg: bytes) -> None:
        if self._keys.get(key) is child:
            self._show(key, at, jpeg)

    def _on_over(self, child: Child) -> None:
        """It has said all."""

    async def _keep(self, child: Child) -> None:
        """Begin it, again and again."""
        failures = refused = 0
        while not self._ended():
            await asyncio.sleep(WAITS[min(max(failures, refused), len(WAITS) - 1)])
            try:
                await child.begin(self._setup(child))
            except OSError as error:
                log.error("worker %s cannot be begun: %s", child.name, error.strerror or error)
                refused = min(refused + 1, 3)  # for lack of files or memory: to try costs nothing
                continue
            self._deal(child)
            child.send("look", self._looked)
            if self._ended():
                child.retire("stopped")
            await child.listen(self._heard)
            if self._ended():
                return
            failures, refused = (0 if clock.now() - child.began > SOON else failures + 1), 0
            self._bereaved(child)

    def _ended(self) -> bool:
        return self._over

    def _setup(self, child: Child) -> Setup:
        return Setup(child.name, self.ring_bytes, clock.state(), self._options)

    def _bereaved(self, child: Child) -> None:
        """A worker is gone: what it watched is not known for some seconds."""
        now, reason = clock.now(), child.reason or "crashed"
        log.error("worker %s %s (exit status %s) and is replaced", child.name, reason, child.status)
        self._charts.gone(child.name, reason, now)
        self._quarantine.blame(reason, child.status, child.decoding(self._streams), now)
        for key in [key for key, owner in self._keys.items() if owner is child]:
            self.board.lose(key, now)
            self._keys[key], self._orphans[key] = None, now + ORPHANED
        self._errands.bereaved(child)

    def _forget(self, key: Key) -> None:
        """Nobody watches it any more: gone from the board if nobody is to."""
        del self._keys[key]
        self._orphans.pop(key, None)
        if key.stream in self._moving:
            self.board.lose(key, clock.now())
        else:
            self.board.remove(key)

    def _moved(self, name: str) -> None:
        """A stream has been let go by its former worker, or ought to have been."""
        self._moving.pop(name, None)
        if name in self._owners:
            self._deal(self._children[self._owners[name]])

    async def _end(self, keeping: list[asyncio.Task[None]]) -> None:
        self._over = True
        for child in self._children:
            child.retire("stopped")
        _, late = await asyncio.wait(keeping, timeout=GOODBYE)
        for child in self._children:
            child.kill("stopped")
        if late:
            _, lost = await asyncio.wait(late, timeout=BURIAL)
            for task in lost:
                task.cancel()
        for child in self._children:
            child.close()
        await asyncio.sleep(0)  # transports close with the loop's next turn
