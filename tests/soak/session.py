"""Work in a session of its own, so that its priority is its own, and that someone is left to say how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

NICE = -15
"""What a run in real time takes where it may: what others do on the machine is no finding about the agent."""
CANNOT = 2


def apart(work: Callable[[], int], nice: int) -> int:
    """The work's exit status, negative if a signal ended it; SIGTERM and SIGINT are handed on, nothing is left running.

    Linux shares processors among sessions first (autogroups, sched(7)), and nice counts within each: a process that is
    nicer than ours in another session still takes as much as we do, unless our session has a priority, too.
    """
    child = os.fork()
    if not child:
        status = CANNOT
        try:
            os.setsid()
            _first(nice)
            status = work()
        except BaseException:  # the process' top
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: os.kill(child, received))
    _, status = os.waitpid(child, 0)
    _sweep(child)
    return os.waitstatus_to_exitcode(status)


def _first(nice: int) -> None:
    """Priority for this session and all processes in it; below 0 it takes a privilege."""
    try:
        os.nice(nice)
        if (group := Path("/proc/self/autogroup")).exists():
            group.write_text(str(nice))
    except OSError as error:
        print(f"no priority over other programs: {error}", file=sys.stderr)


def _sweep(session: int) -> None:
    for one in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(one.pid) == session:
                one.kill()
