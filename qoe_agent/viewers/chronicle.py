"""What the probes see, beside the viewers' events: incidents in the facts, so that exits can be laid beside them.

`incidents/YYYY-MM-DD.NAME.jsonl` (`daybook`). A line is the incident as `watch --json` prints it, and

- `id`: the same in all of an incident's lines, of which the last holds; `stream`; `scope`: whom it struck
  ({"rendition": …} where it is of one rendition; else everybody who watches the stream);
- `seen`: when it was last known to be as the line says. Open incidents are written again each minute, so that of one
  that an agent could not close any more it is known how long it lasted at least;
- `content_start`, `content_end`: when what the viewer sees in it was captured, for faults of the content, where the
  agent knows its own latency. All times are Unix seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent import clock
from qoe_agent.incidents import describe
from qoe_agent.viewers.daybook import MOST, Daybook

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.board import Board
    from qoe_agent.history import History
    from qoe_agent.model import Incident
    from qoe_agent.sink import Key

FOLDER = "incidents"
EVERY = 1.0
"""Seconds between writes."""
AGAIN = 60.0
"""Seconds after which open incidents are written again."""
CONTENT = frozenset((
    "audio_missing", "av_out_of_sync", "black", "blocky", "blurred", "clipping", "colour_bars", "colour_cast",
    "content_freeze", "damage", "dead_channel", "dropouts", "flashes", "flicker", "interlaced", "letterbox",
    "monochrome", "out_of_phase", "overexposed", "silence", "solid_colour", "underexposed", "upscaled", "video_missing",
))  # fmt: skip
"""Kinds that lie in the media, so that everybody sees them at the same place in it, whenever that reaches him."""


class Begun(NamedTuple):
    """What was said of an incident when it was first written."""

    id: str
    start: float
    """Unix seconds."""
    latency: float | None


class Chronicle:
    """Writes the board's incidents into the facts in `folder`, as the agent `name`; keeps them for `keep` seconds."""

    def __init__(self, board: Board, history: History, folder: Path, name: str, keep: float) -> None:
        """`history` knows how many seconds the agent is behind the capture of a stream."""
        self._board, self._history = board, history
        self._book = Daybook(folder / FOLDER, name, keep)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Key, Incident]] = deque(maxlen=MOST)
        self._begun: dict[tuple[Key, str, str, float], Begun] = {}
        """Incidents that are open: what was said of them first stays, whatever is learnt of clocks and latencies."""
        board.listen(self._told)

    def _told(self, key: Key | None, incident: Incident, revision: int) -> None:
        if key is not None:
            with self._lock:
                self._waiting.append((key, incident))

    async def run(self) -> None:
        """Write until cancelled, then what is left."""
        again = clock.now() + AGAIN
        try:
            while True:
                await asyncio.sleep(EVERY)
                if clock.now() >= again:
                    again = clock.now() + AGAIN
                    open_ = [(each.key, each.incident) for each in self._board.incidents() if each.incident.end is None]
                    with self._lock:
                        self._waiting.extend((key, incident) for key, incident in open_ if key is not None)
                await self._write()
        finally:
            self._take()
            self._book.write()

    async def _write(self) -> None:
        self._take()
        if self._book.waiting:
            await asyncio.to_thread(self._book.write)

    def _take(self) -> None:
        """Make lines of what was told, while what is known of its stream is known."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for key, incident in waiting:
            name = key, incident.kind, incident.key, incident.start
            begun = self._begun.get(name) or self._begin(key, incident)
            self._book.add([json.dumps(line(key, incident, begun))])
            self._begun.pop(name, None)
            if incident.end is None:
                self._begun[name] = begun
                if len(self._begun) > MOST:
                    del self._begun[next(iter(self._begun))]

    def _begin(self, key: Key, incident: Incident) -> Begun:
        start = clock.wall(incident.start)
        whose = self._book.name, key.stream, key.rendition, incident.kind, incident.key, round(start, 3)
        digest = hashlib.blake2b(json.dumps(whose).encode(), digest_size=8).hexdigest()
        content = incident.kind.removeprefix("tile_") in CONTENT
        return Begun(digest, start, self._history.now(key).get("latency") if content else None)


def line(key: Key, incident: Incident, begun: Begun) -> dict[str, Any]:
    """An incident of a stream as the facts hold it."""
    said = describe(incident)
    moved = begun.start - said["start"]
    said |= {"start": begun.start, "end": None if said["end"] is None else said["end"] + moved}
    made: dict[str, Any] = {
        "id": begun.id,
        "stream": key.stream,
        "scope": {"rendition": key.rendition} if key.rendition else {},
    }
    made |= {name: said[name] for name in ("kind", "severity", "start", "end", "seconds")}
    made |= {"key": incident.key, "seen": clock.wall(clock.now()), "detail": said["detail"]}
    if begun.latency is not None:
        made["content_start"] = said["start"] - begun.latency
        if said["end"] is not None:
            made["content_end"] = said["end"] - begun.latency
    return made
