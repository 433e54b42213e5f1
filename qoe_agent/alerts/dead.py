"""Dead letters: notifications that could not be delivered, in a file of limited size, for people to look into."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.alerts.cases import Notice
    from qoe_agent.alerts.meter import Meter

log = logging.getLogger(__name__)


class DeadLetters:
    """Appends to the file at `path` (None: to none); beyond half of `limit` bytes it becomes `path.1`."""

    def __init__(self, path: str | None, limit: int, meter: Meter) -> None:
        self._path, self._limit, self._meter = path, limit, meter
        self._lock = asyncio.Lock()

    async def bury(self, receiver: str, notices: Sequence[Notice], error: str, at: float) -> None:
        """These will not be delivered, for this reason."""
        if self._path is None or not notices:
            return
        lines = [
            json.dumps({"at": at, "receiver": receiver, "error": error, "notice": asdict(notice)}, default=str).encode()
            for notice in notices
        ]
        async with self._lock:
            try:
                self._meter.dead(await asyncio.to_thread(self._append, self._path, lines))
            except OSError as error_:
                log.error("dead letters cannot be written: %s", error_.strerror or error_)

    def _append(self, path: str, lines: Sequence[bytes]) -> int:
        for line in lines:
            size = os.path.getsize(path) if os.path.exists(path) else 0
            if size and size + len(line) + 1 > self._limit // 2:
                os.replace(path, f"{path}.1")
            with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
                file.write(line[: self._limit // 2 - 1] + b"\n")
        return sum(os.path.getsize(each) for each in (path, f"{path}.1") if os.path.exists(each))
