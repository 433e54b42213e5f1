"""Instants as streams and servers write them, in Unix seconds: NTP, RFC 3339, date and time of day.

Nothing here raises on garbage: what is no instant is None.
"""

from __future__ import annotations

import calendar
import re
from typing import NamedTuple

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905 §6)."""
NTP_ERA = 1 << 32
EARLIEST, LATEST = 978_307_200.0, 4_102_444_800.0
"""2001 and 2100: no live stream was captured outside."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_DATE = re.compile(r"(\d\d)-(\d\d)-(\d{4})", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.:,](\d{1,6}))?", re.ASCII)


class Instant(NamedTuple):
    """A point in time, and the step of its notation."""

    time: float
    resolution: float


def plausible(time: float) -> bool:
    """Whether a live stream may have been captured then."""
    return EARLIEST <= time <= LATEST


def ntp(value: int) -> float:
    """A 64-bit NTP timestamp (32.32 fixed point); small seconds are of the era that begins in 2036."""
    seconds = value / NTP_ERA
    return seconds - NTP_EPOCH + (NTP_ERA if seconds < NTP_EPOCH else 0)


def absolute_capture(element: bytes) -> float | None:
    """The RTP header extension abs-capture-time: 8 bytes of NTP capture time, perhaps 8 of the sender's clock offset.

    webrtc.googlesource.com/src/+/refs/heads/main/docs/native-code/rtp-hdrext/abs-capture-time; an offset, known to
    servers in between, takes the capturer's clock to the sender's.
    """
    if len(element) not in (8, 16):
        return None
    shift = int.from_bytes(element[8:], "big", signed=True) / NTP_ERA
    time = ntp(int.from_bytes(element[:8], "big")) + shift
    return time if plausible(time) else None


def rfc3339(text: str) -> Instant | None:
    """`2024-05-31T12:26:03.591Z`; without a zone it is UTC."""
    found = _RFC3339.fullmatch(text.strip())
    if not found:
        return None
    second = _seconds(*(int(found[n]) for n in range(1, 7)))
    if second is None:
        return None
    digits, zone = found[7] or "", found[8] or "Z"
    if zone not in "Zz":
        east = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        second -= east if zone[0] == "+" else -east
    return Instant(second + _fraction(digits), 10.0 ** -len(digits))


def local(date: object, time: object) -> float | None:
    """FLV's onFI: `sd` 31-05-2024 and `st` 12:26:03.591, as if its zone were UTC."""
    if not isinstance(date, str) or not isinstance(time, str):
        return None
    day, clock = _DATE.fullmatch(date.strip()), _TIME.fullmatch(time.strip())
    if not day or not clock:
        return None
    second = _seconds(int(day[3]), int(day[2]), int(day[1]), int(clock[1]), int(clock[2]), int(clock[3]))
    return None if second is None else second + _fraction(clock[4] or "")


def _fraction(digits: str) -> float:
    return int(digits) / 10 ** len(digits) if digits else 0.0


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    if not (2000 < year < 2100 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))
