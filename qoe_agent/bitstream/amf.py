"""AMF0, the notation of RTMP commands and FLV script tags (Adobe, "Action Message Format -- AMF 0").

Values become plain Python: float, bool, str, None, dict, list. A date is its number. Reading stops
without complaint at what cannot be read (damage, references, AMF3): callers look at the shape they get.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Value: TypeAlias = Any

DEPTH = 16
"""Deepest nesting that is read."""
COUNT = 4096
"""Most values that are read out of one message."""

_double = struct.Struct(">d")


class _End(Exception):
    """The bytes do not hold (or we do not read) the value that should follow."""


def decode(data: bytes) -> list[Value]:
    """The values at the head of `data`, as many as are whole."""
    reader = _Reader(data)
    out: list[Value] = []
    try:
        while reader.position < len(data):
            out.append(reader.value(0))
    except _End:
        pass
    return out


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = COUNT
        self.position = 0

    def _take(self, size: int) -> bytes:
        start = self.position
        if start + size > len(self._data):
            raise _End
        self.position = start + size
        return self._data[start : start + size]

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _text(self, width: int) -> str:
        return self._take(self._number(width)).decode("utf-8", "replace")

    def value(self, depth: int) -> Value:
        """Read one value, whatever it is."""
        self._left -= 1
        if depth > DEPTH or self._left < 0:
            raise _End
        match self._number(1):
            case 0x00:
                return float(_double.unpack(self._take(8))[0])
            case 0x01:
                return self._number(1) != 0
            case 0x02:
                return self._text(2)
            case 0x03:
                return self._pairs(depth)
            case 0x05 | 0x06 | 0x0D:  # null, undefined, unsupported
                return None
            case 0x08:  # the count of an ECMA array is a hint: real ones are off
                self._take(4)
                return self._pairs(depth)
            case 0x0A:
                return [self.value(depth + 1) for _ in range(self._number(4))]
            case 0x0B:
                milliseconds = float(_double.unpack(self._take(8))[0])
                self._take(2)  # a time zone that must not be used
                return milliseconds
            case 0x0C | 0x0F:
                return self._text(4)
            case 0x10:
                self._text(2)
                return self._pairs(depth)
        raise _End

    def _pairs(self, depth: int) -> dict[str, Value]:
        out: dict[str, Value] = {}
        while self.position < len(self._data):  # an array without its end marker is whole, too
            name = self._text(2)
            if not name and self._data[self.position : self.position + 1] == b"\x09":
                self.position += 1
                break
            out[name] = self.value(depth + 1)
        return out


def encode(values: Iterable[Value]) -> bytes:
    """`values` one after the other: None, bool, numbers, str, dict, list."""
    return b"".join(_encode(value) for value in values)


def _encode(value: Value) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return b"\x01\x01" if value else b"\x01\x00"
        case int() | float():
            return b"\x00" + _double.pack(value)
        case str():
            text = value.encode("utf-8", "replace")
            if len(text) > 0xFFFF:
                return b"\x0c" + len(text).to_bytes(4, "big") + text
            return b"\x02" + len(text).to_bytes(2, "big") + text
        case dict():
            pairs = (_encode(str(name))[1:] + _encode(item) for name, item in value.items())
            return b"\x03" + b"".join(pairs) + b"\x00\x00\x09"
        case list():
            return b"\x0a" + len(value).to_bytes(4, "big") + encode(value)
    raise TypeError(f"AMF0 has no {type(value).__name__}")
