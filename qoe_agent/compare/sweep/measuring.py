"""A program run for its cost: wall and CPU time of it alone, with a watch on its progress, and no way to run away."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STUCK = 900.0
"""Seconds without a new frame after which an encoder hangs."""
LAST = 12
"""Lines of what a program said that are kept."""
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, CAP_SYS_NICE = 1, 24, 23
"""prctl(2), capabilities(7)"""
_FRAME = re.compile(rb"frame=\s*(\d+)")
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run took."""

    wall: float
    user: float
    system: float
    peak_bytes: int
    """Of memory, resident."""
    frames: int
    """As the program counted them."""

    @property
    def cpu(self) -> float:
        """Seconds of all its threads."""
        return self.user + self.system


class Failed(Unfit):
    """A program ended with an error; the message ends with its last lines."""


def run(command: Sequence[str], folder: str, heard: Callable[[int], None], stuck: float = STUCK) -> Usage:
    """Run an FFmpeg that was told `-progress pipe:1`, in `folder`; `heard` gets the frames done so far.

    CPU time is what wait4(2) says of this child. Raises Failed where it ends with an error or hangs; killed with its
    group if the caller is interrupted.
    """
    began = clock.now()
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=_tame if os.name == "posix" else None,
        )  # fmt: skip
    except OSError as error:
        raise Failed(f"{command[0]}: cannot be started: {error.strerror}") from None
    lines: deque[str] = deque(maxlen=LAST)
    with process, _ended(process):
        speaker = threading.Thread(target=_listen, args=(process, lines), daemon=True)
        speaker.start()
        with _watched(process, stuck) as watch:
            frames = _follow(process, heard, watch)
        _, status, used = os.wait4(process.pid, 0)
        wall = clock.now() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        speaker.join()
    if watch.over:
        raise Failed(f"no new frame in {stuck:g} s: given up")
    if process.returncode:
        raise Failed(_last(process.returncode, lines))
    return Usage(wall, used.ru_utime, used.ru_stime, used.ru_maxrss * 1024, frames)


def said(command: Sequence[str], patience: float) -> str:
    """What a program writes to its log, within so many seconds; empty where it cannot be started or does not end."""
    talking = {name: value for name, value in os.environ.items() if name != "SVT_LOG"}  # which silences SVT-AV1
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        found = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
            timeout=patience, env=talking, preexec_fn=_tame if os.name == "posix" else None,
        )  # fmt: skip
        return found.stderr.decode("utf-8", "replace")
    return ""


def _tame() -> None:
    """In the child: it ends with its parent, and cannot make itself a real-time process.

    SVT-AV1 asks for FIFO 99, which as root starves the machine; a limit of 0 does not hold root back, the loss of the
    capability does.
    """
    with contextlib.suppress(AttributeError, ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    with contextlib.suppress(AttributeError):
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _LIBC.prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0)


class _Watch:
    """Kills what makes no progress."""

    def __init__(self, process: subprocess.Popen[bytes], stuck: float) -> None:
        self._process, self._stuck = process, stuck
        self._ends = threading.Event()
        self._moved = clock.now()
        self.over = False

    def moved(self) -> None:
        """A frame came."""
        self._moved = clock.now()

    def look(self) -> None:
        """Until told to end."""
        while not self._ends.wait(min(5.0, self._stuck / 4)):
            if clock.now() - self._moved > self._stuck:
                self.over = True
                _kill(self._process)
                return

    def end(self) -> None:
        """No more looks."""
        self._ends.set()


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes], stuck: float) -> Iterator[_Watch]:
    watch = _Watch(process, stuck)
    thread = threading.Thread(target=watch.look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever interrupts us ends the child with its group, too."""
    try:
        yield
    except BaseException:
        _kill(process)
        raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _follow(process: subprocess.Popen[bytes], heard: Callable[[int], None], watch: _Watch) -> int:
    """How many frames it counted, once its standard output ends."""
    frames = 0
    assert process.stdout is not None
    for line in process.stdout:
        found = _FRAME.match(line)
        if found and int(found[1]) > frames:
            frames = int(found[1])
            watch.moved()
            heard(frames)
    return frames


def _listen(process: subprocess.Popen[bytes], lines: deque[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        text = line.decode("utf-8", "replace").strip()
        if text:
            lines.append(text[:500])


def _last(code: int, lines: deque[str]) -> str:
    ended = f"killed by signal {-code}" if code < 0 else f"ended with status {code}"
    return "\n".join((ended, *lines))
