"""Sources that do what a test says: stands in for `sources.watch`, for sessions, joins and visits alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent import clock, sources
from qoe_agent.model import KEY, Lost, Opened, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from qoe_agent.model import Observation, Target

DEADLINE = 30.0


async def until(true: Callable[[], Any]) -> None:
    """Let others run until `true` says so; fails at the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0.002)


@dataclass(slots=True)
class Pull:
    """One pull under way, in the hands of the test."""

    target: Target
    emit: Callable[[Observation], None]
    over: asyncio.Future[str]

    def play(self, frames: int = 25) -> None:
        """A connection and a second of pictures that nobody can decode."""
        now = clock.now()
        self.emit(Opened(now, now, "rtmp"))
        for n in range(frames):
            self.emit(Packet(now, 0, "video", n / 25, n / 25, KEY if n == 0 else 0, 3, b"abc"))

    def end(self, reason: str) -> None:
        """The pull ends so."""
        if not self.over.done():
            self.over.set_result(reason)


@dataclass(slots=True)
class Stage:
    """All pulls that are under way, by their URL."""

    pulls: dict[str, list[Pull]] = field(default_factory=dict)
    begun: int = 0
    most: int = 0
    """The most pulls of one URL at once."""
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Cancelled pulls end when this is set."""
    opening: Callable[[Pull], None] | None = None
    """What every pull does first."""

    def __post_init__(self) -> None:
        self.leave.set()

    async def watch(self, target: Target, emit: Callable[[Observation], None]) -> Lost:
        pull = Pull(target, emit, asyncio.get_running_loop().create_future())
        here = self.pulls.setdefault(target.url, [])
        here.append(pull)
        self.begun += 1
        self.most = max(self.most, len(here))
        try:
            if self.opening:
                self.opening(pull)
            return Lost(clock.now(), await pull.over)
        finally:
            await self.leave.wait()
            here.remove(pull)

    def at(self, url: str) -> list[Pull]:
        return self.pulls.get(url, [])


def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Every pull goes to it from now on."""
    made = Stage()
    monkeypatch.setattr(sources, "watch", made.watch)
    return made
