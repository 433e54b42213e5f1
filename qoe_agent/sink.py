"""Where sessions put what they find, and whom it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.model import Finding


class Key(NamedTuple):
    """Whom a finding is about."""

    stream: str
    rendition: str = ""
    """The HLS rendition, where all of them are watched; empty otherwise."""

    @property
    def shown(self) -> str:
        """Its name for people."""
        return f"{self.stream}/{self.rendition}" if self.rendition else self.stream


class Sink(Protocol):
    """Where sessions put what they find: the board, or what leads to it."""

    def add(self, key: Key, info: Mapping[str, str]) -> None:
        """A stream is configured; again with other `info` to change its labels."""

    def remove(self, key: Key, at: float | None = None) -> None:
        """A stream is no longer configured."""

    def put(self, key: Key | None, finding: Finding, at: float) -> None:
        """Take a finding about a stream, or about the agent itself (no key)."""

    def down(self, key: Key) -> None:
        """The stream died: states vanish, facts stay."""

    def sweep(self, now: float) -> None:
        """Let vanish what has had its time."""
