"""Keeps the cases of one process: a few at once, made and written in a thread, counted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.evidence.shelf import Shelf, TooLarge
from qoe_agent.model import Metric, Sample
from qoe_agent.recorder import NONE, SLOT, mark

if TYPE_CHECKING:
    from qoe_agent.config import Evidence
    from qoe_agent.evidence.case import Case
    from qoe_agent.sink import Sink

log = logging.getLogger(__name__)

CASES = Metric(
    "qoe_evidence_cases_total", "counter", "Incidents of which evidence was to be kept: kept, skipped (too many at "
    "once), too_large (for the budget) or failed (disk full, no right to write).", ("result",),
)  # fmt: skip
BYTES = Metric("qoe_evidence_bytes", "gauge", "Disk space that evidence takes.")
METRICS = (CASES, BYTES)

LAST = 1.0
"""Seconds that the last cases may take when the agent ends."""
SWEPT = 30.0
"""Seconds between two looks for what is too old."""
MOST = 4
"""Cases of one process that are gathered or written at once: each holds some seconds of packets in memory."""


def shelf(options: Evidence | None) -> Shelf | None:
    """Where evidence is kept; None where none is to be kept."""
    if options is None or options.folder is None:
        return None
    return Shelf(options.folder, options.bytes, options.keep)


def keeper(options: Evidence | None, sink: Sink, slot: memoryview | None = None) -> Keeper | None:
    """Who keeps evidence; None where none is to be kept. `slot`: see `Keeper`."""
    kept = shelf(options)
    return Keeper(kept, sink, slot) if kept else None


class Keeper:
    """Writes to `shelf`, counts on `sink`."""

    def __init__(self, shelf: Shelf, sink: Sink, slot: memoryview | None = None) -> None:
        """`slot`: where it notes of whose stream it decodes stills (`recorder`)."""
        self._shelf, self._sink = shelf, sink
        self._slot = memoryview(bytearray(SLOT)) if slot is None else slot
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def opens(self) -> bool:
        """Whether another case may be opened; if so, it will be handed over."""
        if self._open >= MOST:
            self._count("skipped")
            return False
        self._open += 1
        return True

    def keep(self, case: Case) -> None:
        """Make its files and write them, in a thread, one case after the other."""
        task = asyncio.get_running_loop().create_task(self._keep(case))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drained(self) -> None:
        """Wait until all is written, but not for long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST)

    async def _keep(self, case: Case) -> None:
        try:
            async with self._turn:
                await asyncio.to_thread(self._write, case)
            self._count("kept")
            log.info("%s: evidence kept: %s", case.key.shown, case.name)
        except TooLarge as error:
            self._count("too_large")
            log.warning("%s: no evidence kept: %s are more than agent.evidence.bytes", case.key.shown, error)
        except OSError as error:
            self._count("failed")
            log.warning("%s: no evidence kept: %s", case.key.shown, error.strerror or error)
        except Exception:  # task top: a case that cannot be made must not end the others
            self._count("failed")
            log.exception("%s: no evidence kept", case.key.shown)
        finally:
            self._open -= 1

    def _write(self, case: Case) -> None:
        self._slot[:] = mark(case.key.stream)
        try:
            files = case.files()
        finally:
            self._slot[:] = NONE
        self._shelf.put(case.name, files, clock.wall(clock.now()))

    def _count(self, result: str) -> None:
        self._sink.put(None, Sample(CASES, 1, (result,)), clock.now())


async def tend(shelf: Shelf, sink: Sink) -> None:
    """Throw out what is too old, and say how much there is, until cancelled."""
    while True:
        try:
            taken = await asyncio.to_thread(shelf.sweep, clock.wall(clock.now()))
            sink.put(None, Sample(BYTES, taken), clock.now())
        except OSError as error:
            log.warning("evidence: %s", error.strerror or error)
        await asyncio.sleep(SWEPT)
