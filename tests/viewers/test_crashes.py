"""Processes that are killed at any moment: each acknowledged event is there, and no event is there twice.

QOE_CRASHES=100 kills so many times. (`kill -9` leaves what was written in the page cache: that a power cut leaves it,
too, is for `fdatasync` before each acknowledgement, which `test_log` checks.)
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from typing import TYPE_CHECKING

from qoe_agent.viewers.facts import compaction, parts, segments
from qoe_agent.viewers.facts.writer import Writer
from tests.viewers import hammer
from tests.viewers.made import stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CRASHES = int(os.environ.get("QOE_CRASHES", "12"))


class Victim:
    """A process that works until it is killed."""

    def __init__(self, work: Callable[..., None], folder: Path, *more: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.viewers.hammer"])
        self._ear, mouth = context.Pipe(duplex=False)
        self._process = context.Process(target=work, args=(folder, mouth, *more), daemon=True)
        self._process.start()
        mouth.close()

    def wait(self) -> None:
        """Until it has said anything."""
        assert self._ear.poll(60)

    def kill(self) -> list[tuple[str, int]]:
        """End it at once; what it had said: sessions and sequence numbers."""
        self._process.kill()
        said = b""
        while some := os.read(self._ear.fileno(), 1 << 16):
            said += some
        self._process.join()
        self._process.close()
        self._ear.close()
        lines = said[: said.rfind(b"\n") + 1].decode().splitlines()
        return [(words[0], int(words[1])) for words in map(str.split, lines) if len(words) == 2]


def test_nothing_acknowledged_is_lost_or_there_twice_after_kills_of_writer_and_compactor(tmp_path: Path) -> None:
    dice = random.Random(6)
    sure: list[tuple[str, int]] = []
    compactor = Victim(hammer.compact, tmp_path)
    compactor.wait()
    for crash in range(CRASHES):
        writer = Victim(hammer.append, tmp_path, crash)
        writer.wait()
        time.sleep(dice.uniform(0, 0.1))  # a random moment
        if crash % 2:
            compactor.kill()
            compactor = Victim(hammer.compact, tmp_path)
        sure += writer.kill()
        if crash % 3 == 0:
            check(tmp_path, sure)
    compactor.kill()
    check(tmp_path, sure)
    Writer(tmp_path, 1, 1).close()
    with compaction.owning(tmp_path):
        compaction.compact(tmp_path)
        compaction.merge(tmp_path)
    assert not segments.listed(tmp_path / "log")
    assert len({part.day for part in parts.listed(tmp_path)}) <= 2
    check(tmp_path, sure)


def check(folder: Path, sure: list[tuple[str, int]]) -> None:
    found = stored(folder)
    assert len(sure) > 20
    assert len(found) == len(set(found)), "an event is there twice"
    assert not set(sure) - set(found), "an acknowledged event is gone"
