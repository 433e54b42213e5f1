"""The log as coroutines see it: `append` returns when the records are on disk, and many callers share one sync."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from qoe_agent.viewers.facts.segments import framed
from qoe_agent.viewers.facts.writer import Refused, Unwritable, Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

SIZE = 64 << 20
"""Bytes after which a segment is closed."""
AGE = 300.0
"""Seconds after which a segment is closed."""
WAITING = 32 << 20
"""Bytes that may wait for the disk."""
RESERVE = 64 << 20
"""Bytes of the disk that are left to compaction, so that a log that filled it can shrink again."""


class Busy(Refused):
    """The disk is too slow for what comes: too much waits already."""


class _Group:
    """Records that go to disk together."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.size = 0
        self.done: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()


class Log:
    """Appends to the log in `folder`; one process at a time."""

    def __init__(
        self, folder: Path, size: int = SIZE, age: float = AGE, waiting: int = WAITING, reserve: int = RESERVE
    ) -> None:
        """Taken: another process appends to it. OSError: it cannot be used."""
        self._writer = Writer(folder, size, age, reserve)
        self._most, self._held = waiting, 0
        self._thread = ThreadPoolExecutor(1, "facts")
        self._group: _Group | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, records: Sequence[bytes]) -> None:
        """Store these, all or (at Refused) none; whoever sends them again after Refused makes no second one."""
        if self._closed:
            raise Refused("the log is closed")
        frames = [framed(record) for record in records]
        size = sum(map(len, frames))
        if self._held + size > self._most:
            raise Busy(f"{self._held} bytes wait for the disk")
        group = self._group = self._group or _Group()
        group.frames += frames
        group.size += size
        self._held += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write())
        refused = await asyncio.shield(group.done)
        if refused is not None:
            raise type(refused)(*refused.args)

    async def turn(self) -> None:
        """Close the segment that is being written if its time has come, so that it can be compacted."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.turn)

    async def rotate(self) -> None:
        """Close the segment that is being written now."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.rotate)

    async def close(self) -> None:
        """Write what waits, and let others append."""
        self._closed = True
        if self._task is not None:
            await self._task
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
        finally:
            self._thread.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._group:
            group, self._group = self._group, None
            refused = None
            try:
                await loop.run_in_executor(self._thread, self._writer.commit, group.frames)
            except Refused as error:
                refused = error
            except Exception as error:  # task top: whoever waits must hear of it
                log.exception("records could not be written")
                refused = Unwritable(type(error).__name__)
            self._held -= group.size
            group.done.set_result(refused)
        self._task = None
