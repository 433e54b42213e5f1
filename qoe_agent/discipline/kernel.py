"""What the kernel knows of its own clock, as the system's NTP client told it (adjtimex(2), read only)."""

from __future__ import annotations

import ctypes
import sys
from typing import NamedTuple

STA_UNSYNC, STA_NANO = 0x0040, 0x2000


class Kernel(NamedTuple):
    """A clock that is kept."""

    ahead: float
    """Seconds that it has still to lose."""
    error: float
    """Seconds by which it may be off at most."""


class _Timex(ctypes.Structure):
    """struct timex, as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_long * 32),
    )


def read() -> Kernel | None:
    """None where nobody keeps the clock, or the system does not say."""
    if sys.platform != "linux":
        return None
    timex = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
        return None
    return judge(timex.offset, timex.maxerror, timex.status)


def judge(offset: int, maxerror: int, status: int) -> Kernel | None:
    """The kernel's fields in seconds: `offset` is what the clock has to gain, in nanoseconds if the status says so."""
    if status & STA_UNSYNC:
        return None
    return Kernel(-offset / (1e9 if status & STA_NANO else 1e6), maxerror / 1e6)
