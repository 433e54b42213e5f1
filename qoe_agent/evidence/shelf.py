"""The folder of evidence: one folder a case, whole or not there, the oldest thrown out to stay within the budget.

Several worker processes write to it, one at a time (a lock on the folder's `.lock`). A case is written under another
name and moved to its own when it is complete; what a crash left half written goes with the next case.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent.evidence.mark import FILES, NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNFINISHED = ".new-"
READ = 256
"""Cases that are held in memory once they were read."""
BLOCK = 4096
"""Bytes in which a disk counts."""


class TooLarge(Exception):
    """A case that is larger than the whole budget."""


class Shelf:
    """Blocks: call it in a thread. OSError: the disk is full, or may not be written."""

    def __init__(self, folder: str, most: int, keep: float) -> None:
        """`most`: bytes of all cases; `keep`: seconds for which one is kept."""
        self.folder, self._most, self._keep = Path(folder), most, keep
        self._about: dict[str, tuple[str, frozenset[str]]] = {}
        """Stream and marks of each case that was looked at: a case does not change."""
        self.private: frozenset[str] = frozenset()
        """Streams whose cases are not shown; they stay until they are thrown out."""
        self._read = lru_cache(maxsize=READ)(self._parsed)

    def put(self, name: str, files: Mapping[str, bytes], now: float) -> None:
        """Keep a case; `now`: Unix seconds. TooLarge: there is no place for it, ever."""
        need = sum(_blocks(len(data)) for data in files.values())
        if need > self._most:
            raise TooLarge(f"{need} bytes")
        with self._locked():
            self._make_room(need, now)
            path, unfinished = self.folder / name, self.folder / f"{UNFINISHED}{name}"
            if path.exists():
                return  # whoever came first saw it begin
            try:
                unfinished.mkdir(mode=0o700)
                for called, data in files.items():
                    with (unfinished / called).open("xb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                unfinished.rename(path)
            except OSError:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise

    def sweep(self, now: float) -> int:
        """Throw out what is too old; the bytes that are left."""
        if not self.folder.is_dir():
            return 0
        with self._locked():
            return self._make_room(0, now)

    def names(self) -> list[str]:
        """All cases, the newest first."""
        with contextlib.suppress(OSError):
            return sorted((each for each in os.listdir(self.folder) if NAME.fullmatch(each)), reverse=True)
        return []

    def case(self, name: str) -> dict[str, Any] | None:
        """What a case's `case.json` says, with the files that it has; None if there is no such case to be shown."""
        if not NAME.fullmatch(name) or not (self.folder / name).is_dir():
            return None
        try:
            found = self._read(name)
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return None if found["stream"] in self.private else found

    def _parsed(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "case.json").read_bytes())
        there = set(os.listdir(self.folder / name))
        self._about[name] = found["stream"], frozenset(each["mark"] for each in found["incidents"])
        return {**found, "files": [called for called in FILES if called in there]}

    def cases(self, stream: str, marked: str, most: int) -> list[dict[str, Any]]:
        """The newest so many cases, as `case` gives them, by name; of one stream or incident if that is said."""
        found: list[dict[str, Any]] = []
        names = self.names()
        for gone in self._about.keys() - set(names):
            self._about.pop(gone, None)
        for name in names:
            about = self._about.get(name)
            if about and ((stream and about[0] != stream) or (marked and marked not in about[1])):
                continue
            case = self.case(name)
            if case is None or (stream and case["stream"] != stream):
                continue
            if not marked or any(each["mark"] == marked for each in case["incidents"]):
                found.append({"name": name, **case})
            if len(found) == most:
                break
        return found

    def file(self, name: str, called: str) -> Path | None:
        """A file of a case; None if there is none to be shown."""
        path = self.folder / name / called
        if not (NAME.fullmatch(name) and called in FILES and path.is_file()):
            return None
        return path if not self.private or self.case(name) else None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _make_room(self, need: int, now: float) -> int:
        """Throw out what is unfinished or too old, then the oldest, until there is place for so many bytes."""
        for each in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(each, ignore_errors=True)
        sizes: dict[Path, int] = {}
        for name in reversed(self.names()):
            path = self.folder / name
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < now - self._keep:
                    shutil.rmtree(path)
                else:
                    sizes[path] = sum(_blocks(each.stat().st_size) for each in path.iterdir())
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total + need <= self._most:
                break
            shutil.rmtree(path)
            total -= size
        return total


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
