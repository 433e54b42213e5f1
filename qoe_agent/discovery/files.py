"""Streams from files that are read again whenever they change."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent.config import ConfigError, reading
from qoe_agent.discovery.targets import Origin, streams_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import Config, FileSd, Stream

Signature: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the last look at a file gave; `streams` are the last good ones."""

    signature: Signature | None
    streams: tuple[Stream, ...] = ()
    errors: tuple[str, ...] = ()


class Files:
    """All files of `discovery.file_sd`."""

    def __init__(self, config: Config, environ: Mapping[str, str], before: Files | None = None) -> None:
        self._config = config
        self._environ = environ
        # What was good before a reload stays so until the file itself, read anew, says otherwise.
        self._read: dict[tuple[int, str], _Read] = {
            key: _Read(None, read.streams) for key, read in (before._read if before else {}).items()
        }

    def streams(self) -> list[tuple[str, Stream]]:
        """Every stream with the file that lists it."""
        return [(path, stream) for (_, path), read in self._read.items() for stream in read.streams]

    def errors(self) -> list[str]:
        """What is wrong with the files now."""
        return [line for read in self._read.values() for line in read.errors]

    def look(self) -> bool:
        """Read what has changed; whether anything came of it."""
        found = {}
        for index, entry in enumerate(self._config.discovery.file_sd):
            for path in sorted({path for pattern in entry.files for path in glob.glob(pattern, recursive=True)}):
                read = self._look_at(entry, path, self._read.get((index, path)))
                if read is not None:
                    found[index, path] = read
        changed = found != self._read
        self._read = found
        return changed

    def _look_at(self, entry: FileSd, path: str, before: _Read | None) -> _Read | None:
        last_good = before.streams if before else ()
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _Read(None, last_good, (f"{path}: cannot be read: {error.strerror}",))
        signature = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        if before is not None and before.signature == signature:
            return before
        folder = os.path.dirname(os.path.abspath(path))
        origin = Origin(path, folder, entry.labels, entry.profile, self._environ)
        try:
            return _Read(signature, streams_in(reading.text_of(path), origin, self._config.profiles))
        except ConfigError as error:
            return _Read(signature, last_good, tuple(error.errors))
