"""The Parquet files of a folder of facts: their names, and which of them count."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAME = re.compile(r"(\d{12})(?:-(\d{12}))?\.parquet")
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
TEMPORARY = ".tmp"


class Part(NamedTuple):
    """One file: segments `first` to `last`, of one day."""

    first: int
    last: int
    day: str
    path: Path


def events(folder: Path) -> Path:
    """Where the files of viewer events are."""
    return folder / "events"


def path_of(folder: Path, day: str, first: int, last: int) -> Path:
    """Where the file of segments `first` to `last` goes."""
    name = f"{first:012d}.parquet" if first == last else f"{first:012d}-{last:012d}.parquet"
    return events(folder) / f"day={day}" / name


def listed(folder: Path) -> list[Part]:
    """All files, oldest segment first, and of those the longest first."""
    found = []
    for day in _inside(events(folder)):
        if match := _DAY.fullmatch(day):
            for name in _inside(events(folder) / day):
                if part := _NAME.fullmatch(name):
                    first = int(part[1])
                    found.append(Part(first, int(part[2] or first), match[1], events(folder) / day / name))
    return sorted(found, key=lambda part: (part.first, -part.last))


def counted(found: Iterable[Part]) -> tuple[list[Part], list[Part]]:
    """Of `listed` files, those that count, and those whose events are in a longer one, too."""
    counts: list[Part] = []
    merged: list[Part] = []
    reached = 0
    for part in found:
        (merged if part.last <= reached else counts).append(part)
        reached = max(reached, part.last)
    return counts, merged


def _inside(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
