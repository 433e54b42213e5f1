"""Who plays, remembered through the sudden end of this process: each change is in a file before anybody hears of it.

The file of all who play is written now and then; beside it the changes since, a line each. A change that both hold is
made twice, which is as good as once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.ingest.playing import Playing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qoe_agent.viewers.ingest.playing import Who

log = logging.getLogger(__name__)


class Remembering(Playing):
    """All who play; after `load`, on disk as well as here."""

    def __init__(self) -> None:
        super().__init__()
        self._file: int | None = None

    def begin(self, who: Who, session: str, path: str, began_ms: int = 0) -> None:
        """He plays, in this session."""
        super().begin(who, session, path, began_ms)
        self._note("begin", who, session, path, began_ms)

    def updated(self, who: Who) -> None:
        """His server says that he still plays."""
        if (player := self.get(who)) and not player.updates:
            super().updated(who)
            self._note("updated", who)

    def end(self, who: Who) -> None:
        """He plays no more."""
        if self.get(who) is not None:
            super().end(who)
            self._note("end", who)

    def published(self, server: str, path: str, begun: bool) -> Iterator[str]:
        """A publisher came or went: the sessions for whom that is news."""
        if told := list(super().published(server, path, begun)):
            self._note("published", server, path, begun)
        return iter(told)

    def load(self, path: Path) -> None:
        """Go on from the file, if there is one. OSError: there will be none."""
        super().load(path)
        changes = _changes(path)
        with contextlib.suppress(FileNotFoundError):
            self._repeat(changes.read_bytes().splitlines())
            self.true_at = max(self.true_at or 0.0, changes.stat().st_mtime)
        self._file = os.open(changes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def save(self, path: Path) -> None:
        """Write the file, if there is anything new. OSError: it cannot be."""
        try:
            super().save(path)
        except OSError:
            self._changed = True  # the next attempt writes all
            raise
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def _repeat(self, lines: list[bytes]) -> None:
        for line in filter(None, lines):
            try:
                what, *said = json.loads(line)
                self._again(what, *said)
            except (ValueError, TypeError):  # a disk was full
                log.warning("a change of who plays is damaged and left out")

    def _again(self, what: str, who: Any, *more: Any) -> None:
        if what == "begin":
            super().begin(tuple(who), *more)
        elif what == "updated":
            super().updated(tuple(who))
        elif what == "end":
            super().end(tuple(who))
        else:
            list(super().published(who, *more))

    def _note(self, *change: Any) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk refuses the event, too
                os.write(self._file, b"\n" + json.dumps(change).encode())


def _changes(path: Path) -> Path:
    return path.with_suffix(".changes")
