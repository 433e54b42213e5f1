"""A process that may open no more files."""

from __future__ import annotations

import contextlib
import resource


class Limit:
    """While it is entered, a process may open no files beyond those that it has."""

    def __init__(self, pid: int, files: int) -> None:
        self._pid = pid
        self._before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (files, self._before[1]))

    def __enter__(self) -> None:
        """It is set already."""

    def __exit__(self, *why: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._pid, resource.RLIMIT_NOFILE, self._before)
