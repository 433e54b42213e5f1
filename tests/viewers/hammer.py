"""A process that appends to a folder of facts and says what was acknowledged; tests kill it at any moment."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from qoe_agent.viewers.facts import compaction, erasing
from qoe_agent.viewers.facts.log import Log
from tests.viewers.made import RING, heartbeat, record

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

WRITERS, BATCH = 8, 3


def append(folder: Path, said: Connection, run: int, size: int = 60_000) -> None:
    """Several writers at once; each says which events were acknowledged, a batch in one write."""
    asyncio.run(_append(folder, said, run, size))


async def _append(folder: Path, said: Connection, run: int, size: int) -> None:
    log = Log(folder, size=size)

    async def writer(which: int) -> None:
        session, sn = f"{run}-{which}", 0
        while True:
            batch = [heartbeat(session, sn + each, user=session) for each in range(BATCH)]
            await log.append([record(*batch)])
            os.write(said.fileno(), "".join(f"{session} {event.sn}\n" for event in batch).encode())
            sn += BATCH

    async with asyncio.TaskGroup() as group:
        for which in range(WRITERS):
            group.create_task(writer(which))


def compact(folder: Path, said: Connection) -> None:
    """Compacts and merges as fast as it goes."""
    while True:
        with compaction.owning(folder):
            compaction.compact(folder)
            compaction.merge(folder, most=100_000)
        os.write(said.fileno(), b"again\n")


def forget(folder: Path, said: Connection, user: str) -> None:
    """Deletes a user."""
    os.write(said.fileno(), b"begun\n")
    with compaction.owning(folder):
        erasing.forget(folder, RING, user)
