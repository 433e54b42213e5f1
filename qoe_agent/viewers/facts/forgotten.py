"""Users to be forgotten: whose events in the log are left out when it is read or compacted."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.facts import rows, segments

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pyarrow as pa

NAME = "forgotten.json"
BEGUN = "forgetting.json"
"""Whom a deletion is about that has begun."""


class Forgotten(NamedTuple):
    """One user, up to segment `through`: later events are of somebody who came back."""

    through: int
    users: list[int]
    """His `user_key`s."""
    sessions: list[tuple[str, str]]
    """Source and session: events of which some do not name him."""


def read(folder: Path) -> list[Forgotten]:
    """Who is to be forgotten."""
    try:
        found = json.loads((folder / NAME).read_bytes())
    except FileNotFoundError:
        return []
    return [
        Forgotten(one["through"], one["users"], [(source, session) for source, session in one["sessions"]])
        for one in found
    ]


def add(folder: Path, one: Forgotten) -> None:
    """From now on, he is left out."""
    _write(folder, [*read(folder), one])


def without(folder: Path, found: pa.Table, number: int) -> pa.Table:
    """The rows of segment `number` without those to be forgotten."""
    import pyarrow.compute as pc

    for one in read(folder):
        if number <= one.through:
            found = found.filter(pc.invert(rows.belongs(found, one.users, one.sessions)))
    return found


def tidy(folder: Path) -> None:
    """Forget those of whom the log holds nothing any more."""
    known = read(folder)
    logged = [segment.number for segment in segments.listed(folder / "log")]
    left = [one for one in known if logged and min(logged) <= one.through]
    if left != known:
        _write(folder, left)


def begun(folder: Path) -> tuple[set[int], set[tuple[str, str]]]:
    """Users and sessions of a deletion that did not end."""
    try:
        users, sessions = json.loads((folder / BEGUN).read_bytes())
    except FileNotFoundError:
        return set(), set()
    return set(users), {(source, session) for source, session in sessions}


def begin(folder: Path, users: Collection[int], sessions: Collection[tuple[str, str]]) -> None:
    """A deletion begins."""
    _put(folder, BEGUN, [sorted(users), sorted(sessions)])


def done(folder: Path) -> None:
    """It has ended."""
    (folder / BEGUN).unlink()
    segments.sync_folder(folder)


def _write(folder: Path, them: Sequence[Forgotten]) -> None:
    _put(folder, NAME, [one._asdict() for one in them])


def _put(folder: Path, name: str, content: object) -> None:
    temporary = folder / f"{name}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    segments.hand_over(temporary)
    os.replace(temporary, folder / name)
    segments.sync_folder(folder)
