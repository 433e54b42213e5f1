"""The writer of the log: one process, one thread; what `commit` returns from is on disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.viewers.facts import parts, segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DAY_MS = 86_400_000


class Refused(Exception):
    """These records were not stored: whoever sent them may send them again later."""


class Full(Refused):
    """There is no space for them."""


class Unwritable(Refused):
    """The disk does not take them."""


class Taken(Exception):
    """Another process writes to this folder."""


class _Opened:
    """The segment that is being written."""

    def __init__(self, folder: Path, number: int) -> None:
        self.path, self.number = folder / segments.name(number, segments.OPEN), number
        self.since, opened_ms = clock.monotonic(), int(clock.realtime() * 1000)
        self.day = opened_ms // DAY_MS
        self.end = segments.HEAD_BYTES
        """Up to where it is on disk."""
        self.spoilt = False
        """Whether nothing more may be written to it, for nobody knows what is on disk."""
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._put(segments.head(number, opened_ms), 0)
            os.fdatasync(self._descriptor)
            segments.sync_folder(folder)
        except OSError:
            os.close(self._descriptor)
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            raise

    def append(self, data: bytes) -> None:
        """Add `data`. OSError: nothing of it was added."""
        try:
            self._put(data, self.end)
        except OSError:
            self._cut()
            raise
        try:
            os.fdatasync(self._descriptor)
        except OSError:  # what the kernel could not write it may have dropped: a later sync would not tell
            self._cut()
            self.spoilt = True
            raise
        self.end += len(data)

    def close(self) -> None:
        """From now on it is read only."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        os.rename(self.path, self.path.with_suffix(segments.CLOSED))
        segments.sync_folder(self.path.parent)

    def _put(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            view, at = view[written:], at + written

    def _cut(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.end)
        except OSError:
            self.spoilt = True


class Writer:
    """Writes to `folder`; turns to a new segment after `size` bytes, `age` seconds or midnight (UTC)."""

    def __init__(self, folder: Path, size: int, age: float, reserve: int = 0) -> None:
        """Taken: another process does. OSError: the folder cannot be used. `reserve`: bytes of the disk left free."""
        self._folder, self._size, self._age, self._reserve = folder / "log", size, age, reserve
        self._folder.mkdir(parents=True, exist_ok=True)
        for parent in (folder, folder.parent):
            segments.sync_folder(parent)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        for each in (self._folder, self._folder / "lock"):
            segments.hand_over(each)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Taken(f"{self._folder}: another process writes to it") from None
        self._opened: _Opened | None = None
        _recover(self._folder)
        logged = [each.number for each in segments.listed(self._folder)]
        self._next = 1 + max([0, *logged, *(each.last for each in parts.listed(folder))])

    def commit(self, frames: Sequence[bytes]) -> None:
        """Have all of these on disk. Refused: none of them is, or none of them will count."""
        data = b"".join(frames)
        try:
            self._look(len(data))
            opened = self._ready()
            opened.append(data)
        except OSError as error:
            kind = Full if error.errno in _FULL else Unwritable
            raise kind(f"{self._folder}: {error.strerror or error}") from None

    def turn(self) -> None:
        """Close the segment that is being written if it is old and holds anything. Refused: it cannot be."""
        opened = self._opened
        if opened and opened.end > segments.HEAD_BYTES and self._stale(opened):
            self.rotate()

    def rotate(self) -> None:
        """Close the segment that is being written, whatever its age. Refused: it cannot be."""
        try:
            if self._opened:
                opened, self._opened = self._opened, None
                opened.close()
        except OSError as error:
            raise Unwritable(f"{self._folder}: {error.strerror or error}") from None

    def close(self) -> None:
        """Close the segment and let others write."""
        try:
            self.rotate()
        finally:
            os.close(self._lock)

    def _look(self, size: int) -> None:
        """What the log leaves free, compaction can write to: it makes the log shorter."""
        if self._reserve:
            disk = os.statvfs(self._folder)
            if disk.f_bavail * disk.f_frsize < self._reserve + size:
                raise OSError(errno.ENOSPC, f"less than {self._reserve} bytes would be left free")

    def _ready(self) -> _Opened:
        if self._opened and (self._opened.spoilt or self._stale(self._opened)):
            self.rotate()
        if not self._opened:
            number, self._next = self._next, self._next + 1
            self._opened = _Opened(self._folder, number)
        return self._opened

    def _stale(self, opened: _Opened) -> bool:
        day = int(clock.realtime() * 1000) // DAY_MS
        return opened.end >= self._size or clock.monotonic() - opened.since >= self._age or day != opened.day


def _recover(folder: Path) -> None:
    """Close what a process left open that was killed."""
    for segment in segments.listed(folder):
        if segment.closed:
            continue
        found = segments.scan(segment.path)
        if found.opened_ms < 0:
            log.warning("%s: not even begun when its writer ended: removed", segment.path.name)
            segment.path.unlink()
            continue
        if found.end < found.size:
            log.warning("%s: %d torn bytes at its end, never acknowledged: cut off", segment.path.name,
                        found.size - found.end)  # fmt: skip
        with open(segment.path, "r+b") as file:
            file.truncate(found.end)
            os.fsync(file.fileno())
        segment.path.rename(segment.path.with_suffix(segments.CLOSED))
    segments.sync_folder(folder)
