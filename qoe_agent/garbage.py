"""Memory that is of no more use: cycles among objects are searched for seldom, and what was freed is given back."""

from __future__ import annotations

import ctypes
import functools
import gc
from typing import Any

NEW = 20_000
"""New objects between two searches for cycles, which Python cannot free as it goes: with its 700, they take a twentieth
of a worker's time, and more of taking in viewers' events."""


def seldom() -> None:
    """From now on; what there is by now stays, and is not searched any more."""
    gc.freeze()
    gc.set_threshold(NEW, 10, 10)


def give_back() -> None:
    """To the system, what was freed: glibc keeps it."""
    if trim := _trim():
        trim(0)


@functools.cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
