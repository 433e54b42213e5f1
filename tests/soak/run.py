"""A soak from its beginning to its end, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import traceback
from functools import partial
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
    import argparse
    import subprocess
    from pathlib import Path

    from tests.soak.kept import Kept

READY = 120.0
"""Seconds in which all streams must play at first."""
CALM = 10.0
"""Seconds before the first fault."""
WARM = 0.2
"""Share of the time that is warm-up."""
EVERY = 60.0
"""Seconds between two reports of how it stands."""


async def soak(said: argparse.Namespace, home: Path, kept: Kept) -> dict[str, Any]:
    """All of it; returns the document. SIGTERM and SIGINT end it early, with all that it began."""
    work, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert work
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    world = World(home, said.streams, said.shows)
    async with world.up():
        run = Run(said, world, kept)
        kept.start()
        assert world.nginx
        for watch in (run.seen.machine.beat, partial(run.seen.machine.ask, world.nginx.http_port)):
            threading.Thread(target=watch, daemon=True).start()
        cut = None
        try:
            await run.play()
        except asyncio.CancelledError:
            cut = "it was told to end"
            work.uncancel()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)
        except Exception:  # the soak's top
            cut = traceback.format_exc()
        run.seen.machine.over.set()
        ended = await end(run.process, run.seen)
        run.seen.finish()
        document = run.document(ended, cut)
        kept.report(document, world.log)
        return document


class Run:
    """One agent in one world."""

    def __init__(self, said: argparse.Namespace, world: World, kept: Kept) -> None:
        self._said, self._world, self._kept = said, world, kept
        self.process = world.start()
        self.seen = Seen(self.process.pid, world.port, world.log, kept.note)
        self._injector = Injector(world, self.seen)
        self._skipped: dict[str, str] = {}
        self._heard = 0

    async def play(self) -> None:
        """Everything on the plan; raises when what it needs breaks down."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(each()) for each in (self.seen.run, self._alive, self._tell)]
            await self._inject()
            for one in beside:
                one.cancel()

    def document(self, ended: dict[str, Any] | None = None, cut: str | None = None) -> dict[str, Any]:
        """What was found so far. `ended`: how the agent ended."""
        seen, world, injector = self.seen, self._world, self._injector
        began = monotonic() - seen.now()
        late = [Late(one["at"] - began, injector.of(one["show"])) for one in world.said if "at" in one]
        machine = seen.machine
        late += [Late(at, frozenset(seen.watched)) for at, _ in (*machine.starved, *machine.sluggish)]
        document = report.made(injector, seen, late, self._skipped, ended, WARM * 60.0 * self._said.minutes)
        return {"cut": cut, **document, "publishers": world.said[-200:]}

    async def _alive(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self.process.poll() is not None:
                raise RuntimeError(f"the agent ended by itself, status {self.process.returncode}")
            self._world.check()

    async def _tell(self) -> None:
        """What publishers say, as they say it, and how it stands."""
        due = EVERY
        while True:
            await asyncio.sleep(1.0)
            for one in self._world.said[self._heard :]:
                self._kept.note("publisher", self.seen.now(), **{name: it for name, it in one.items() if name != "at"})
            self._heard = len(self._world.said)
            if self.seen.now() >= due:
                due += EVERY
                await asyncio.to_thread(self._kept.report, self.document(), self._world.log)

    async def _inject(self) -> None:
        """One slot of the plan after the other."""
        said, seen, injector = self._said, self.seen, self._injector
        playing = frozenset(name for name, (_, show) in self._world.streams().items() if show is not None)
        try:
            await servers.until(lambda: not seen.quiet(playing, 0.0), "all streams play", READY)
        except (AssertionError, TimeoutError):
            raise RuntimeError(f"these never played: {seen.quiet(playing, 0.0)}\n{seen.told()[-2000:]}") from None
        seen.watched |= playing
        await asyncio.sleep(CALM)
        kinds = frozenset(said.only.split(",")) if said.only else None
        faults = plan(said.seed, 60.0 * said.minutes - seen.now(), said.shows, kinds)
        wanted = [kind for kind in (*SHOWS, *AGENTS) if kinds is None or kind in kinds]
        self._skipped = {kind: why for kind in wanted if (why := injector.can(kind))}
        planned = {one.kind for one in faults} | self._skipped.keys()
        self._skipped |= {kind: "no time left" for kind in wanted if kind not in planned}
        todo = [fault for fault in faults if fault.kind not in self._skipped]
        while todo:
            slot = [fault for fault in todo if fault.start == todo[0].start]
            todo = todo[len(slot) :]
            print(f"{seen.now():6.0f} s  {', '.join(_named(one.kind, one.show) for one in slot)}", file=sys.stderr)
            for one in slot:
                self._kept.note("fault", seen.now(), kind=one.kind, show=one.show, seconds=round(one.seconds, 1))
            before = len(injector.broken)
            await asyncio.gather(*(injector.do(fault) for fault in slot))
            for line in injector.broken[before:]:
                print(f"          {line}", file=sys.stderr)
        while seen.now() < 60.0 * said.minutes and not said.only:
            await asyncio.sleep(1.0)


def _named(kind: str, show: int | None) -> str:
    return kind if show is None else f"{kind} of show {show}"


async def end(process: subprocess.Popen[bytes], seen: Seen) -> dict[str, Any]:
    """Ask the agent to end; how long that took, and what it left."""
    family = dict(seen.workers)
    with contextlib.suppress(psutil.NoSuchProcess):
        family |= {one.pid: one for one in seen.agent.children()}
    began = monotonic()
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, 20.0)
        took: float | None = round(monotonic() - began, 2)
    except Exception:  # it hangs: that is the finding
        process.kill()
        process.wait()
        took = None
    over = monotonic() + 1.0
    while (left := [one for one in family.values() if _runs(one)]) and monotonic() < over:
        await asyncio.sleep(0.05)
    for one in left:
        one.kill()
    return {"seconds": took, "status": process.returncode, "orphans": [one.pid for one in left]}


def _runs(one: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    return False
