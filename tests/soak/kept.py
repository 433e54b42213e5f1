"""The folder of a soak's results: what happens, as it happens, and a report that is always there."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import threading
from typing import TYPE_CHECKING, Any

from tests.soak import report

if TYPE_CHECKING:
    from pathlib import Path


class Kept:
    """`events.jsonl`, `report.json`, `report.txt` and `agent.log`; nothing where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "events.jsonl").write_text("")

    def start(self) -> None:
        """From now on lines are written, by a thread: a disk that others keep busy is nothing to wait for."""
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        while self._folder:
            line = self._lines.get()
            with (self._folder / "events.jsonl").open("a") as file:
                file.write(line)

    def note(self, what: str, at: float, **more: object) -> None:
        """A line of what happened, so many seconds after the beginning."""
        if self._folder:
            self._lines.put(json.dumps({"at": round(at, 2), "what": what, **more}) + "\n")

    def report(self, document: dict[str, Any], log: Path | None = None) -> None:
        """How it stands, and the agent's log so far."""
        if not self._folder:
            return
        for name, text in (("json", json.dumps(document, indent=1)), ("txt", report.text(document))):
            fresh = self._folder / f"report.{name}.new"
            fresh.write_text(text + "\n")
            fresh.replace(self._folder / f"report.{name}")
        if log:
            with contextlib.suppress(OSError):
                shutil.copy(log, self._folder / "agent.log")

    def crashed(self, why: str) -> None:
        """The soak itself ended without a word: add that to its latest report."""
        if not self._folder:
            return
        latest = self._folder / "report.json"
        document = json.loads(latest.read_text()) if latest.exists() else {}
        latest.write_text(json.dumps({**document, "cut": why}, indent=1) + "\n")
        with (self._folder / "report.txt").open("a") as file:
            file.write(f"CUT SHORT: {why}\n")
