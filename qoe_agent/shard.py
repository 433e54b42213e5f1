"""Which of all streams this agent watches, where several agents share them.

How many share them comes from the configuration, so that it changes by a reload; which of them this one is, its
ordinal, from the host name, which in a StatefulSet is the pod's: `qoe-agent-2` is the third. Agents do not talk to
each other: they read the same lists and hash the same names (`maths/rendezvous.py`). A stream that becomes another's
is watched on for a while, for the other one may read the change later.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.config import ConfigError
from qoe_agent.maths import rendezvous
from qoe_agent.model import Metric, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.board import Board
    from qoe_agent.config import Agent, Stream

log = logging.getLogger(__name__)

ORDINAL = Metric(
    "qoe_agent_shard_ordinal", "gauge", "Which of the agents that share the streams this one is, counted from 0."
)
SHARDS = Metric("qoe_agent_shards", "gauge", "How many agents share the streams, as far as this one knows.")
KNOWN = Metric("qoe_agent_streams_known", "gauge", "Streams that the agents share, as far as this one knows.")
OWNED = Metric("qoe_agent_streams_owned", "gauge", "Those of them that are this agent's own.")
METRICS = (ORDINAL, SHARDS, KNOWN, OWNED)

_SAID = re.compile(r"(\d{1,9})(?:/(\d{1,9}))?", re.ASCII)
_NUMBERED = re.compile(r"-(\d{1,9})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Share:
    """One of several equal parts of the streams."""

    ordinal: int
    shards: int

    @property
    def empty(self) -> bool:
        """Whether there is no such part: more agents run than share the streams."""
        return self.ordinal >= self.shards

    def has(self, name: str) -> bool:
        """Whether the stream of that name is in it."""
        return rendezvous.owns(name, self.ordinal, self.shards)


def share(said: str, settings: Agent, host: str) -> Share | None:
    """This agent's part by `--shard`, configuration and host name; None: it shares with nobody. Else ConfigError."""
    fixed = None if said in ("", "auto") else _SAID.fullmatch(said)
    if said not in ("", "auto") and not fixed:
        raise ConfigError(["--shard: must be auto, I or I/N, such as 0/3 for the first of three"])
    shards = int(fixed[2]) if fixed and fixed[2] else settings.shards
    if shards is None:
        if said:
            raise ConfigError([f"--shard {said}: of how many? Set agent.shards, or say I/N"])
        return None
    if fixed:
        if fixed[2] and int(fixed[1]) >= shards:
            raise ConfigError([f"--shard {said}: counted from 0, so I must be less than N"])
        return Share(int(fixed[1]), shards)
    numbered = _NUMBERED.search(host.partition(".")[0])
    if not numbered:
        raise ConfigError(
            [f"agent.shards: which of the {shards} is this one? The host name {host!r} ends in no -NUMBER; use --shard"]
        )
    return Share(int(numbered[1]), shards)


class Shard:
    """Follows the configuration; tells `changed` when streams are to be let go."""

    def __init__(self, said: str, settings: Agent, board: Board, changed: Callable[[], None]) -> None:
        """`said`: what `--shard` says. ConfigError: that makes no sense."""
        self._said, self._host = said, socket.gethostname()
        self._board, self._changed = board, changed
        self._share = self.read(settings)
        self._mine: dict[str, bool] = {}
        self._until: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._told: tuple[Share | None, bool] = None, False
        board.declare(*METRICS)

    def read(self, settings: Agent) -> Share | None:
        """What would be this agent's part under `settings`. ConfigError: nobody knows."""
        return share(self._said, settings, self._host)

    def follow(self, settings: Agent) -> None:
        """From now on `settings` are in force: what is no longer this agent's own is let go after `handover`."""
        before, self._share = self._share, self.read(settings)
        if self._share != before:
            until = clock.now() + settings.handover
            held = {name: until for name, mine in self._mine.items() if mine} | self._until
            self._mine, self._until = {}, held

    def own(self, streams: Iterable[Stream]) -> list[Stream]:
        """Those of `streams` that are to be watched here just now."""
        now, known = clock.now(), list(streams)
        self._mine = {stream.name: self._has(stream.name) for stream in known}
        self._until = {name: at for name, at in self._until.items() if at > now and self._mine.get(name) is False}
        self._show(now)
        self._wake(now)
        return [stream for stream in known if self._mine[stream.name] or stream.name in self._until]

    @property
    def alone(self) -> bool:
        """Whether all streams are this agent's."""
        return self._share is None

    @property
    def number(self) -> str:
        """Which part this agent's is, from 0; empty where all is its own."""
        return "" if self._share is None else str(self._share.ordinal)

    def line(self) -> str:
        """For people: which part this is and how much of the whole; empty where all is this agent's."""
        part = self._share
        if part is None:
            return ""
        owned = "none" if part.empty else str(sum(self._mine.values()))
        text = f"shard {part.ordinal}/{part.shards}: owns {owned} of {len(self._mine)} streams"
        text += ", being beyond the last" if part.empty else ""
        return text + (f"; watches {len(self._until)} more until others have them" if self._until else "")

    def close(self) -> None:
        """Nothing is let go any more."""
        if self._timer:
            self._timer.cancel()

    def _has(self, name: str) -> bool:
        known = self._mine.get(name)
        return known if known is not None else self._share is None or self._share.has(name)

    def _show(self, now: float) -> None:
        part = self._share
        numbers: Mapping[Metric, float | None] = {
            ORDINAL: part.ordinal if part else None,
            SHARDS: part.shards if part else None,
            KNOWN: len(self._mine),
            OWNED: sum(self._mine.values()),
        }
        for metric, value in numbers.items():
            self._board.put(None, Sample(metric, value), now)
        if self._told != (part, bool(self._until)):
            self._told = part, bool(self._until)
            log.info("%s", self.line() or "no shards: all streams are this agent's")

    def _wake(self, now: float) -> None:
        self.close()
        if self._until:
            wait = min(self._until.values()) - now
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._changed)
