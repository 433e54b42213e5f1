"""Does what the plan says to the publishers, the agent and its machine, and says what did not follow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp

from tests.soak.judge import Injected
from tests.soak.limit import Limit
from tests.soak.plan import NAMED, SHOWS

if TYPE_CHECKING:
    import psutil

    from tests.soak.plan import Fault
    from tests.soak.seen import Seen
    from tests.soak.world import World

CLOCKS = {"clock_forward": 3600.0, "clock_backward": -7200.0}
STORM = 30
"""Reloads in a storm."""
GUESTS = 4
BACK, REPLACED = 5.0, 10.0
"""Seconds in which the streams of a killed, and of a stopped, worker are to be measured again."""


class Injector:
    """Against one world."""

    def __init__(self, world: World, seen: Seen) -> None:
        self.world, self.seen = world, seen
        self.injected: list[Injected] = []
        self.broken: list[str] = []
        """Promises that did not hold."""
        self.times: dict[str, list[float]] = {}
        """Seconds until all was measured again, by kind."""
        self._hit: frozenset[str] = frozenset()
        self._doing: dict[Fault, tuple[float, frozenset[str]]] = {}
        """What goes wrong now, since when, and whom it hits."""

    def can(self, kind: str) -> str:
        """Why this machine does not let us do it; empty if it does."""
        return self.world.cannot.get("dns" if kind.startswith("dns") else kind, "")

    def of(self, show: int | None) -> frozenset[str]:
        """The streams of a show."""
        return frozenset(name for name, (_, one) in self.world.streams().items() if one == show)

    async def do(self, fault: Fault) -> None:
        """Let it happen, and wait until all should be well again."""
        start, self._hit = self.seen.now(), frozenset()
        self._doing[fault] = start, frozenset(self.seen.watched) if fault.show is None else self.of(fault.show)
        try:
            await self._done(fault, start)
        except Exception as error:  # what this one lacks is said, the others still happen
            self.broken.append(f"{fault.kind} at {start:.0f} s could not be injected: {type(error).__name__}: {error}")
        del self._doing[fault]

    @property
    def doing(self) -> list[Injected]:
        """What is not over: of that it is not known yet what should have been found."""
        now = self.seen.now()
        return [Injected(one.kind, start, now, now, hit, True) for one, (start, hit) in self._doing.items()]

    async def _done(self, fault: Fault, start: float) -> None:
        if fault.kind in SHOWS:
            await self._show(fault)
            streams = self._doing[fault][1]
        else:
            await getattr(self, f"_{fault.kind}")(fault.seconds)
            streams = self._hit
        end = self.seen.now()
        settled = end + fault.until - fault.start - fault.seconds
        while self.seen.now() < settled:
            await asyncio.sleep(0.25)
        clock = fault.kind in CLOCKS or fault.kind == "together"
        self.injected.append(Injected(fault.kind, start, end, settled, streams, clock))
        others = frozenset[str]().union(*(hit for one, (_, hit) in self._doing.items() if one != fault))
        if bad := self.seen.quiet(frozenset(self.seen.watched) - others, settled - 8.0):
            self.broken.append(f"{fault.kind} at {start:.0f} s: not measured again: {', '.join(sorted(bad)[:6])}")

    async def _show(self, fault: Fault) -> None:
        assert fault.show is not None
        order, show = self.world.order, fault.show
        if fault.kind == "vanish":
            order(show, "end")
            await asyncio.sleep(fault.seconds)
            order(show, "begin")
        elif fault.kind == "flap":
            begun = monotonic()
            while monotonic() - begun < fault.seconds:
                order(show, "end")
                await asyncio.sleep(4.0)
                order(show, "begin")
                await asyncio.sleep(3.0)
        else:
            order(show, fault.kind, fault.seconds)
            await asyncio.sleep(fault.seconds)

    # Workers.

    def _workers(self) -> list[psutil.Process]:
        return self.seen.agent.children()

    def _victim(self) -> psutil.Process:
        workers = self._workers()
        return workers[len(self.injected) % len(workers)]

    async def _lost(self, seconds: float) -> frozenset[str]:
        """The streams that are not told of within so many seconds."""
        before, gone, begun = set(self.seen.watched), set[str](), monotonic()
        while monotonic() - begun < seconds:
            gone |= {name for name in before if name not in self.seen.up}
            await asyncio.sleep(0.1)
        return frozenset(gone)

    async def _dies(self, what: signal.Signals, within: float, gone_by: float) -> None:
        one, at = self._victim(), self.seen.now()
        os.kill(one.pid, what)
        self._hit = gone = await self._lost(gone_by)
        if not gone:
            self.broken.append(f"{what.name} at {at:.0f} s: no stream was without its worker")
            return
        slow: list[str] = []
        while (quiet := self.seen.quiet(gone, at + gone_by / 2)) and self.seen.now() - at < 30.0:
            slow = quiet
            await asyncio.sleep(0.1)
        took = self.seen.now() - at
        self.times.setdefault(what.name, []).append(round(took, 1))
        if took > within + 1.0 and not self.seen.machine.contended(at, at + took):  # looks are a second apart
            last = f"the last of {len(gone)}: {', '.join(sorted(slow)[:5])}"
            self.broken.append(f"{what.name} at {at:.0f} s: its streams were measured again after {took:.1f} s, {last}")

    async def _kill(self, seconds: float) -> None:
        await self._dies(signal.SIGKILL, BACK, 2.5)

    async def _stop(self, seconds: float) -> None:
        await self._dies(signal.SIGSTOP, REPLACED, 8.0)

    async def _pause(self, seconds: float) -> None:
        one = self._victim()
        one.suspend()
        await asyncio.sleep(seconds)
        one.resume()
        if await self._lost(3.0):
            self.broken.append("a worker that paused for three seconds was replaced")
        self._hit = frozenset(self.seen.watched)

    # Files and disk.

    async def _files_workers(self, seconds: float) -> None:
        self._hit = self.of(NAMED)
        workers = self._workers()
        with contextlib.ExitStack() as undo:
            for one in workers:
                undo.enter_context(Limit(one.pid, one.num_fds()))
            self.world.order(NAMED, "end")
            await asyncio.sleep(seconds / 4)
            self.world.order(NAMED, "begin")
            await asyncio.sleep(seconds * 3 / 4)
        if {one.pid for one in workers} != {one.pid for one in self._workers()}:
            self.broken.append("a worker died for lack of files")

    async def _files_agent(self, seconds: float) -> None:
        with Limit(self.seen.agent.pid, self.seen.agent.num_fds()):
            os.kill(self._victim().pid, signal.SIGKILL)
            self._hit = await self._lost(3.0)
            await asyncio.sleep(seconds - 3.0)
        if not self.seen.agent.is_running():
            self.broken.append("the agent died for lack of files")

    async def _disk_full(self, seconds: float) -> None:
        filler = self.world.disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        self._hit = self.of(NAMED)
        failed = self.seen.total("qoe_evidence_cases_total", result="failed")
        try:
            self.world.order(NAMED, "silence", seconds)
            await self._reload()
            await self._record()
            await asyncio.sleep(seconds)
        finally:
            filler.unlink()
        if self.seen.total("qoe_evidence_cases_total", result="failed") <= failed:
            self.broken.append("no evidence was said to fail while the disk was full")
        lines, saved = len(self.seen.told()), self.world.disk / "alerts.json"
        await self._reload()
        await asyncio.sleep(1.0)
        if len(self.seen.told()) <= lines:
            self.broken.append("nothing is logged any more after the disk was full")
        try:
            json.loads(saved.read_text())
        except ValueError:
            self.broken.append("the state of alerts is broken after the disk was full")

    async def _record(self) -> None:
        """A recording on the full disk must end with a clear word."""
        assert self.world.nginx
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qoe_agent", "watch", self.world.nginx.rtmp("s0", "hls"), "--for", "4s",
            "--record", str(self.world.disk / "made.jsonl.gz"), "--json", cwd=self.world.home,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(os.getcwd())},
        )  # fmt: skip
        _, told = await asyncio.wait_for(made.communicate(), 60.0)
        if b"Traceback" in told or not made.returncode or b"space" not in told.lower():
            self.broken.append(f"watch --record on a full disk: status {made.returncode}, {told.decode()[-300:]!r}")

    # Clock, names, reloads.

    async def _clock(self, off: float, seconds: float) -> None:
        before = self.seen.total("qoe_agent_clock_steps_total")
        for step in (off, 0.0):
            self.world.step(step)
            await asyncio.sleep(seconds / 2)
        if (steps := self.seen.total("qoe_agent_clock_steps_total") - before) != 2:
            self.broken.append(f"the clock was stepped twice, {steps:g} were counted")

    async def _clock_forward(self, seconds: float) -> None:
        await self._clock(CLOCKS["clock_forward"], seconds)

    async def _clock_backward(self, seconds: float) -> None:
        await self._clock(CLOCKS["clock_backward"], seconds)

    async def _dns(self, mood: str, seconds: float) -> None:
        assert self.world.names
        self._hit = self.of(NAMED)
        self.world.names.mood = mood  # type: ignore[assignment]
        self.world.order(NAMED, "end")
        await asyncio.sleep(6.0)
        self.world.order(NAMED, "begin")
        at = self.seen.now()
        plain = frozenset(name for name in self._hit if not name.startswith("named"))
        await asyncio.sleep(seconds - 6.0)
        self.world.names.mood = "well"
        if late := self.seen.quiet(plain, at + 12.0):
            self.broken.append(f"dns {mood}: streams without a name to look up waited for it: {sorted(late)[:5]}")

    async def _dns_mute(self, seconds: float) -> None:
        await self._dns("mute", seconds)

    async def _dns_gone(self, seconds: float) -> None:
        await self._dns("gone", seconds)

    async def _reload(self) -> int:
        timeout = aiohttp.ClientTimeout(total=15.0)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as http, http.post(f"{self.world.url}/-/reload") as said:
                return said.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    async def _reloads(self, seconds: float) -> None:
        came = False
        for n in range(STORM):
            broken = n % 10 == 9
            self.world.write(GUESTS if n % 4 < 2 else 0, broken=broken)
            if n % 2 or broken:
                status = await self._reload()
                if status != (500 if broken else 200):
                    self.broken.append(f"a reload of a {'broken' if broken else 'good'} file answered {status}")
            else:
                self.seen.agent.send_signal(signal.SIGHUP)
            await asyncio.sleep(seconds / STORM)
            came = came or any(name.startswith("guest") for name in self.seen.up)
        self.world.write(GUESTS)
        await self._reload()
        until = self.seen.now() + REPLACED
        while not came and self.seen.now() < until:
            await asyncio.sleep(0.2)
            came = any(name.startswith("guest") for name in self.seen.up)
        self.world.write()
        await self._reload()
        await asyncio.sleep(6.0)
        if any(name.startswith("guest") for name in self.seen.up):
            self.broken.append("streams that were taken out of the configuration are still up")
        if not came:
            self.broken.append("streams that came with a reload were never up")

    async def _together(self, seconds: float) -> None:
        self._hit = frozenset(self.seen.watched)
        os.kill(self._victim().pid, signal.SIGKILL)
        self.world.order(NAMED, "end")
        self.world.step(600.0)
        await self._reloads(min(10.0, seconds))
        self.world.order(NAMED, "begin")
        self.world.step(0.0)
        await asyncio.sleep(max(0.0, seconds - 10.0))
