"""`python -m tests.soak [--minutes 60] [--streams 60] [--seed N]`: see the package.

nginx with RTMP, publishers that this program breaks, the agent with two workers. For what it does to disks and names
it needs root on Linux; what cannot be injected is said. Exit status 0: all promises held, 1: not all, 2: it cannot run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import psutil

from tests.e2e import servers
from tests.soak import report
from tests.soak.inject import Injector
from tests.soak.judge import Late
from tests.soak.plan import AGENTS, SHOWS, plan
from tests.soak.seen import Seen
from tests.soak.world import World

if TYPE_CHECKING:
    import subprocess

READY = 60.0
"""Seconds in which all streams must play at first."""
CALM = 10.0
"""Seconds before the first fault."""
WARM = 0.2
"""Share of the time that is warm-up."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=60, help="streams that play (a few more never do)")
    parser.add_argument("--shows", type=int, default=5, help="publishers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nice", type=int, default=0, help="of all of it; below 0 where others use the machine, too")
    parser.add_argument("--only", help="kinds of faults, with commas")
    parser.add_argument("--out", type=Path, help="where the JSON document goes, with the agent's log beside it")
    return parser.parse_args()


async def guarded(said: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The soak; SIGTERM ends it and all that it began."""
    work = asyncio.create_task(soak(said, home))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    return await work


async def soak(said: argparse.Namespace, home: Path) -> dict[str, Any]:
    """All of it; returns the document."""
    world = World(home, said.streams, said.shows)
    async with world.up():
        process = world.start()
        seen = Seen(process.pid, world.port, world.log)
        looking = asyncio.create_task(seen.run())
        threading.Thread(target=seen.beat, daemon=True).start()
        try:
            injector = Injector(world, seen)
            skipped = await injected(said, world, seen, injector)
        finally:
            seen.over.set()
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            ended = await end(process, seen)
            if said.out:
                shutil.copy(world.log, said.out.with_suffix(".log"))
        seen.finish()
        began = monotonic() - seen.now()
        late = [Late(one["at"] - began, injector.of(one["show"])) for one in world.said if "late" in one]
        late += [Late(at, frozenset(seen.watched)) for at, _ in seen.starved]
        document = report.made(injector, seen, late, skipped, ended, WARM * seen.now())
        return {**document, "publishers": world.said[-200:]}


async def injected(said: argparse.Namespace, world: World, seen: Seen, injector: Injector) -> dict[str, str]:
    """Everything on the plan, one after the other; returns what was not injected, and why."""
    playing = frozenset(name for name, (_, show) in world.streams().items() if show is not None)
    try:
        await servers.until(lambda: not seen.quiet(playing, 0.0), "all streams play", READY)
    except (AssertionError, TimeoutError):
        raise SystemExit(f"these never played: {seen.quiet(playing, 0.0)}\n{seen.told()[-2000:]}") from None
    seen.watched |= playing
    await asyncio.sleep(CALM)
    kinds = frozenset(said.only.split(",")) if said.only else None
    faults = plan(said.seed, 60.0 * said.minutes - seen.now(), said.shows, kinds)
    skipped = {kind: why for kind in (*SHOWS, *AGENTS) if (why := injector.can(kind))}
    skipped |= {
        kind: "no time left" for kind in (*SHOWS, *AGENTS) if kind not in {one.kind for one in faults} | skipped.keys()
    }
    todo = [fault for fault in faults if fault.kind not in skipped]
    while todo:
        slot = [fault for fault in todo if fault.start == todo[0].start]
        todo = todo[len(slot) :]
        print(f"{seen.now():6.0f} s  " + ", ".join(_named(fault.kind, fault.show) for fault in slot), file=sys.stderr)
        before = len(injector.broken)
        await asyncio.gather(*(injector.do(fault) for fault in slot))
        for line in injector.broken[before:]:
            print(f"          {line}", file=sys.stderr)
    while seen.now() < 60.0 * said.minutes and not said.only:
        await asyncio.sleep(1.0)
    return skipped


def _named(kind: str, show: int | None) -> str:
    return kind if show is None else f"{kind} of show {show}"


async def end(process: subprocess.Popen[bytes], seen: Seen) -> dict[str, Any]:
    """Ask the agent to end; how long that took, and what it left."""
    workers = {**seen.workers, **{one.pid: one for one in seen.agent.children()}} if seen.agent.is_running() else {}
    began = monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.to_thread(process.wait, 20.0)
        took: float | None = round(monotonic() - began, 2)
    except Exception:  # it hangs: that is the finding
        process.kill()
        process.wait()
        took = None
    _, left = psutil.wait_procs(list(workers.values()), timeout=1.0)
    for one in left:
        one.kill()
    return {"seconds": took, "status": process.returncode, "orphans": [one.pid for one in left]}


def main() -> int:
    said = arguments()
    if lacking := [one for one in servers.missing() if one != "chromium"]:
        print(f"this machine lacks {', '.join(lacking)}", file=sys.stderr)
        return 2
    os.nice(said.nice)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        document = asyncio.run(guarded(said, Path(folder)))
    if said.out:
        said.out.write_text(json.dumps(document, indent=1) + "\n")
    print(report.text(document))
    return 1 if document["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
