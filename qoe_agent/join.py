"""How a pull begins: startup as each new viewer meets it, on a fresh connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qoe_agent import clock, sources
from qoe_agent.decode import Decoding
from qoe_agent.model import Format, Joined, Observation, Opened, Packet, Picture, Sound, Target

if TYPE_CHECKING:
    from qoe_agent.decode import Pool

AUDIO_ONLY_AFTER = 2.0
"""Seconds of sound without a video track after which startup is counted by sound."""


class Start:
    """Follows a pull from its request to the first decodable picture (without video: sound)."""

    def __init__(self, requested: float) -> None:
        self.requested = requested
        self.joined = False
        self._opened: Opened | None = None
        self._video = False
        self._first_packet: float | None = None
        self._first_key: float | None = None

    def see(self, seen: Observation) -> None:
        """Take one observation of the pull."""
        if isinstance(seen, Packet):
            if self._first_packet is None:
                self._first_packet = seen.at
            if self._first_key is None and seen.kind == "video" and seen.key:
                self._first_key = seen.at
        elif isinstance(seen, Format):
            self._video |= seen.kind == "video"
        elif isinstance(seen, Opened):
            self._opened = seen

    def starts(self, seen: Observation) -> bool:
        """Whether a viewer's session begins here."""
        if isinstance(seen, Picture):
            return seen.at >= self.requested
        first = self._first_packet
        return isinstance(seen, Sound) and not self._video and first is not None and seen.at - first >= AUDIO_ONLY_AFTER

    def result(self, at: float, outcome: str) -> Joined:
        """The pull's beginning as an observation; `at`: arrival of the first decodable picture, or the end."""
        self.joined = True
        first = self._first_packet
        audio_only = not self._video and first is not None
        began = first if audio_only and first is not None else at
        return Joined(
            at,
            self.requested,
            outcome,
            began - self.requested if outcome == "ok" else None,
            None if first is None else first - self.requested,
            None if self._first_key is None else self._first_key - self.requested,
            self._opened.phases if self._opened else {},
        )


async def join(target: Target, pool: Pool, timeout: float, name: str = "") -> Joined:
    """Pull the stream `name` on a fresh connection until the first decodable picture, or `timeout` seconds."""
    loop = asyncio.get_running_loop()
    start = Start(clock.now())
    done: asyncio.Future[Joined] = loop.create_future()

    def take(seen: Observation) -> None:
        start.see(seen)
        if isinstance(seen, Format):
            decoding.format(seen)
        elif isinstance(seen, Packet):
            decoding.packet(seen)
        elif start.starts(seen) and not done.done():
            done.set_result(start.result(seen.at, "ok"))

    decoding = Decoding(pool.lane(), take, loop.call_soon_threadsafe, pictures={}, sounds={}, every=0.0, name=name)
    pull = asyncio.ensure_future(sources.watch(target, take))
    try:
        waits: set[asyncio.Future[Any]] = {pull, done}
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not done.done() and pull.done():
            decoding.reset()
            await asyncio.wait({done}, timeout=0.5)  # the last picture may still be with the decoder
        if done.done():
            return done.result()
        if not pull.done():
            return start.result(clock.now(), "deadline")
        return start.result(clock.now(), "failed" if pull.exception() else pull.result().reason)
    finally:
        pull.cancel()
        await asyncio.wait({pull}, timeout=2.0)
        decoding.close()
