"""Whether the wall clock may be believed before days are deleted by it.

A clock that jumps ahead, for one run or until somebody sets it right, would have all days look old. So each run notes
what the clock said, and what the steady clock said then. Ahead of what has passed since by more than a day, the wall
clock is believed only once a day has passed during which it went on from there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

NAME = "clock.json"
DAY = 86_400.0


@dataclass(frozen=True)
class Noted:
    """What the clocks said when the wall clock was last believed, and since when it has been ahead."""

    wall: float
    steady: float
    """Seconds since the machine started: of two such times the difference, or if it started anew the latter, is the
    least that has passed."""
    ahead_wall: float | None = None
    ahead_steady: float | None = None


def judged(before: Noted, wall: float, steady: float) -> tuple[bool, Noted]:
    """Whether `wall` may be believed, and what is to be noted."""
    believed = Noted(wall, steady)
    if wall <= before.wall + _passed(before.steady, steady) + DAY:
        return True, believed
    ahead = Noted(before.wall, before.steady, wall, steady)
    if before.ahead_wall is None or before.ahead_steady is None or steady < before.ahead_steady:
        return False, ahead
    passed = steady - before.ahead_steady
    if abs(wall - before.ahead_wall - passed) > DAY:  # it jumped again
        return False, ahead
    return (True, believed) if passed >= DAY else (False, before)


def believed(folder: Path, wall: float, steady: float, newest: float | None) -> bool:
    """Whether `wall` may be believed, by what was noted in `folder`; before anything was, by the `newest` facts."""
    before = _read(folder) or Noted(wall if newest is None else newest, steady)
    good, now = judged(before, wall, steady)
    if now != before or not (folder / NAME).exists():
        with contextlib.suppress(OSError):  # a full disk: to delete what is old makes room
            _write(folder, now)
    if not good and (now.ahead_wall, now.ahead_steady) == (wall, steady):
        days = (wall - now.wall) / DAY
        log.warning("the wall clock is %.1f days ahead of when it was last looked at: no days of viewers' events are "
                    "deleted until it has gone on from there for a day", days)  # fmt: skip
    return good


def _passed(before: float, now: float) -> float:
    return now - before if now >= before else now


def _read(folder: Path) -> Noted | None:
    try:
        return Noted(**json.loads((folder / NAME).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):  # a damaged one is made anew
        return None


def _write(folder: Path, noted: Noted) -> None:
    temporary = folder / f".{NAME}.tmp"
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(noted), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / NAME)
