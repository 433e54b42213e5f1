"""All streams of the configuration: sessions that come and go with it, join probes, and the beat of the clock."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.beats import Beats
from qoe_agent.decode import Audience, Pool
from qoe_agent.evidence.keeper import keeper
from qoe_agent.join import join
from qoe_agent.memory import BACKOFF
from qoe_agent.model import Metric, Sample
from qoe_agent.naps import Loop
from qoe_agent.ring import Budget
from qoe_agent.session import Session
from qoe_agent.sink import Key, Sink
from qoe_agent.sources import choose, hls
from qoe_agent.strain import Strain
from qoe_agent.visit import narrated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qoe_agent.beats import Tardy
    from qoe_agent.config import Evidence, Stream
    from qoe_agent.visit import Brought

log = logging.getLogger(__name__)

STREAMS = Metric("qoe_agent_streams", "gauge", "Streams that the agent watches.")
LAG = Metric(
    "qoe_agent_lag_seconds", "gauge", "How late an event loop was at worst in the last second; the parent's is called "
    "agent.", ("worker",),
)  # fmt: skip
QUEUE = Metric("qoe_agent_decode_queue_jobs", "gauge", "Decode jobs that wait.", ("worker",))
FAULTS = Metric("qoe_agent_decode_faults_total", "counter", "Decode jobs that raised: a bug of the agent's.")
STREAM_ERRORS = Metric("qoe_agent_stream_errors_total", "counter", "Streams started anew after a bug of the agent's.")
STEPS = Metric("qoe_agent_clock_steps_total", "counter", "Times the wall clock was stepped under the agent.")
EXPECTED = Metric("qoe_stream_expected", "gauge", "1 while the stream is supposed to be on air, else 0.", kept=True)
METRICS = (EXPECTED, STREAMS, LAG, QUEUE, FAULTS, STREAM_ERRORS, STEPS)

STAGGER = 0.02
"""Seconds between the starts of two streams."""
GOODBYE = 3.0
"""Seconds that all streams together have to end."""
RELIST = 60.0
"""Seconds between two looks at which renditions a stream has."""
RELIST_SOON = 5.0
"""The same, while the server does not say."""
JOINABLE = ("rtmp", "http", "hls")
"""Sources on which a fresh connection costs little and says what a new viewer meets."""


class Fleet:
    """Keeps one set of sessions a stream, and nothing for a stream that is gone."""

    def __init__(
        self,
        board: Sink,
        *,
        ring_bytes: int,
        decode_threads: int,
        decode_cpu: float | None = None,
        expected: Callable[[Stream, float], bool] | None = None,
        worker: str = "0",
        slots: Sequence[memoryview] = (),
        evidence: Evidence | None = None,
        show: Callable[[Key, float, bytes], None] | None = None,
    ) -> None:
        """`decode_cpu`: cores' worth of decoding for all streams together; None: no limit. `expected`: whether a
        stream should be on air at a wall-clock time; None: this is a worker process, and its parent knows that, and
        follows the clock. `slots`: see `Pool`; the last is for evidence. `show`: gets small pictures while somebody
        looks (see `Audience`)."""
        self.board, self.expected, self.worker = board, expected, worker
        self.pool = Pool(decode_threads, slots)
        self.budget = Budget(ring_bytes)
        self.strain = Strain(board, self.pool, worker, decode_cpu)
        self.keeper = keeper(evidence, board, slots[-1] if slots else None)
        self.audience = Audience(show) if show else None
        self._kept: dict[str, _Kept] = {}
        self._leaving: dict[str, set[asyncio.Task[None]]] = {}
        self._keys: dict[str, frozenset[Key]] = {}
        self._faults = 0
        self._over = False

    def apply(self, streams: Iterable[Stream]) -> None:
        """Follow the configuration: only streams whose settings changed are touched."""
        wanted = {} if self._over else {stream.name: stream for stream in streams}
        for name, kept in list(self._kept.items()):
            if wanted.get(name) != kept.stream:
                del self._kept[name]
                kept.task.cancel()
                self._leaving.setdefault(name, set()).add(kept.task)
                kept.task.add_done_callback(functools.partial(self._left, name))
        fresh = [stream for name, stream in wanted.items() if name not in self._kept]
        for n, stream in enumerate(fresh):
            self._kept[stream.name] = _Kept(stream, self, self._leaving.get(stream.name, ()), n * STAGGER)
        loop = asyncio.get_running_loop()
        if isinstance(loop, Loop):
            loop.busy(len(self._kept))

    def _left(self, name: str, task: asyncio.Task[None]) -> None:
        self._leaving[name].discard(task)
        if not self._leaving[name]:
            del self._leaving[name]
            if name not in self._kept:
                self.settle(name, frozenset())

    def settle(self, name: str, keys: frozenset[Key]) -> None:
        """The stream is these now: what else the board holds of it is to go."""
        for key in self._keys.pop(name, frozenset()) - keys:
            self.board.remove(key)
        if keys:
            self._keys[name] = keys

    def streams(self) -> list[Stream]:
        """What is being watched."""
        return [kept.stream for kept in self._kept.values()]

    def states(self) -> Iterator[tuple[Key, str]]:
        """Each stream (each rendition, where all are watched) and its state in a word."""
        for kept in self._kept.values():
            for session in kept.sessions:
                yield session.key, session.state

    def ready(self) -> bool:
        """Whether every stream has been tried once."""
        return all(kept.tried() for kept in self._kept.values())

    @property
    def ring_bytes(self) -> int:
        """Memory for the latest packets of all streams."""
        return self.budget.total

    @ring_bytes.setter
    def ring_bytes(self, total: int) -> None:
        self.budget.total = total

    @property
    def decode_cpu(self) -> float | None:
        """Cores' worth of decoding for all streams together; None: no limit."""
        return self.strain.budget

    @decode_cpu.setter
    def decode_cpu(self, cores: float | None) -> None:
        self.strain.budget = cores

    def look(self, until: float) -> None:
        """Somebody looks until then: make small pictures."""
        if self.audience:
            self.audience.until = until

    async def visit(self, stream: Stream, seconds: float, tell: Callable[[str], None]) -> Brought:
        """A fresh pull of `stream`, beside the one that goes on; `tell` gets a line for all that happens."""
        return await narrated(stream, self.pool, seconds, tell)

    async def run(self) -> None:
        """Tick until cancelled, then end all streams."""
        beats = Beats()
        try:
            while True:
                await asyncio.sleep(max(0.0, beats.due - clock.now()))
                if tardy := beats.beat():
                    self._tick(tardy)
        finally:
            await self._end()

    def _tick(self, tardy: Tardy) -> None:
        now = tardy.at
        self.strain.tick(now, tardy.worst, tardy.stopped)
        if self.expected is not None:
            follow_clock(self.board, now)
            self.board.put(None, Sample(STREAMS, len(self._kept)), now)
        for kept in self._kept.values():
            for session in kept.sessions:
                session.tick(tardy.still, now)
                if self.expected is not None:
                    on_air = self.expected(kept.stream, clock.wall(now))
                    self.board.put(session.key, Sample(EXPECTED, float(on_air)), now)
        lanes = self.pool.lanes
        faults = sum(lane.faults for lane in lanes)
        for sample in (
            Sample(LAG, tardy.worst, (self.worker,)),
            Sample(QUEUE, sum(lane.waiting for lane in lanes), (self.worker,)),
            Sample(FAULTS, faults - self._faults),
        ):
            self.board.put(None, sample, now)
        self._faults = faults
        self.board.sweep(now)

    async def _end(self) -> None:
        self._over = True
        self.apply(())
        if leaving := set().union(*self._leaving.values()):
            await asyncio.wait(leaving, timeout=GOODBYE)
        if self.keeper:
            await self.keeper.drained()
        self.strain.close(clock.now())
        self.pool.close()


def follow_clock(board: Sink, now: float) -> None:
    """Go along with a wall clock that was stepped, and say so."""
    if step := clock.check():
        log.warning("the wall clock was stepped by %.3f s", step)
        board.put(None, Sample(STEPS, 1), now)


class _Kept:
    """One stream's sessions (one, or one a rendition) and its join probes, in one task."""

    def __init__(self, stream: Stream, fleet: Fleet, after: Iterable[asyncio.Task[None]], delay: float) -> None:
        """`after`: the tasks of the same stream's former settings, which end first."""
        self.stream, self._fleet = stream, fleet
        self.sessions: list[Session] = []
        self._tried = False
        self.task = asyncio.create_task(self._run(frozenset(after), delay), name=f"stream {stream.name}")

    def tried(self) -> bool:
        """Whether the stream has brought media, or been lost, at least once."""
        self._tried = self._tried or any(session.media or session.tried for session in self.sessions)
        return self._tried

    async def _run(self, after: frozenset[asyncio.Task[None]], delay: float) -> None:
        if after:
            await asyncio.wait(after)
        await asyncio.sleep(delay)
        while True:
            try:
                await self._watch()
            except Exception:  # task top: a bug in one stream's work must not leave it unwatched
                log.exception("%s: its work raised and is started anew", self.stream.name)
                self._fleet.board.put(None, Sample(STREAM_ERRORS, 1), clock.now())
            await asyncio.sleep(BACKOFF[-1])

    async def _watch(self) -> None:
        if self.stream.variant != "all" or choose(self.stream.target()) != "hls":
            self._settle([""])
            await self._attend("", None)
            return
        async with asyncio.TaskGroup() as group:
            tasks: dict[str, asyncio.Task[None]] = {}
            while True:
                found = await hls.named(self.stream.target(), list(tasks))
                for name in [name for name in tasks if name not in found]:
                    tasks[name].cancel()
                    await asyncio.wait({tasks.pop(name)})
                self._settle(found)
                for name in found:
                    if name not in tasks:
                        tasks[name] = group.create_task(self._attend(name, name or "best"))
                await asyncio.sleep(RELIST_SOON if "" in tasks else RELIST)

    def _settle(self, renditions: Iterable[str]) -> None:
        keys = frozenset(Key(self.stream.name, rendition) for rendition in renditions)
        self._fleet.settle(self.stream.name, keys)
        for key in keys:
            self._fleet.board.add(key, dict(self.stream.labels))

    async def _attend(self, rendition: str, variant: str | None) -> None:
        """Watch one rendition until cancelled."""
        fleet, key = self._fleet, Key(self.stream.name, rendition)
        session = Session(
            self.stream, key, fleet.board, fleet.pool, fleet.budget, variant=variant, keeper=fleet.keeper,
            audience=fleet.audience,
        )  # fmt: skip
        self.sessions.append(session)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(session.run())
                every = None if self.stream.decode == "none" else self.stream.join.every
                if every is not None and choose(session.target) in JOINABLE:
                    group.create_task(self._join(session, every))
        finally:
            self.sessions.remove(session)
            session.stop()

    async def _join(self, session: Session, every: float) -> None:
        await asyncio.sleep(every * random.random())  # spreads the fleet over the interval
        while True:
            if session.media and session.lost is None:  # a stream that is down is being joined already
                joined = await join(session.target, self._fleet.pool, self.stream.join.timeout, self.stream.name)
                if joined.outcome != "ended":  # the show ended meanwhile: no fault that a viewer met
                    session.feed(joined)
            await asyncio.sleep(every)
