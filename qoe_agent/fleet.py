"""All streams of the configuration: sessions that come and go with it, join probes, and the beat of the clock."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.board import Board, Key
from qoe_agent.decode import Pool
from qoe_agent.join import join
from qoe_agent.model import Metric, Sample
from qoe_agent.ring import Budget
from qoe_agent.session import BACKOFF, Session
from qoe_agent.sources import choose, hls
from qoe_agent.visit import Visit, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qoe_agent.config import Stream

log = logging.getLogger(__name__)

STREAMS = Metric("qoe_agent_streams", "gauge", "Streams that the agent watches.")
LAG = Metric("qoe_agent_lag_seconds", "gauge", "How late the event loop was at worst in the last second.")
QUEUE = Metric("qoe_agent_decode_queue_jobs", "gauge", "Decode jobs that wait.")
FAULTS = Metric("qoe_agent_decode_faults_total", "counter", "Decode jobs that raised: a bug of the agent's.")
STREAM_ERRORS = Metric("qoe_agent_stream_errors_total", "counter", "Streams started anew after a bug of the agent's.")
STEPS = Metric("qoe_agent_clock_steps_total", "counter", "Times the wall clock was stepped under the agent.")
EXPECTED = Metric("qoe_stream_expected", "gauge", "1 while the stream is supposed to be on air, else 0.", kept=True)
METRICS = (EXPECTED, STREAMS, LAG, QUEUE, FAULTS, STREAM_ERRORS, STEPS)

BEAT = 0.25
"""Seconds between two looks at the event loop's lag."""
BEATS_A_TICK = 4
"""A Tick is sent every so many beats."""
STAGGER = 0.02
"""Seconds between the starts of two streams."""
GOODBYE = 4.0
"""Seconds that all streams together have to end."""
JOINABLE = ("rtmp", "http", "hls")
"""Sources on which a fresh connection costs little and says what a new viewer meets."""


class Fleet:
    """Keeps one set of sessions a stream, and nothing for a stream that is gone."""

    def __init__(
        self, board: Board, *, ring_bytes: int, decode_threads: int, expected: Callable[[Stream, float], bool]
    ) -> None:
        """`expected`: whether a stream should be on air at a wall-clock time."""
        self.board, self.expected = board, expected
        self.pool = Pool(decode_threads)
        self.budget = Budget(ring_bytes)
        self._kept: dict[str, _Kept] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._faults = 0

    def apply(self, streams: Iterable[Stream]) -> None:
        """Follow the configuration: only streams whose settings changed are touched."""
        wanted = {stream.name: stream for stream in streams}
        for name, kept in list(self._kept.items()):
            if wanted.get(name) == kept.stream:
                continue
            del self._kept[name]
            kept.leave(forget=name not in wanted)
            self._leaving.add(kept.task)
            kept.task.add_done_callback(self._leaving.discard)
            if name in wanted:
                self._kept[name] = _Kept(wanted[name], self, after=kept.task)
        fresh = [stream for name, stream in wanted.items() if name not in self._kept]
        for n, stream in enumerate(fresh):
            self._kept[stream.name] = _Kept(stream, self, delay=n * STAGGER)

    def streams(self) -> list[Stream]:
        """What is being watched."""
        return [kept.stream for kept in self._kept.values()]

    def states(self) -> Iterator[tuple[str, str]]:
        """Name and state of each stream, for people."""
        for kept in self._kept.values():
            for session in kept.sessions:
                name = "/".join(part for part in session.key if part)
                yield name, session.lost.reason if session.lost else "up" if session.media else "connecting"

    def ready(self) -> bool:
        """Whether every stream has been tried once."""
        return all(kept.tried() for kept in self._kept.values())

    async def visit(self, stream: Stream, seconds: float, **more: Any) -> Visit:
        """A fresh pull of `stream`, beside the one that goes on."""
        return await visit(stream, self.pool, seconds, brief=True, **more)

    async def run(self) -> None:
        """Tick until cancelled, then end all streams."""
        due = clock.now()
        worst, beats = 0.0, 0
        try:
            while True:
                due += BEAT
                await asyncio.sleep(max(0.0, due - clock.now()))
                late = max(0.0, clock.now() - due)
                worst, due, beats = max(worst, late), due + late, beats + 1
                if beats % BEATS_A_TICK == 0:
                    self._tick(worst)
                    worst = 0.0
        finally:
            await self._end()

    def _tick(self, lag: float) -> None:
        now = clock.now()
        if step := clock.check():
            log.warning("the wall clock was stepped by %.3f s", step)
            self.board.put(None, Sample(STEPS, 1), now)
        for kept in self._kept.values():
            for session in kept.sessions:
                session.tick(lag)
                on_air = self.expected(kept.stream, clock.wall(now))
                self.board.put(session.key, Sample(EXPECTED, float(on_air)), now)
        lanes = self.pool.lanes
        faults = sum(lane.faults for lane in lanes)
        for sample in (
            Sample(STREAMS, len(self._kept)),
            Sample(LAG, lag),
            Sample(QUEUE, sum(lane.waiting for lane in lanes)),
            Sample(FAULTS, faults - self._faults),
        ):
            self.board.put(None, sample, now)
        self._faults = faults
        self.board.sweep(now)

    async def _end(self) -> None:
        self.apply(())
        if self._leaving:
            await asyncio.wait(set(self._leaving), timeout=GOODBYE)
        self.pool.close()


class _Kept:
    """One stream's sessions (one, or one a rendition) and its join probes, in one task."""

    def __init__(
        self, stream: Stream, fleet: Fleet, *, after: asyncio.Task[None] | None = None, delay: float = 0.0
    ) -> None:
        """`after`: the task of the same stream's former settings, which ends first."""
        self.stream, self._fleet = stream, fleet
        self.sessions: list[Session] = []
        self._forget = False
        self._tried = False
        self.task = asyncio.create_task(self._run(after, delay), name=f"stream {stream.name}")

    def tried(self) -> bool:
        """Whether the stream has brought media, or been lost, at least once."""
        self._tried = self._tried or any(session.media or session.lost for session in self.sessions)
        return self._tried

    def leave(self, *, forget: bool) -> None:
        """End; `forget`: the stream is no longer configured, so its series are to go."""
        self._forget = forget
        self.task.cancel()

    async def _run(self, after: asyncio.Task[None] | None, delay: float) -> None:
        if after is not None:
            await asyncio.wait({after})
        await asyncio.sleep(delay)
        while True:
            try:
                await self._watch()
            except Exception:  # task top: a bug in one stream's work must not leave it unwatched
                log.exception("%s: its work raised and is started anew", self.stream.name)
                self._fleet.board.put(None, Sample(STREAM_ERRORS, 1), clock.now())
            finally:
                for session in self.sessions:
                    session.stop()
                    if self._forget:
                        self._fleet.board.remove(session.key)
                self.sessions.clear()
            await asyncio.sleep(BACKOFF[-1])

    async def _watch(self) -> None:
        several = self.stream.variant == "all" and choose(self.stream.target()) == "hls"
        variants: dict[str, str | None] = await self._variants() if several else {"": None}
        async with asyncio.TaskGroup() as group:
            for rendition, variant in variants.items():
                session = self._session(rendition, variant)
                group.create_task(session.run())
                if self.stream.join.every is not None and choose(session.target) in JOINABLE:
                    group.create_task(self._join(session))

    async def _variants(self) -> dict[str, str | None]:
        """The renditions to watch, by the label that they get.

        While the server does not say, the stream is pulled as a whole, so that it reads as down, not as absent.
        """
        while True:
            try:
                found = await hls.renditions(self.stream.target())
            except hls.Unavailable:
                session = self._session("", None)
                await session.pull()
                await session.pause()
                self.sessions.remove(session)
                session.stop()
                self._fleet.board.remove(session.key)
            else:
                return {rendition.name: rendition.name for rendition in found} or {"": None}

    def _session(self, rendition: str, variant: str | None) -> Session:
        fleet, key = self._fleet, Key(self.stream.name, rendition)
        fleet.board.add(key, dict(self.stream.labels))
        session = Session(self.stream, key, fleet.board, fleet.pool, fleet.budget, variant=variant)
        self.sessions.append(session)
        return session

    async def _join(self, session: Session) -> None:
        every = self.stream.join.every
        assert every is not None
        await asyncio.sleep(every * random.random())  # spreads the fleet over the interval
        while True:
            if session.media and session.lost is None:  # a stream that is down is being joined already
                session.feed(await join(session.target, self._fleet.pool, self.stream.join.timeout))
            await asyncio.sleep(every)
