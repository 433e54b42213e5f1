"""One stream, watched for a while: behind `/probe` and `qoe-agent watch`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent import clock
from qoe_agent.board import Board
from qoe_agent.model import Format, Joined, Lost, Observation, Opened, Packet, Picture
from qoe_agent.ring import Budget
from qoe_agent.session import Session, stream_metrics
from qoe_agent.sink import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.config import Stream
    from qoe_agent.decode import Pool

RING_BYTES = 16 << 20
"""Packet ring of a single visit."""
SETTLE = 3.0
"""Seconds that a short visit goes on after the first picture, so that rates mean something."""
RETURNING = ("rtmp", "rtmps", "flv", "ts")
"""Protocols on which a clean end is the publisher's, who may come back."""
LAST_LOOKS = 1.0
"""Seconds that decoding may lag behind when a visit ends."""


@dataclass(slots=True)
class Visit:
    """What a visit saw; still growing while it lasts."""

    stream: Stream
    board: Board
    key: Key
    started: float
    ended: float | None = None
    joined: Joined | None = None
    """How the first pull began."""
    lost: Lost | None = None
    """Why the last pull ended, if it did."""
    media: bool = False
    protocol: str | None = None
    formats: dict[int, Format] = field(default_factory=dict)
    """The tracks as last announced."""
    picture: Picture | None = None
    """The last decoded picture."""
    final: list[dict[str, Any]] = field(default_factory=list)
    """The metrics as they stood when the stream ended cleanly."""

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return (self.ended if self.ended is not None else clock.now()) - self.started

    @property
    def wall_started(self) -> float:
        """When it began, by the wall clock."""
        return clock.wall(self.started)

    @property
    def success(self) -> bool:
        """Whether a viewer would have got a picture (or sound, where there is no video); undecoded, media."""
        if self.stream.decode == "none":
            return self.media
        return self.joined is not None and self.joined.outcome == "ok"

    def metrics(self) -> list[dict[str, Any]]:
        """What was measured, as JSON values; of a stream that ended cleanly also its last states."""
        now = self.board.metrics(self.key)
        known = {(one["name"], *sorted(one["labels"].items())) for one in now}
        rest = [one for one in self.final if (one["name"], *sorted(one["labels"].items())) not in known]
        return sorted([*now, *rest], key=lambda one: str(one["name"]))

    def take(self, seen: Observation) -> None:
        """Follow the session's observations."""
        if isinstance(seen, Packet):
            self.media = True
        elif isinstance(seen, Joined) and self.joined is None:
            self.joined = seen
        elif isinstance(seen, Opened):
            self.protocol = seen.protocol
        elif isinstance(seen, Format):
            self.formats[seen.track] = seen
        elif isinstance(seen, Picture):
            self.picture = seen
        elif isinstance(seen, Lost) and seen.clean:
            self.final = self.board.metrics(self.key)


async def visit(
    stream: Stream,
    pool: Pool,
    seconds: float | None,
    *,
    brief: bool = False,
    taps: Iterable[Callable[[Observation], None]] = (),
    started: Callable[[Visit], None] | None = None,
    stop: asyncio.Event | None = None,
    looks: Mapping[str, Callable[[], Any]] | None = None,
) -> Visit:
    """Watch `stream` for `seconds` (None: until it ends or `stop` is set) on a board of its own.

    It ends early when the stream cannot be opened at all, or ends for good: a file, a playlist's ENDLIST; without
    `seconds` any clean end. A live stream that ended may come back, and one that breaks down after having brought
    media is pulled again, as a viewer would. `brief` ends it at the first end, or shortly after the first picture.
    `looks`: more of them at pictures, as for sessions.
    """
    board, key = Board(stream_metrics()), Key(stream.name)
    board.add(key, dict(stream.labels))
    seen = Visit(stream, board, key, clock.now())
    session = Session(stream, key, board, pool, Budget(RING_BYTES), taps=(seen.take, *taps), looks=looks)
    if started:
        started(seen)
    work = asyncio.ensure_future(_pulls(session, seen, patient=seconds is not None and not brief))
    ticks = asyncio.ensure_future(_ticks(session, seen, brief))
    waits: set[asyncio.Future[Any]] = {work, ticks}
    if stop is not None:
        waits.add(asyncio.ensure_future(stop.wait()))
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        seen.ended = clock.now()
        await _end(session, waits)
    for task in (work, ticks):
        if task.done() and not task.cancelled():
            task.result()  # a tap raised
    seen.lost = session.lost
    return seen


class Brought(NamedTuple):
    """What a visit brought home."""

    success: bool
    """A viewer would have got a picture."""
    board: Board


async def narrated(stream: Stream, pool: Pool, seconds: float, tell: Callable[[str], None]) -> Brought:
    """A brief visit, told line by line."""
    began = clock.now()

    def tap(seen: Observation) -> None:
        if said := _told(seen):
            tell(f"{seen.at - began:8.3f} s  {said}")

    seen = await visit(stream, pool, seconds, brief=True, taps=(tap,))
    if seen.joined is None:
        tell(f"{clock.now() - began:8.3f} s  the deadline: no picture by then")
    return Brought(seen.success, seen.board)


def _told(seen: Observation) -> str:
    """One line of a visit's log."""
    if isinstance(seen, Opened):
        phases = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in seen.phases.items())
        return f"opened: {seen.protocol}" + (f" ({phases})" if phases else "")
    if isinstance(seen, Joined):
        return f"joined: {seen.outcome}" + (f", startup {seen.startup:.3f} s" if seen.startup is not None else "")
    if isinstance(seen, Lost):
        return f"lost: {seen.reason}" + (f", {seen.detail}" if seen.detail else "")
    return ""


async def _end(session: Session, tasks: set[asyncio.Future[Any]]) -> None:
    """Stop pulling; what was pulled is still looked at."""
    for task in tasks:
        task.cancel()
    try:
        await asyncio.wait(tasks, timeout=3.0)
        session.decoding.reset()
        await session.decoding.drained(LAST_LOOKS)
        session.tick(0.0, clock.now())
    finally:
        session.close()


async def _pulls(session: Session, seen: Visit, *, patient: bool) -> None:
    while True:
        lost = await session.pull()
        if not seen.media or session.recorded or (lost.clean and not (patient and seen.protocol in RETURNING)):
            return
        await session.pause()


async def _ticks(session: Session, seen: Visit, brief: bool) -> None:
    due = clock.now() + 1.0
    while True:
        await asyncio.sleep(max(0.0, due - clock.now()))
        now = clock.now()
        session.tick(max(0.0, now - due), now)
        due = max(due + 1.0, now)
        joined = seen.joined
        if brief and joined is not None and (joined.outcome != "ok" or now - joined.at >= SETTLE):
            return
