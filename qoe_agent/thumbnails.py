"""The latest small picture of every stream, for pages: made only while somebody looks, kept in memory for minutes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.config import Stream
    from qoe_agent.sink import Key

    Show: TypeAlias = Callable[[Key, float, bytes], None]
    """Takes whose picture it is, when that arrived, and its JPEG."""

LOOKS = 60.0
"""Seconds for which thumbnails are made after somebody looked."""
AGAIN = 10.0
"""Seconds after which those who make them are told that somebody still looks."""
KEPT = 300.0
"""Seconds after its arrival at which a picture is forgotten."""
LARGEST = 128 * 1024
"""Bytes of one."""
MOST = 5000
"""Streams (and renditions) of which one is kept."""


class Thumbnail(NamedTuple):
    """A picture of a stream."""

    at: float
    """When it arrived."""
    jpeg: bytes


class Thumbnails:
    """Holds them in the agent's own process; streams that are private have none. All is called on the event loop."""

    def __init__(self, look: Callable[[float], None]) -> None:
        """`look`: has thumbnails made until then."""
        self._look = look
        self._until = float("-inf")
        self._shown: dict[str, Stream] = {}
        self._changed: dict[str, float] = {}
        """When a stream became another under its name: pictures that arrived before are not of it."""
        self._latest: dict[Key, Thumbnail] = {}

    def follow(self, streams: Iterable[Stream]) -> None:
        """These are watched, and of some of them pictures may be shown."""
        shown = {one.name: one for one in streams if one.evidence != "off" and one.decode != "none"}
        other = [name for name, was in self._shown.items() if name in shown and shown[name] != was]
        self._changed = {name: at for name, at in self._changed.items() if name in shown}
        self._changed |= dict.fromkeys(other, clock.now())
        self._shown = shown
        for key in [key for key in self._latest if key.stream not in shown or key.stream in other]:
            del self._latest[key]

    def want(self, now: float) -> None:
        """Somebody looks."""
        if now + LOOKS - self._until >= AGAIN:
            self._until = now + LOOKS
            self._look(self._until)

    def take(self, key: Key, at: float, jpeg: bytes) -> None:
        """A picture was made."""
        known = self._latest.get(key)
        if at < self._changed.get(key.stream, at):
            return
        if key.stream not in self._shown or len(jpeg) > LARGEST or (known is None and len(self._latest) >= MOST):
            return
        if known is None or at > known.at:
            self._latest[key] = Thumbnail(at, jpeg)

    def of(self, key: Key) -> Thumbnail | None:
        """The latest, unless it is too old."""
        found = self._latest.get(key)
        return found if found and clock.now() - found.at <= KEPT else None

    def sweep(self, now: float) -> None:
        """Forget what is too old."""
        for key in [key for key, one in self._latest.items() if now - one.at > KEPT]:
            del self._latest[key]

    async def run(self) -> None:
        """Forget what is too old, until cancelled."""
        while True:
            await asyncio.sleep(AGAIN)
            self.sweep(clock.now())
