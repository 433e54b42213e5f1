"""From the log to Parquet: compaction, merging of small files, retention. One process at a time, under `owning`.

Each step makes a file whole (temporary, fsync, rename, fsync of the folder) before it removes what the file replaces.
Killed in between, the next run finds both, takes the new one and removes the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent import clock
from qoe_agent.viewers.facts import forgotten, parts, rows, segments, steadiness
from qoe_agent.viewers.facts.writer import Taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qoe_agent.viewers.facts.parts import Part

log = logging.getLogger(__name__)

SMALL = 64 << 20
"""Bytes below which a file is worth merging."""
MERGED = 256 << 20
"""Bytes that a merged file does not exceed by much."""


class Compacted(NamedTuple):
    """What a run did."""

    segments: int = 0
    events: int = 0
    repeated: int = 0
    """Events that were there already, or were to be forgotten."""


@contextlib.contextmanager
def owning(folder: Path) -> Iterator[None]:
    """Nobody else compacts, merges or deletes in `folder`. Taken: somebody does."""
    with _locked(parts.events(folder) / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as owned:
        if not owned:
            raise Taken(f"{parts.events(folder)}: another process compacts it")
        for leftover in parts.events(folder).glob(f"day=*/.*{parts.TEMPORARY}"):
            leftover.unlink()
        yield


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[None]:
    """No Parquet file that is listed inside vanishes meanwhile; only its rows of who is forgotten may."""
    with _locked(parts.events(folder) / ".readers", fcntl.LOCK_SH):
        yield


def compact(folder: Path) -> Compacted:
    """Move all closed segments into Parquet files, oldest first. OSError: no space; what was done is done."""
    done = Compacted()
    for segment in segments.listed(folder / "log"):
        if not segment.closed:
            continue
        if not covered(segment.number, parts.listed(folder)):
            events, repeated = _compact(folder, segment)
            done = Compacted(done.segments + 1, done.events + events, done.repeated + repeated)
        if segment.path.exists():
            segment.path.unlink()
            segments.sync_folder(segment.path.parent)
    forgotten.tidy(folder)
    return done


def covered(number: int, found: list[Part]) -> bool:
    """Whether segment `number` is in one of the files."""
    return any(part.first <= number <= part.last for part in found)


def day_of(unix_ms: int) -> str:
    """The UTC day of a time."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()


def _compact(folder: Path, segment: segments.Segment) -> tuple[int, int]:
    found = segments.scan(segment.path)
    table = rows.table(found.records)
    fresh = forgotten.without(folder, table, segment.number)
    if found.opened_ms >= 0:
        day = day_of(found.opened_ms)
        fresh = rows.new(fresh, day, folder, lambda part: part.last < segment.number)
        if fresh.num_rows:
            rows.write(parts.path_of(folder, day, segment.number, segment.number), [fresh])
    if found.end < found.size:
        log.error("%s is damaged: %d of its %d bytes cannot be read; kept beside the log", segment.path.name,
                  found.size - found.end, found.size)  # fmt: skip
        segment.path.rename(segment.path.with_suffix(segments.DAMAGED))
        segments.sync_folder(segment.path.parent)
    return fresh.num_rows, table.num_rows - fresh.num_rows


def tend(folder: Path, keep: timedelta) -> Compacted:
    """All that is to be done every minute or so: compact, let old days go, merge the files of days that are over.

    By a wall clock that has jumped ahead nothing is deleted, see `steadiness`.
    """
    with owning(folder):
        done = compact(folder)
        if steadiness.believed(folder, clock.realtime(), clock.monotonic(), _newest(folder)):
            expire(folder, keep)
        merge(folder, before=day_of(int(clock.realtime() * 1000)))
    return done


def _newest(folder: Path) -> float | None:
    """When the last day ended of which there are facts."""
    day = max((part.day for part in parts.listed(folder)), default=None)
    return None if day is None else (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()


def merge(folder: Path, small: int = SMALL, most: int = MERGED, before: str = "9") -> int:
    """Make one file of several small ones that follow each other on a day `before` that; returns how many were made."""
    made = 0
    for run in _runs(folder, small, most):
        if len(run) > 1 and run[0].day < before:
            pieces = itertools.chain.from_iterable(rows.pieces(part.path) for part in run)
            rows.write(parts.path_of(folder, run[0].day, run[0].first, run[-1].last), pieces)
            made += 1
    sweep(folder)
    return made


def _runs(folder: Path, small: int, most: int) -> list[list[Part]]:
    """Files that may become one: of one day, with nothing in the log that belongs between them."""
    counts, _ = parts.counted(parts.listed(folder))
    logged = {segment.number for segment in segments.listed(folder / "log")}
    runs: list[list[Part]] = []
    held = most
    for part in counts:
        size = part.path.stat().st_size
        last = runs[-1][-1] if runs else part
        between = logged & set(range(last.last + 1, part.first))
        if size < small and held + size <= most and last.day == part.day and not between:
            runs[-1].append(part)
            held += size
        else:
            runs.append([part])
            held = size if size < small else most
    return runs


def sweep(folder: Path) -> bool:
    """Remove files whose events are in longer ones; not while somebody reads (False: later)."""
    _, merged = parts.counted(parts.listed(folder))
    return _remove(folder, merged)


def expire(folder: Path, keep: timedelta) -> bool:
    """Remove the days that ended longer than `keep` ago; not while somebody reads (False: later)."""
    oldest = day_of(int((clock.realtime() - keep.total_seconds()) * 1000))
    gone = _remove(folder, [part for part in parts.listed(folder) if part.day < oldest])
    for damaged in (folder / "log").glob(f"*{segments.DAMAGED}"):
        if day_of(int(damaged.stat().st_mtime * 1000)) < oldest:
            damaged.unlink()
    return gone


def _remove(folder: Path, unwanted: list[Part]) -> bool:
    if not unwanted:
        return True
    with _locked(parts.events(folder) / ".readers", fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        if not alone:
            return False
        for part in unwanted:
            part.path.unlink()
            segments.sync_folder(part.path.parent)
            with contextlib.suppress(OSError):  # other files are in it
                part.path.parent.rmdir()
        segments.sync_folder(parts.events(folder))
    return True


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for each in (path.parent, path):
            segments.hand_over(each)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
