"""The log becomes Parquet files, in a process of its own that is nice to others: `python -m … FOLDER SECONDS PID`,
where PID is the process that begins it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.model import Sample
from qoe_agent.tether import tether
from qoe_agent.viewers.facts import compaction, segments
from qoe_agent.viewers.facts.writer import DAY_MS, Taken
from qoe_agent.viewers.ingest import meter

if TYPE_CHECKING:
    from qoe_agent.config import Ingest
    from qoe_agent.sink import Sink

log = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks for closed segments."""
LONGEST = 3600.0
"""Seconds that one run may take."""
NICE = 10


class Compacting:
    """Runs it whenever there is anything to do. `keep`: seconds that events are kept."""

    def __init__(self, options: Ingest) -> None:
        assert options.folder is not None
        self._folder, self.keep = Path(options.folder), options.keep
        self._day = -1
        self._why = ""

    async def run(self, sink: Sink) -> None:
        """Until cancelled."""
        if importlib.util.find_spec("pyarrow") is None:
            log.error("viewers' events stay in the log, which nobody can analyse: install qoe-agent[viewers]")
            await asyncio.Event().wait()
        while True:
            try:
                await self._once(sink)
                self._why = ""
            except OSError as error:  # no files or memory now: later, perhaps
                why = error.strerror or str(error)
                if why != self._why:
                    log.error("viewers' events stay in the log for now: %s", why)
                self._why = why
            await asyncio.sleep(EVERY)

    async def _once(self, sink: Sink) -> None:
        day = int(clock.realtime() * 1000) // DAY_MS
        size, closed = await asyncio.to_thread(self._look)
        sink.put(None, Sample(meter.WAITING, size), clock.now())
        if (closed or day != self._day) and (done := await self._spawn()) is not None:
            self._day = day
            sink.put(None, Sample(meter.COMPACTED, done), clock.now())

    def _look(self) -> tuple[int, bool]:
        """Bytes of the log; whether any of its segments is closed."""
        size, closed = 0, False
        for segment in segments.listed(self._folder / "log"):
            with contextlib.suppress(OSError):  # it was renamed, or is gone by now
                size += segment.path.stat().st_size
            closed = closed or segment.closed
        return size, closed

    async def _spawn(self) -> int | None:
        """Events that were moved; None: it could not be done, and the log stays as it is."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", __name__, str(self._folder), str(self.keep), str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LONGEST):
                out, _ = await process.communicate()
        except TimeoutError:
            log.error("compaction takes more than %g s and is ended", LONGEST)
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not out:
            return None
        return int(json.loads(out)["events"])


def main() -> None:
    """Compact, once."""
    tether()
    if os.getppid() != int(sys.argv[3]):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    folder = Path(sys.argv[1])
    try:
        done = compaction.tend(folder, timedelta(seconds=float(sys.argv[2])))
    except (OSError, Taken) as error:
        why = f"{folder}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        log.error("viewers' events stay in the log: %s", why)
        raise SystemExit(1) from None
    with contextlib.suppress(BrokenPipeError):  # who began this is gone
        os.write(sys.stdout.fileno(), json.dumps(done._asdict()).encode())


if __name__ == "__main__":
    main()
