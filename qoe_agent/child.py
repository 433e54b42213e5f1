"""A worker process as its parent sees it: begun, listened to, judged by its signs of life, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent import clock, recorder
from qoe_agent.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.vitals import Vitals
    from qoe_agent.worker import Setup

BEGINS = 60.0
"""Seconds that a new process may take to give a first sign of life, on a slow disk of a busy machine."""
HANGS = 4.0
"""Seconds without a sign of life after which a process hangs: one that was stopped for three seconds may go on."""
STUCK = 20.0
"""Seconds after which one decode job must hang."""
FEW = 2
"""Arenas of memory at most: more of them only tear it up."""
ROOT = Path(__file__).resolve().parent.parent


class Child:
    """One worker process at a time, under a name that its successors keep."""

    def __init__(self, name: str, threads: int = 1) -> None:
        """`threads`: how many decode, besides the one that makes evidence."""
        self.name, self._threads = name, threads
        self._recorder: recorder.Recorder | None = None
        self.vitals: Vitals | None = None
        """The latest; None: it has not spoken yet."""
        self.silent = 0.0
        """Seconds without a message, by the parent's own waking time; below zero while it begins."""
        self.began = 0.0
        self.reason = ""
        """Why it was made to end, if it was."""
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def begin(self, setup: Setup) -> None:
        """Start the process. OSError: it cannot be."""
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as failed:
            failed.callback(ours.close)
            with theirs, recorder.blank(self._threads + 1) as notes:
                self._recorder = recorder.Recorder(notes.fileno())
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "qoe_agent.worker", str(theirs.fileno()), str(notes.fileno()),
                    stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(), notes.fileno()),
                    env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": str(FEW)},
                )  # fmt: skip
            self._link = await Link.over(ours)
            failed.pop_all()
        self.began, self.silent, self.vitals, self.reason = clock.now(), HANGS - BEGINS, None, ""
        self.send(*setup)

    def send(self, *message: Any) -> None:
        """Tell it something; lost if it is gone."""
        if self._link:
            self._link.send(*message)

    @property
    def alive(self) -> bool:
        """Whether there is a process to talk to."""
        return self._link is not None

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process else None

    def decoding(self, names: Iterable[str]) -> list[str]:
        """Which of these streams it is decoding, or was when it ended."""
        return self._recorder.named(names) if self._recorder else []

    async def listen(self, heard: Callable[[Child, str, tuple[Any, ...]], None]) -> None:
        """Hand on what it says until it ends; then there is no process left."""
        link = self._link
        assert link is not None
        while (message := await link.receive()) is not None:
            self.silent = 0.0
            what, *rest = message
            if what == "vitals":
                self.vitals = rest[0]
            if what != "alive":
                heard(self, what, tuple(rest))
        await self._bury()

    async def _bury(self) -> None:
        """Nothing more comes of it: see that the process is gone, and its memory and files with it."""
        self.close()
        if self._process:
            try:
                async with asyncio.timeout(1.0):  # it may be on its way out
                    await self._process.wait()
            except TimeoutError:
                self.kill(self.reason or "crashed")
                await self._process.wait()
        self.vitals = None

    def close(self) -> None:
        """Hear no more of it."""
        if self._link:
            self._link.close()
            self._link = None

    @property
    def status(self) -> int | None:
        """The exit status of the last process; below zero: minus the signal that ended it."""
        return self._process.returncode if self._process else None

    def judge(self, passed: float, memory: int) -> str:
        """What is wrong with it: hung, stuck, memory or nothing; `passed`: seconds awake since the last look."""
        if not self.alive:
            return ""
        self.silent += passed
        if self.silent > HANGS:
            return "hung"
        if self.vitals and self.vitals.stuck > STUCK:
            return "stuck"
        return "memory" if self.vitals and self.vitals.memory > memory else ""

    def kill(self, reason: str) -> None:
        """End it at once."""
        self.reason = reason
        if self._process and self._process.returncode is None:
            self._process.kill()

    def retire(self, reason: str) -> None:
        """Ask it to end, in good order."""
        self.reason = reason
        self.send("stop")
