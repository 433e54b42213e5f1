"""Visits that worker processes make for whoever asks the agent for one."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from qoe_agent.board import Board
from qoe_agent.visit import Brought

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.child import Child
    from qoe_agent.config import Stream


class Errands:
    """Those that are under way, by their numbers."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.out: dict[int, tuple[Child, asyncio.Future[Brought], Callable[[str], None]]] = {}
        """Who makes it, what it is to bring, and who hears of it."""

    async def send(self, child: Child, stream: Stream, seconds: float, tell: Callable[[str], None]) -> Brought:
        """Have one made, and wait for it; `tell` gets a line for all that happens."""
        number, done = next(self._numbers), asyncio.get_running_loop().create_future()
        self.out[number] = child, done, tell
        child.send("visit", number, stream, seconds)
        try:
            brought: Brought = await done
            return brought
        finally:
            child.send("leave", number)
            del self.out[number]

    def line(self, number: int, line: str) -> None:
        """Something happened on it."""
        if number in self.out:
            self.out[number][2](line)

    def back(self, number: int, brought: Brought) -> None:
        """It is over."""
        if number in self.out and not self.out[number][1].done():
            self.out[number][1].set_result(brought)

    def bereaved(self, child: Child) -> None:
        """Whoever makes them is gone."""
        for owner, done, tell in list(self.out.values()):
            if owner is child and not done.done():
                tell("the worker process died")
                done.set_result(Brought(False, Board()))
