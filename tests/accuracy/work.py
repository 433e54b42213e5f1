"""Jobs of the fault matrix, in worker processes, one line of the results file each: an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

import qoe_agent
from tests.accuracy import (
    group_blank,
    group_broken,
    group_freeze,
    group_numbers,
    group_picture,
    group_sound,
    group_sync,
    group_tiles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.accuracy.rows import Row

Name = tuple[str, int]
"""A group and a number within it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one kind: `run(number, folder)` gives rows, and keeps clips in its own folder, sources of several jobs in
    the one above; `count` of them make the published figures."""

    run: Callable[[int, Path], list[Row]]
    count: int


GROUPS = {
    "blank": Group(group_blank.short, 150),
    "blank_long": Group(group_blank.long, 170),
    "freeze": Group(group_freeze.short, 320),
    "freeze_many": Group(group_freeze.many, 50),
    "freeze_long": Group(group_freeze.long, 400),
    "tiles": Group(group_tiles.short, 210),
    "tiles_long": Group(group_tiles.long, 140),
    "silence": Group(group_sound.silences, 50),
    "flawed": Group(group_sound.flawed, 200),
    "loudness": Group(group_sound.loudness, 60),
    "flashes": Group(group_picture.flashes, 120),
    "exposure": Group(group_picture.exposure, 240),
    "detail": Group(group_picture.detail, 120),
    "upscaled": Group(group_picture.upscaled, 100),
    "native": Group(group_picture.native, 60),
    "damage": Group(group_broken.damaged, 80),
    "interlaced": Group(group_broken.woven, 60),
    "av_stamp": Group(group_sync.offsets, 44),
    "av_events": Group(group_sync.events, 60),
    "captured": Group(group_sync.captured, 4),
    "siti": Group(group_numbers.information, 20),
    "qp": Group(group_numbers.quantisers, 20),
    "cost": Group(group_numbers.cost, 1),
}
"""In the order in which they run, turn by turn."""


def jobs(names: Sequence[str], count: int | None, share: float) -> list[Name]:
    """What is to be done, the groups in step, so that an early end leaves all of them in proportion."""
    wanted = {name: max(1, round(share * GROUPS[name].count)) if count is None else count for name in names}
    placed = [((n + 0.5) / many, name, n) for name, many in wanted.items() for n in range(many)]
    return [(name, n) for _, name, n in sorted(placed, key=lambda it: (it[0], names.index(it[1])))]


def rows(results: Path) -> list[Row]:
    """All rows of the results file, each with its group and number."""
    return [row | {"job": line["job"]} for line in _lines(results) for row in line.get("rows", ())]


def failures(results: Path) -> list[dict[str, Any]]:
    """The jobs that failed and were not done later."""
    known = done(results)
    return [line for line in _lines(results) if "error" in line and tuple(line["job"]) not in known]


def done(results: Path) -> set[Name]:
    """Jobs that are in the results file with their rows."""
    return {(line["job"][0], line["job"][1]) for line in _lines(results) if "rows" in line}


def _lines(results: Path) -> Iterator[dict[str, Any]]:
    if not results.exists():
        return
    with results.open() as file:
        for text in file:
            if text.endswith("\n"):  # a line without its end was being written when the run was interrupted
                yield json.loads(text)


def work(
    todo: Sequence[Name],
    results: Path,
    folder: Path,
    workers: int,
    progress: Callable[[Name, str], None],
    *,
    keep: bool,
) -> None:
    """Do the jobs and append what comes of them; `progress` hears of each; `keep`: leave the clips in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    results.parent.mkdir(parents=True, exist_ok=True)
    mend(results)
    left = iter(todo)
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_settle) as pool, results.open("a") as file:
        running: dict[Future[dict[str, Any]], Name] = {}
        while True:
            while len(running) < 2 * workers and (name := next(left, None)) is not None:
                running[pool.submit(_one, name, folder, keep)] = name
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, line = running.pop(future), future.result()
                file.write(json.dumps(line) + "\n")
                file.flush()
                progress(name, line.get("error", ""))


def mend(results: Path) -> None:
    """End a line that was being written when the last run was interrupted: it is then skipped as broken."""
    if results.exists() and (data := results.read_bytes()) and not data.endswith(b"\n"):
        results.write_bytes(data[: data.rfind(b"\n") + 1])


def _settle() -> None:
    cv2.setNumThreads(1)
    os.nice(5)
    _code()
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    """End with the process that began this one, however it ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


@cache
def _code() -> str:
    """What was measured: a hash of the agent's sources, as they were when this process began."""
    sources = sorted(Path(qoe_agent.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


def _one(name: Name, folder: Path, keep: bool) -> dict[str, Any]:
    began, own = time.process_time(), folder / f"{name[0]}_{name[1]}"
    own.mkdir(exist_ok=True)
    try:
        told = GROUPS[name[0]].run(name[1], own)
    except Exception as error:  # one bad clip must not end the run: it is in the results, and printed
        trace = traceback.format_exc(limit=-3)
        return {"job": list(name), "code": _code(), "error": f"{type(error).__name__}: {error}", "trace": trace}
    finally:
        if not keep:
            shutil.rmtree(own, ignore_errors=True)
    return {"job": list(name), "code": _code(), "cpu_seconds": round(time.process_time() - began, 2), "rows": told}
