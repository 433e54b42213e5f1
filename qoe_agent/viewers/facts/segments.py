"""Segments of the log: their names, their bytes, and what is left of them after a crash.

A segment is a head (magic, number, time, CRC-32) and records: length, CRC-32 over length and payload, payload; whole
numbers are little-endian. Reading ends at the first record that is not whole.
"""

from __future__ import annotations

import os
import re
import zlib
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

OPEN, CLOSED, DAMAGED = ".open", ".log", ".damaged"
MOST_BYTES = 4 << 20
"""The largest record."""
_MAGIC = b"qoefact1"
_HEAD, _CRC, _FRAME = Struct("<8sqq"), Struct("<I"), Struct("<II")
HEAD_BYTES = _HEAD.size + _CRC.size
_LENGTH = Struct("<I")
_NAME = re.compile(r"(\d{12})(\.open|\.log)")


class Segment(NamedTuple):
    """One file of the log."""

    number: int
    path: Path

    @property
    def closed(self) -> bool:
        return self.path.suffix == CLOSED


class Scan(NamedTuple):
    """What a segment holds."""

    opened_ms: int
    """When it was opened; -1: not even its head is whole."""
    records: list[bytes]
    end: int
    """Where the whole records end."""
    size: int


def head(number: int, opened_ms: int) -> bytes:
    """How a segment begins."""
    begun = _HEAD.pack(_MAGIC, number, opened_ms)
    return begun + _CRC.pack(zlib.crc32(begun))


def framed(payload: bytes) -> bytes:
    """A record."""
    if not 0 < len(payload) <= MOST_BYTES:
        raise ValueError(f"a record must have 1 to {MOST_BYTES} bytes")
    length = _LENGTH.pack(len(payload))
    return length + _CRC.pack(zlib.crc32(payload, zlib.crc32(length))) + payload


def scan(path: Path) -> Scan:
    """Read a segment, which is at most as long as memory allows by the options of its writer."""
    data = path.read_bytes()
    view, size = memoryview(data), len(data)
    if size < HEAD_BYTES or _CRC.unpack_from(data, _HEAD.size)[0] != zlib.crc32(view[: _HEAD.size]):
        return Scan(-1, [], 0, size)
    magic, _, opened_ms = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        return Scan(-1, [], 0, size)
    records, end = [], HEAD_BYTES
    while end + _FRAME.size < size:
        length, crc = _FRAME.unpack_from(data, end)
        payload = data[end + _FRAME.size : end + _FRAME.size + length]
        if not length or len(payload) < length or zlib.crc32(payload, zlib.crc32(view[end : end + 4])) != crc:
            break
        records.append(payload)
        end += _FRAME.size + length
    return Scan(opened_ms, records, end, size)


def name(number: int, suffix: str) -> str:
    """What the file of segment `number` is called."""
    return f"{number:012d}{suffix}"


def listed(folder: Path) -> list[Segment]:
    """The segments in `folder`, oldest first."""
    if not folder.is_dir():
        return []
    names: list[str] | None = None
    while names != (now := os.listdir(folder)):  # while one is renamed, a listing may miss it under both names
        names = now
    matches = ((_NAME.fullmatch(each), each) for each in names)
    found = {int(match[1]): folder / each for match, each in matches if match}
    return [Segment(number, path) for number, path in sorted(found.items())]


def hand_over(path: Path) -> None:
    """What root made in somebody else's folder becomes his: an agent that is not root could not use it."""
    if os.geteuid() == 0:
        there = path.parent.stat()
        os.chown(path, there.st_uid, there.st_gid, follow_symlinks=False)


def sync_folder(folder: Path) -> None:
    """Have names that were made, changed or removed in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
