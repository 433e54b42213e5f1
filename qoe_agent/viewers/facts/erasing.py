"""Deleting a user: all sessions that ever named him, under each key that his pseudonym may have been made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.facts import compaction, forgotten, parts, rows, segments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    import pyarrow as pa

    from qoe_agent.viewers.pseudonyms import Ring

_WHOSE = ["source", "session", "user_key"]


class Erased(NamedTuple):
    """What was deleted."""

    events: int
    files: int
    """That were written anew."""
    logged: int
    """Events that are still in the segment being written: readers leave them out, and so will compaction."""


def forget(folder: Path, ring: Ring, user: str) -> Erased:
    """Delete all events of `user`'s sessions; under `compaction.owning`. Killed meanwhile, run it again.

    Which sessions these are is written down first: a file may name the user that is gone when another is written anew.
    """
    users, sessions = forgotten.begun(folder)
    users |= {pseudonym.user_key for pseudonym in ring.all(user)}
    compaction.compact(folder)
    files = [part.path for part in parts.listed(folder)]
    waiting = segments.listed(folder / "log")
    logged = [rows.table(segments.scan(segment.path).records) for segment in waiting]
    for damaged in (folder / "log").glob(f"*{segments.DAMAGED}"):
        damaged.unlink()  # of which nobody knows whose it is
    for piece in (*logged, *(piece for path in files for piece in rows.pieces(path, _WHOSE))):
        sessions |= _sessions(piece, users)
    if not sessions:
        return Erased(0, 0, 0)
    forgotten.begin(folder, users, sessions)
    if waiting:
        forgotten.add(folder, forgotten.Forgotten(waiting[-1].number, sorted(users), sorted(sessions)))
    events = written = 0
    for path in files:
        gone = sum(_count(piece, users, sessions) for piece in rows.pieces(path, _WHOSE))
        if gone:
            rows.write(path, _others(path, users, sessions))
            events, written = events + gone, written + 1
    forgotten.done(folder)
    return Erased(events, written, sum(_count(each, users, sessions) for each in logged))


def _sessions(piece: pa.Table, users: Collection[int]) -> set[tuple[str, str]]:
    theirs = piece.filter(rows.belongs(piece, users, ()))
    return set(zip(theirs["source"].to_pylist(), theirs["session"].to_pylist(), strict=True))


def _count(piece: pa.Table, users: Collection[int], sessions: Collection[tuple[str, str]]) -> int:
    import pyarrow.compute as pc

    return pc.sum(rows.belongs(piece, users, sessions)).as_py() or 0


def _others(path: Path, users: Collection[int], sessions: Collection[tuple[str, str]]) -> Iterator[pa.Table]:
    import pyarrow.compute as pc

    for piece in rows.pieces(path):
        yield piece.filter(pc.invert(rows.belongs(piece, users, sessions)))
