"""What other agents see, out of what they write beside viewers' events: for the one that takes these in where agents
share the streams, and watches none itself.

Of `incidents` (`chronicle`) and `measures` (`measures`) in the facts, what was appended in this hour. That a stream was
measured of late says that somebody watches it, and writes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.model import Incident
from qoe_agent.viewers import chronicle, measures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EVERY = 5.0
"""Seconds between two looks."""
WATCHED = 300.0
"""Seconds after the beginning of a minute that was measured in which its stream is taken to be watched."""
KEPT = 3600.0
"""Seconds for which incidents are remembered after they were last told of."""
TAIL = 1 << 20
"""Bytes at the end of a file that are read when it is first seen: who is open is told again each minute."""


class Neighbours:
    """Reads the facts in `folder`. All but the reading is called on the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folders = folder / chronicle.FOLDER, folder / measures.FOLDER
        self._read: dict[Path, int] = {}
        """So far, in bytes."""
        self._incidents: dict[str, dict[str, tuple[float, Incident]]] = {}
        """By stream and id, with when each was last told of (Unix seconds)."""
        self._measured: dict[str, float] = {}
        """The last minute of each stream."""

    def watch(self, stream: str) -> bool:
        """Whether one of them does."""
        return self._measured.get(stream, 0.0) >= clock.wall(clock.now()) - WATCHED

    def incidents(self, stream: str) -> list[Incident]:
        """Of the stream as a whole."""
        return [incident for _, incident in self._incidents.get(stream, {}).values()]

    async def run(self) -> None:
        """Follow them until cancelled."""
        while True:
            self.take(await asyncio.to_thread(self.lines))
            await asyncio.sleep(EVERY)

    def lines(self) -> list[dict[str, Any]]:
        """What is new since the last call, in order; files that cannot be read now are read later."""
        found: list[dict[str, Any]] = []
        for path in sorted(path for folder in self._folders for path in folder.glob("*.jsonl")):
            try:
                state = path.stat()
                if clock.realtime() - state.st_mtime < KEPT:
                    found += self._new(path, state.st_size)
            except OSError:
                continue
        return found

    def _new(self, path: Path, size: int) -> Iterator[dict[str, Any]]:
        start = self._read.get(path, max(0, size - TAIL))
        torn = path not in self._read and start > 0
        if size <= start:
            return
        with open(path, "rb") as file:
            file.seek(start)
            data = file.read(size - start)
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] = start + len(whole)
        for piece in whole.splitlines()[torn:]:
            with contextlib.suppress(ValueError):  # a disk that was full may have taken half of it
                if isinstance(line := json.loads(piece), dict):
                    yield line

    def take(self, lines: Iterable[dict[str, Any]]) -> None:
        """Remember what they say, and forget what is old."""
        for line in lines:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # of an agent of another version
                self._note(line)
        since = clock.wall(clock.now()) - KEPT
        self._incidents = {
            stream: kept for stream, known in self._incidents.items()
            if (kept := {name: one for name, one in known.items() if one[0] >= since})
        }  # fmt: skip

    def _note(self, line: dict[str, Any]) -> None:
        stream = str(line["stream"])
        if "kind" not in line:
            self._measured[stream] = max(self._measured.get(stream, 0.0), float(line["at"]))
        elif not line["scope"]:
            ahead = clock.wall(0.0)
            start, end = float(line["start"]) - ahead, None if line["end"] is None else float(line["end"]) - ahead
            incident = Incident(str(line["kind"]), start, end, line["severity"], str(line["key"]))
            self._incidents.setdefault(stream, {})[str(line["id"])] = float(line["seen"]), incident
