"""Capture times in SEI messages: what encoders write of when a picture was taken; and our own, read and written.

Own: user_data_unregistered (payload type 5; H.264 §D.1.7) with our UUID, then version, microseconds since 1970, a
frame counter and a CRC-16. OBS Studio's BPM (shared/bpm/bpm-internal.h): when a frame was composed, handed to the
encoder, encoded, and handed to the muxer. MISB ST 0604: microseconds or nanoseconds. Agora media push: JSON with
`ts`. Time codes (SMPTE ST 12): see `timecode`. Nothing here raises on garbage: what cannot be read is not there.
"""

from __future__ import annotations

import binascii
import json
import re
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.bitstream import nal
from qoe_agent.bitstream.dates import Instant, plausible, rfc3339
from qoe_agent.bitstream.timecode import Timecodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNREGISTERED = 5
_JSON_TYPES = (UNREGISTERED, 100)
"""Payload types in which Agora's JSON has been seen."""
JSON_LIMIT = 1 << 16

OWN = bytes.fromhex("7d1f4b0a9c554e86b3a15f0e2c8d6a47")
VERSION = 1
BPM = bytes.fromhex("0aecffe752724e2fa62fd19cd61a93b5")
MISB = b"MISPmicrosectime"
MISB_HEVC = bytes.fromhex("a8687dd4d7593758a5cef0338b6545f1")
MISB_NANO = bytes.fromhex("cf848278ee23306c9265e8fef22fb8b8")

FORMS = ("own", "bpm", "misb", "agora", "timecode")
"""Whose notation, the most trusted first."""
STAGES = ("request", "encode", "interleave")
"""What lies between BPM's four events: composed → frame to the encoder → packet out of it → packet to the muxer."""


class Told(NamedTuple):
    """When a picture was captured, as its SEI says."""

    form: str
    """One of FORMS."""
    time: float
    """Unix seconds; of a time code, seconds since midnight."""
    resolution: float
    """The step of the notation, in seconds."""
    stages: Mapping[str, float] = {}  # nobody writes into it
    """Seconds in each of STAGES."""


class Reader:
    """Reads one video track; knows its parameter sets."""

    __slots__ = ("_codec", "_framing", "_timecodes")

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._codec, self._framing = codec, nal.length_size(extradata, codec)
        self._timecodes = Timecodes(codec, extradata)

    def read(self, data: bytes) -> list[Told]:
        """What a packet says of its picture; about a microsecond where it says nothing."""
        messages = nal.sei(self._codec, data, self._framing)
        if not messages:
            return []
        found = [one for kind, payload in messages if (one := told(kind, payload)) is not None]
        clock = self._timecodes.read(messages, data, self._framing)
        return found if clock is None else [*found, Told("timecode", clock.time, clock.resolution)]


def told(kind: int, payload: bytes) -> Told | None:
    """What one SEI message says."""
    if kind == UNREGISTERED and (parse := _BY_UUID.get(payload[:16])):
        return parse(payload[16:])
    if kind in _JSON_TYPES and b'"ts"' in payload[:JSON_LIMIT]:
        return _agora(payload[:JSON_LIMIT])
    return None


def write(time: float, counter: int) -> bytes:
    """Our own payload, its UUID included."""
    body = bytes((VERSION,)) + round(time * 1e6).to_bytes(8, "big") + (counter & 0xFFFFFFFF).to_bytes(4, "big")
    return OWN + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")


def _own(body: bytes) -> Told | None:
    if len(body) != 15 or body[0] != VERSION or binascii.crc_hqx(body[:13], 0xFFFF) != int.from_bytes(body[13:], "big"):
        return None
    return _told("own", int.from_bytes(body[1:9], "big") / 1e6, 1e-6)


def _told(form: str, time: float, resolution: float, stages: Mapping[str, float] | None = None) -> Told | None:
    return Told(form, time, resolution, stages or {}) if plausible(time) else None


def _bpm(body: bytes) -> Told | None:
    """Deltas (type 3) are passed over: nothing says from where they count, and OBS writes none."""
    events: dict[int, Instant] = {}
    at = 1
    for _ in range((body[0] & 15) + 1 if body else 0):
        kind, event = body[at : at + 1], body[at + 1 : at + 2]
        at += 2
        if kind == b"\1":
            end = body.find(b"\0", at)
            if end < 0:
                break
            instant = rfc3339(body[at:end].decode("ascii", "replace"))
            at = end + 1
        elif kind in (b"\2", b"\3") and at + 8 <= len(body):
            instant = Instant(int.from_bytes(body[at : at + 8], "big") / 1e3, 1e-3) if kind == b"\2" else None
            at += 8
        else:
            break
        if instant is not None:
            events[event[0]] = instant
    if 1 not in events:
        return None
    steps = (
        (name, events[n + 2].time - events[n + 1].time) for n, name in enumerate(STAGES) if {n + 1, n + 2} <= {*events}
    )
    return _told("bpm", *events[1], {name: seconds for name, seconds in steps if 0.0 <= seconds < 60.0})


def _misb(body: bytes, unit: float = 1e-6) -> Told | None:
    """Status, then eight bytes with 0xFF after every two (MISB ST 0604, as jmisb reads it)."""
    if len(body) < 12 or any(body[at] != 0xFF for at in (3, 6, 9)):
        return None
    return _told("misb", int.from_bytes(body[1:3] + body[4:6] + body[7:9] + body[10:12], "big") * unit, unit)


def _misb_nano(body: bytes) -> Told | None:
    return _misb(body, 1e-9)


def _agora(payload: bytes) -> Told | None:
    try:
        found = json.loads(payload[payload.index(b"{") : payload.rindex(b"}") + 1])
    except (ValueError, RecursionError):
        return None
    time = found.get("ts") if isinstance(found, dict) else None
    if isinstance(time, bool) or not isinstance(time, int | float) or not isfinite(time):
        return None
    return _told("agora", time / 1e3, 1e-3)


_BY_UUID: dict[bytes, Callable[[bytes], Told | None]] = {
    OWN: _own,
    BPM: _bpm,
    MISB: _misb,
    MISB_HEVC: _misb,
    MISB_NANO: _misb_nano,
}


def unit(codec: str, payload: bytes, framing: int) -> bytes:
    """A SEI NAL unit that holds `payload` as user_data_unregistered, framed as a packet's others are."""
    size = bytes([255] * (len(payload) // 255) + [len(payload) % 255])
    body = bytes((UNREGISTERED,)) + size + payload + b"\x80"
    head = bytes((nal.H264_SEI,)) if codec == "h264" else bytes((nal.HEVC_SEI << 1, 1))
    escaped = head + _EMULATED.sub(b"\0\0\3", body)
    return (len(escaped).to_bytes(framing, "big") if framing else b"\0\0\0\1") + escaped


_EMULATED = re.compile(rb"\0\0(?=[\0-\3])")
"""Emulation prevention (H.264 §7.4.1)."""


def inject(codec: str, data: bytes, framing: int, payload: bytes) -> bytes:
    """A packet with `payload` before its first slice."""
    for start in nal.heads(data, framing):
        kind = data[start]
        if 1 <= kind & 31 <= 5 if codec == "h264" else kind >> 1 & 63 < 32:
            at = start - (framing or 3)
            if not framing and data[at - 1 : at] == b"\0":
                at -= 1
            return data[:at] + unit(codec, payload, framing) + data[at:]
    return data
