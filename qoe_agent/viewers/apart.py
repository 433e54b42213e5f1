"""Analyses in a process of their own, under a memory limit: whatever they use up, the caller goes on.

The two ends are this program, one the parent of the other, and nobody else has the socket between them: that is why
pickle will do. The child is killed when the parent ends, and what it left in its folder for temporary files is removed:
by the parent, or, where that was killed, by the next one of the same user.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from qoe_agent import clock
from qoe_agent.tether import tether

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
STDERR = 2
SPARE = 4
"""Times the memory allowed: so much may be asked for and not be used (stacks of threads, arenas)."""
PREFIX = "qoe-analysis-"
YOUNG = 60.0
"""Seconds for which nobody takes a folder for left behind: who makes one holds it a moment later."""
ENDS = 5.0
"""Seconds that a process may take to end once it has said all."""


class Unusable(Exception):
    """What was asked for cannot be done; says why, in one line."""


class Step(NamedTuple):
    """How far it has come."""

    doing: str
    done: int
    total: int


def run(work: str, asked: Any, memory: int | None, heard: Callable[[Step | None], None], wait: float = 0.2) -> Any:
    """What `work` ("module:function", called with `asked` and a function that takes Steps) returns.

    `memory`: bytes it may hold (of its own, not of files), looked at every `wait` seconds; None: any. `heard` is called
    with each Step, and with None whenever `wait` seconds pass without. Raises Unusable.
    """
    with _orderly(), _folder() as folder:
        return _run((work, asked, memory), folder, heard, wait)


def _run(task: tuple[str, Any, int | None], folder: str, heard: Callable[[Step | None], None], wait: float) -> Any:
    memory = task[2]
    ours, theirs = socket.socketpair()
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import main; main({theirs.fileno()})"],
            pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=STDERR,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": folder},
        )  # fmt: skip
    try:
        with Connection(ours.detach()) as link:
            link.send(task)
            return _hear(link, heard, wait, lambda: _within(process.pid, memory))
    except (EOFError, OSError):
        raise Unusable(_ended(_over(process), memory)) from None
    finally:
        _over(process, ENDS if process.poll() is None and sys.exc_info()[0] is None else 0.0)


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Where the child's temporary files go, and with which they go; held while it is used. Raises Unusable."""
    with contextlib.ExitStack() as stack:
        try:
            _swept(Path(tempfile.gettempdir()))
            made = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
            held = os.open(made.name, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise Unusable(f"no folder for temporary files: {error}") from None
        stack.callback(os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)
        yield stack.enter_context(made)


def _swept(folder: Path) -> None:
    """Remove what others of this user, who were killed, left behind: nobody holds it, nor has just made it."""
    for each in folder.glob(f"{PREFIX}*"):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            held = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            stack.callback(os.close, held)
            there = os.fstat(held)
            if there.st_uid == os.geteuid() and clock.wall(clock.now()) - there.st_mtime > YOUNG:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each, ignore_errors=True)


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """SIGTERM and SIGHUP, where they would end this process at once, leave time to tidy up."""
    ours = threading.current_thread() is threading.main_thread()
    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if ours and signal.getsignal(each) == signal.SIG_DFL]

    def end(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    for each in numbers:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)


def _hear(link: Connection, heard: Callable[[Step | None], None], wait: float, check: Callable[[], None]) -> Any:
    while True:
        check()
        if not link.poll(wait):
            heard(None)
            continue
        what, told = link.recv()
        if what == "step":
            heard(told)
        elif what == "done":
            return told
        else:
            raise Unusable(told)


def _within(pid: int, memory: int | None) -> None:
    """Raises Unusable if the process holds more memory than it may."""
    if memory is None:
        return
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:  # it has ended, or this is no Linux
        return
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")), "0")
    if int(held) * 1024 > memory:
        raise Unusable(_much(memory))


def _much(memory: int) -> str:
    return f"the analysis needs more than {memory / 1e9:.3g} GB of memory: --memory raises it"


def _over(process: subprocess.Popen[bytes], wait: float = ENDS) -> int:
    """Its exit status; made to end if it does not by itself."""
    try:
        return process.wait(wait)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ended(status: int, memory: int | None) -> str:
    if status < 0:
        limit = f" (the limit is {memory / 1e9:.3g} GB; --memory raises it)" if memory else ""
        return f"the analysis was killed by signal {-status}: it may have run out of memory{limit}"
    return f"the analysis ended with status {status} and said no more"


def main(number: int) -> None:
    """The child: does the work that comes by this socket. An interrupt from the keyboard is the parent's to answer."""
    tether()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(number) as link:
        work, asked, memory = link.recv()
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (SPARE * memory, SPARE * memory))
        module, _, name = work.partition(":")
        try:
            told = getattr(importlib.import_module(module), name)(asked, lambda step: link.send(("step", step)))
        except Unusable as error:
            link.send(("unusable", str(error)))
        except MemoryError:
            link.send(("unusable", _much(memory) if memory else "the analysis ran out of memory"))
        else:
            link.send(("done", told))
