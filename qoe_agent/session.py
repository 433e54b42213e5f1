"""One stream: a source, the probes that watch it, and the board that they fill.

The session reconnects, ticks, feeds the decoders and the packet ring, and isolates the probes: one that
raises is taken out, counted and reported, and the others go on. Incidents that are told by pictures or sound pass
`maths.doubt`, which has the rule for what the agent says of content while it is overloaded.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

from qoe_agent import clock, sources, tally
from qoe_agent.decode import Decoding, Guard, Snapshots
from qoe_agent.evidence.witness import Witness
from qoe_agent.incidents import unobserved
from qoe_agent.join import Start
from qoe_agent.journal import Journal
from qoe_agent.maths.doubt import Doubt
from qoe_agent.maths.urls import scrub
from qoe_agent.memory import Memory, pause
from qoe_agent.model import Damage, Format, Incident, Lost, Metric, Opened, Packet, Playlist, Sample, Tick
from qoe_agent.probes import Declaration, declarations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from qoe_agent.config import Stream
    from qoe_agent.decode import Audience, Pool
    from qoe_agent.evidence.keeper import Keeper
    from qoe_agent.model import Finding, Observation
    from qoe_agent.ring import Budget
    from qoe_agent.sink import Key, Sink

log = logging.getLogger(__name__)

PROBE_ERRORS = Metric(
    "qoe_agent_probe_errors_total", "counter", "Probes taken out of a stream because they raised.", ("probe",)
)
METRICS = (PROBE_ERRORS, *tally.METRICS)


def stream_metrics() -> tuple[Metric, ...]:
    """All metrics that a stream may have."""
    return METRICS + tuple(metric for declared in declarations().values() for metric in declared.metrics)


BEHIND = sources.HOLD + 0.05
"""Seconds that Ticks lie behind the clock: what arrived before them has been fed."""


@dataclass(slots=True)
class _Watched:
    """A probe at work."""

    declaration: Declaration
    feed: Callable[[Any], Iterable[Finding]]
    open: dict[tuple[str, str], Incident]
    doubt: Doubt | None
    """None: packets tell all that it finds."""
    out: bool = False
    """It raised, and is asked nothing more."""


class Session:
    """Watches one stream (or one rendition of it) until it is cancelled."""

    def __init__(
        self,
        stream: Stream,
        key: Key,
        board: Sink,
        pool: Pool,
        budget: Budget,
        *,
        variant: str | None = None,
        taps: Iterable[Callable[[Observation], None]] = (),
        keeper: Keeper | None = None,
        audience: Audience | None = None,
        looks: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        """`taps` also get every observation (recorder, live table). `keeper`: keeps evidence of incidents.
        `audience`: people who may look; at a stream of which no evidence is kept, they may not. `looks`: more of them
        at pictures than those of probes."""
        self.stream, self.key, self._board = stream, key, board
        self.target = stream.target() if variant is None else replace(stream.target(), variant=variant)
        self.recorded = sources.prepare(self.target) == "replay"
        """A recording brings its own looks and joins, and packets without their data."""
        self._then: float | None = None  # takes agent time to when the recording was made
        self._budget, self.ring = budget, budget.ring()
        self._witness = Witness(key, stream.evidence, self.ring, keeper, bare=stream.decode == "none")
        self._taps = (*taps, self._witness.see) if keeper else tuple(taps)
        self._watched, self._routes = list[_Watched](), dict[type, tuple[_Watched, ...]]()
        pictures, sounds = self._build(declarations(), looks or {})
        self._loop, self._start = asyncio.get_running_loop(), Start(clock.now())
        self.decoding = Decoding(
            pool.lane(), self.feed, self._loop.call_soon_threadsafe, pictures=pictures, sounds=sounds, name=key.stream,
            policy=stream.decode, every=stream.pictures_every, phase=crc32(key.stream.encode()) / 2**32,
            snapshots=Snapshots(audience, key) if audience and stream.evidence != "off" else None)  # fmt: skip
        self._tally, self._doubtful = tally.Tally(board, key, self.decoding, self.ring), False
        self.media = self.tried = False
        """Whether this pull has brought media; whether one has ended by now."""
        self._dead, self._memory, self._failures = True, Memory(), 0
        self._journal = Journal(key.shown, self._witness.line)
        self.lost: Lost | None = None
        """Why the last pull ended, None while one is under way."""

    def _build(self, known: Any, more: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        pictures: dict[str, Any] = dict(more)
        sounds: dict[str, Any] = {}
        for name, declared in known.items():
            made = declared.make(**self.stream.options_of(name))
            looks = declared.picture or declared.sound
            doubt = Doubt(pictures=declared.picture is not None) if looks else None
            watched = _Watched(declared, made.feed, {}, doubt)
            self._watched.append(watched)
            for kind in declared.sees:
                self._routes[kind] = (*self._routes.get(kind, ()), watched)
            if declared.picture:
                pictures[name] = functools.partial(self._guarded, watched, declared.picture, made)
            if declared.sound:
                sounds[name] = functools.partial(self._guarded, watched, declared.sound, made)
        return pictures, sounds

    async def run(self) -> None:
        """Pull, and pull again when it ends, until cancelled."""
        while True:
            await self.pull()
            await self.pause()

    async def pause(self) -> None:
        """Wait before the next pull: longer after each one that brought nothing."""
        self._failures = 0 if self.media else self._failures + 1
        await asyncio.sleep(pause(self._failures, self.lost, random.random()))

    async def pull(self) -> Lost:
        """One pull, from the request to its end, which is fed to the probes and returned."""
        self._start = Start(clock.now())
        self._start.joined = self.recorded or self.stream.decode == "none"
        self.media, self.lost = False, None
        try:
            lost = await sources.watch(self._memory.target(self.target), self.feed)
        except Exception as error:  # session isolation: a source with a bug must not end the fleet
            told = scrub(traceback.format_exc(), self.target.url)
            log.error("%s: the source failed\n%s", self.key.stream, told)
            lost = Lost(clock.now(), "failed", scrub(f"{type(error).__name__}: {error}", self.target.url))
        self._end(lost)
        return lost

    def _end(self, lost: Lost) -> None:
        self.lost, self._dead, self.tried = lost, True, True
        self.decoding.reset()
        self._memory.end(lost, self.media)
        if not self._start.joined and not self._memory.over and lost.reason != "stopped":
            self.feed(self._start.result(lost.at, lost.reason))
        self.feed(lost)
        self._journal.lost(lost, media=self.media)

    @property
    def state(self) -> str:
        """In one word, for people."""
        return self.lost.reason if self.lost else "up" if self.media else "connecting"

    def stop(self) -> None:
        """The stream is no longer watched: what is open is closed as unobserved."""
        self._end(Lost(clock.now(), "stopped"))
        now = clock.now()
        for watched in self._watched:
            self._close_incidents(watched, now)
        self._witness.close()
        self.close()

    def close(self) -> None:
        """Let go of threads and memory; findings stay as they are."""
        self.decoding.close()
        self._budget.release(self.ring)

    def tick(self, lag: float, now: float) -> None:
        """A second has passed, as was known at `now`, with `lag` up to then: whether nothing came since then, or the
        agent stood still, the next Tick tells. Ticks lie a little behind, so that none overtakes the packets before it.
        """
        self.decoding.flush()
        unix, uncertainty = clock.unix() if self._then is None else (self._then, None)
        self.feed(Tick(now - BEHIND, lag, unix, uncertainty))
        self._tally.tick(now, dead=self._dead)
        self._reconsider(now)
        self._journal.flush(now)

    def feed(self, seen: Observation) -> None:
        """Give an observation to everyone who wants it."""
        if isinstance(seen, Packet):
            self._dead = False
            self.media = self.media or seen.kind != "data"
            self.ring.append(seen)
            if not self.recorded:
                self.decoding.packet(seen)
        elif isinstance(seen, Format):
            self.ring.format(seen)
            self.decoding.format(seen)
        elif isinstance(seen, Damage):
            self._journal.damage(seen)
        elif isinstance(seen, Playlist):
            self._memory.listed(seen)
        elif isinstance(seen, Opened) and self.recorded and self._then is None:
            self._then = sources.recorded_at(self.target) - seen.at
        elif isinstance(seen, Lost):
            self._dead = True
        if not self._start.joined:
            self._start.see(seen)
        for tap in self._taps:
            tap(seen)
        self._give(self._routes.get(type(seen), ()), seen)
        if not self._start.joined and self._start.starts(seen):
            self.feed(self._start.result(seen.at, "ok"))
        elif isinstance(seen, Lost):
            self._board.down(self.key)

    def _give(self, route: Sequence[_Watched], seen: Observation) -> None:
        """To each probe in turn; one that raises is taken out, and the next goes on."""
        for n, watched in enumerate(route):
            try:
                for finding in watched.feed(seen):
                    self._take(watched, finding, seen.at)
            except Exception:  # session isolation: one probe with a bug must not end the others
                log.exception("%s: probe %s raised and is taken out", self.key.stream, watched.declaration.name)
                self._take_out(watched)
                self._give(route[n + 1 :], seen)
                return

    def _take(self, watched: _Watched, finding: Finding, at: float) -> None:
        if isinstance(finding, Incident):
            told = watched.doubt.take(finding, self.decoding.level) if watched.doubt else (finding,)
            for incident in told:
                self._tell(watched, incident, at)
        elif not self._dead or finding.metric.kind != "gauge" or finding.metric.kept:  # a dead stream has no state
            self._board.put(self.key, finding, at)

    def _tell(self, watched: _Watched, told: Incident, at: float) -> None:
        known = watched.open.pop((told.kind, told.key), None)
        if told.end is None:
            watched.open[told.kind, told.key] = told
        if known is None or told.end is not None:
            self._journal.incident(told)
        self._witness.told(told, clock.now())
        self._board.put(self.key, told, at)

    def _reconsider(self, now: float) -> None:
        """What was in doubt may no longer be."""
        level = self.decoding.level
        if level or self._doubtful:
            for watched in self._watched:
                for incident in watched.doubt.passed(level, now) if watched.doubt else ():
                    self._tell(watched, incident, now)
        self._doubtful = level > 0

    def _take_out(self, watched: _Watched) -> None:
        if watched.out:
            return
        watched.out = True
        self._watched.remove(watched)
        for kind, route in self._routes.items():
            self._routes[kind] = tuple(one for one in route if one is not watched)
        now = clock.now()
        self._close_incidents(watched, now)
        self._board.put(self.key, Sample(PROBE_ERRORS, 1, (watched.declaration.name,)), now)

    def _close_incidents(self, watched: _Watched, now: float) -> None:
        for incident in watched.open.values():
            self._board.put(self.key, unobserved(incident, now), now)
        watched.open.clear()
        if watched.doubt:
            watched.doubt.forget()

    def _guarded(self, watched: _Watched, make: Callable[[Any], Any], probe: Any) -> Guard | None:
        """A look for one connection, isolated: if it raises on its decode thread, its probe is taken out. None: it
        has none."""

        def raised(error: Exception) -> None:
            name = watched.declaration.name
            log.error("%s: the look of probe %s raised", self.key.stream, name, exc_info=error)
            self._loop.call_soon_threadsafe(self._take_out, watched)

        look = None if watched.out else make(probe)
        return None if look is None else Guard(look, lambda: watched.out, raised)
