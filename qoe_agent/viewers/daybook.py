"""Lines of JSON beside viewers' events, one file a day and agent: `YYYY-MM-DD.NAME.jsonl` by the UTC day of writing."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import deque
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

log = logging.getLogger(__name__)

MOST = 20_000
"""Lines that wait while the disk takes none; of more, the oldest are lost."""
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\..*\.jsonl")


class Daybook:
    """Appends to the files of one agent in `folder`; what is older than `keep` seconds is removed."""

    def __init__(self, folder: Path, name: str, keep: float) -> None:
        """`name` tells apart agents (shards) that write to one folder."""
        self.name = re.sub(r"[^A-Za-z0-9_-]+", "-", name) or "agent"
        self._folder, self._keep = folder, keep
        self._waiting: deque[str] = deque(maxlen=MOST)
        self._writing = threading.Lock()
        self._failing = False
        self._expired: date | None = None

    def add(self, lines: Iterable[str]) -> None:
        """They are written by the next `write`."""
        self._waiting.extend(lines)

    @property
    def waiting(self) -> int:
        """Lines that are not on disk."""
        return len(self._waiting)

    def write(self) -> None:
        """Put on disk what waits, or keep it if the disk takes nothing; for any thread."""
        with self._writing:
            self._append(list(self._waiting))

    def _append(self, lines: list[str]) -> None:
        if not lines:
            return
        day = datetime.fromtimestamp(clock.wall(clock.now()), UTC).date()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if day != self._expired:
                self._expired = day
                expire(self._folder, day, timedelta(seconds=self._keep))
            with open(self._folder / f"{day}.{self.name}.jsonl", "a", encoding="utf-8") as file:
                torn = file.tell() > 0 and not _whole(file.name)
                file.write("\n" * torn + "".join(f"{each}\n" for each in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if not self._failing:
                log.error("%s cannot be written beside viewers' events: %s", self._folder.name, error.strerror)
            self._failing = True
            return
        self._failing = False
        for _ in lines:
            self._waiting.popleft()


def _whole(path: str) -> bool:
    """Whether its last line ends: a disk that was full may have taken half of it."""
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def expire(folder: Path, day: date, keep: timedelta) -> None:
    """Remove what is older than `keep`, counted from the last day before this of which there is anything: a clock that
    is years ahead for a while removes nothing that it should not."""
    found = {path: date.fromisoformat(each[1]) for path in folder.iterdir() if (each := _DAY.fullmatch(path.name))}
    before = min(day, max((each for each in found.values() if each < day), default=day) + timedelta(days=1)) - keep
    for path, written in found.items():
        if written < before:
            path.unlink(missing_ok=True)
