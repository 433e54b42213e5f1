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

from qoe_agent.viewers.facts import compaction, erasing, parts, segments
from qoe_agent.viewers.facts.writer import Writer
from tests.viewers import hammer
from tests.viewers.made import RING, heartbeat, record, stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CRASHES = int(os.environ.get("QOE_CRASHES", "12"))


class Victim:
    """A process that works until it is killed."""

    def __init__(self, work: Callable[..., None], folder: Path, *more: int | str) -> None:
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
    assert len(sure) > 20
    compactor.kill()
    check(tmp_path, sure)
    Writer(tmp_path, 1, 1).close()
    with compaction.owning(tmp_path):
        compaction.compact(tmp_path)
        compaction.merge(tmp_path)
    assert not segments.listed(tmp_path / "log")
    assert len({part.day for part in parts.listed(tmp_path)}) <= 2
    check(tmp_path, sure)


def test_a_deletion_that_was_killed_harms_nobody_else_and_can_be_run_again(tmp_path: Path) -> None:
    dice = random.Random(7)
    writer = Writer(tmp_path, 1, 3600)
    for each in range(20):
        both = [heartbeat(f"{user}-{each}", 0, user=user) for user in ("gone", "other")]
        writer.commit([segments.framed(record(*both))])
        writer.commit([segments.framed(record(heartbeat(f"gone-{19 - each}", 1)))])  # whose, another file tells
    others = sorted((f"other-{each}", 0) for each in range(20))
    for _ in range(max(4, CRASHES // 3)):
        eraser = Victim(hammer.forget, tmp_path, "gone")
        eraser.wait()
        time.sleep(dice.uniform(0, 0.5))  # a random moment
        eraser.kill()
        assert [one for one in stored(tmp_path) if one[0].startswith("other")] == others
    with compaction.owning(tmp_path):
        erasing.forget(tmp_path, RING, "gone")
    assert stored(tmp_path) == others
    writer.close()
    with compaction.owning(tmp_path):
        compaction.compact(tmp_path)
    assert stored(tmp_path) == others


def check(folder: Path, sure: list[tuple[str, int]]) -> None:
    found = stored(folder)
    assert len(found) == len(set(found)), "an event is there twice"
    assert not set(sure) - set(found), "an acknowledged event is gone"
