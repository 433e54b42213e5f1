"""What threads that decode note before each job, where a crash does not take it along: whose stream the job is for.

A worker process and its parent share a page of memory, a slot a thread. To note something is to copy some bytes,
without a system call; the parent reads them when the worker is gone.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOT = 256
"""Bytes a slot."""
NONE = bytes(SLOT)
"""Nothing is under way."""


def mark(name: str) -> bytes:
    """A stream's name as it is noted: cut off, or filled up, to a slot's size."""
    return name.encode()[:SLOT].ljust(SLOT, b"\0")


class Recorder:
    """Memory of as many slots, of a file; either process makes one of the same file."""

    def __init__(self, fd: int) -> None:
        """`fd`: what `blank` gave; it may be closed afterwards."""
        self._memory = mmap.mmap(fd, 0)
        whole = memoryview(self._memory)
        self.slots = [whole[at : at + SLOT] for at in range(0, len(whole), SLOT)]

    def named(self, names: Iterable[str]) -> list[str]:
        """Which of these are noted."""
        noted = {bytes(slot) for slot in self.slots} - {NONE}
        return [name for name in names if mark(name) in noted] if noted else []


def blank(slots: int) -> BinaryIO:
    """A new file in memory, without a name, for so many slots. OSError: there can be none."""
    file = os.fdopen(os.memfd_create("qoe-agent-recorder"), "r+b")
    file.truncate(slots * SLOT)
    return file
