"""Scores that are kept from one run to the next, by what they were made from.

An entry is one file, `<key>.npz`: arrays, and the rest as JSON; nothing in it is ever executed. Whatever cannot be read
is as if it were not there. The folder is held to a size; what was used longest ago goes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qoe_agent.compare.shapes import Alignment, Heard, Run, Scene, Scores, Space

FORM = 1
"""Goes up when entries are written otherwise."""
ROOM = 1 << 30
"""Bytes of all entries together."""
ABANDONED = 64
"""Unfinished files that runs which were killed may leave before they are swept away."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a test once it was scored; thumbnails are not kept."""

    alignment: Alignment
    space: Space
    scores: Scores
    scenes: tuple[Scene, ...]
    heard: Heard | None
    notes: tuple[str, ...]


def key(parts: dict[str, Any]) -> str:
    """Of all that an entry depends on: plain values."""
    said = json.dumps([FORM, parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()


def digest(path: str) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code() -> str:
    """Of the program that scores: what it found by another one is not taken for its own."""
    found = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("aligning/*.py"), *here.glob("figures/*.py")]):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def get(folder: str, name: str) -> Kept | None:
    """The entry of that key; None if there is none, or none that can be read."""
    path = Path(folder, f"{name}.npz")
    try:
        found = _read(path)
    except FileNotFoundError:
        return None
    except UNREADABLE:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return found


def put(folder: str, name: str, kept: Kept, room: int = ROOM) -> None:
    """Keep an entry, whole or not at all; others go where `room` is too small. Raises OSError."""
    Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(".part", f"{name[:16]}-", folder)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, kept)
        os.replace(made, Path(folder, f"{name}.npz"))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(made)
        raise
    _evict(Path(folder), f"{name}.npz", room)


def _write(file: Any, kept: Kept) -> None:
    scores = kept.scores
    rest = {
        "alignment": asdict(kept.alignment), "space": asdict(kept.space), "notes": kept.notes,
        "scenes": [asdict(each) for each in kept.scenes], "heard": kept.heard and asdict(kept.heard),
        "metrics": list(scores.frames), "printed": dict(scores.printed), "command": scores.command,
        "versions": dict(scores.versions), "seconds": scores.seconds,
        "lacking": scores.notes,
    }  # fmt: skip
    said = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    values = np.stack([np.asarray(each, np.float64) for each in scores.frames.values()]) if scores.frames else np.empty(
        (0, len(scores.reference)))  # fmt: skip
    np.savez_compressed(file, rest=said, values=values, reference=scores.reference, test=scores.test)


def _read(path: Path) -> Kept:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
        rest = json.loads(found["rest"].tobytes())
        values, reference, test = found["values"], found["reference"], found["test"]
    frames = dict(zip(rest["metrics"], values, strict=True))
    scores = Scores(
        frames,
        reference,
        test,
        rest["printed"],
        None,
        tuple(rest["command"]),
        rest["versions"],
        rest["seconds"],
        tuple(rest["lacking"]),
    )
    laid = rest["alignment"]
    alignment = Alignment(**{**laid, "runs": tuple(Run(*each) for each in laid["runs"]), "notes": tuple(laid["notes"])})
    where = rest["space"]
    cut = {each: where[each] and tuple(where[each]) for each in ("crop", "part")}
    space = Space(**{**where, **cut, "notes": tuple(where["notes"])})
    heard = rest["heard"]
    if heard is not None:
        gone = tuple((first, end) for first, end in heard["missing"])
        heard = Heard(**{**heard, "missing": gone, "notes": tuple(heard["notes"])})
    scenes = tuple(Scene(**each) for each in rest["scenes"])
    return Kept(alignment, space, scores, scenes, heard, tuple(rest["notes"]))


def _evict(folder: Path, newest: str, room: int) -> None:
    """Those used longest ago, until the rest has room; the newest stays."""
    entries = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another run evicts, too
            found = path.stat()
            entries.append((found.st_mtime_ns, found.st_size, path))
    for path in [path for _, _, path in sorted(entries) if path.suffix == ".part"][:-ABANDONED]:
        path.unlink(missing_ok=True)
    whole = sorted(each for each in entries if each[2].suffix == ".npz")
    used = sum(size for _, size, _ in whole)
    for _, size, path in whole:
        if used <= room:
            return
        if path.name != newest:
            path.unlink(missing_ok=True)
            used -= size
