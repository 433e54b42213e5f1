"""The alert state in its file: what was told, and what has yet to be delivered, across restarts."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.alerts.cases import ORDER, Case, Name, Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.alerts.cases import State

VERSION = 1
MOST_BYTES = 64 << 20
"""The largest state that is read."""


class Unreadable(Exception):
    """The file is there, and not a state that can be used; says why."""


class Saved(NamedTuple):
    """What a file holds."""

    state: State
    at: float
    """When it was saved."""
    resolved: list[Notice]
    """Ends that Alertmanagers are still reminded of."""
    waiting: dict[str, list[Notice]]
    """What webhooks have yet to be told, by receiver."""


def written(state: State, offset: float) -> list[Any]:
    """The cases as JSON values; `offset` makes Unix seconds of their times."""
    found = []
    for name, case in state.items():
        spells = [[start + offset, None if end is None else end + offset] for start, end in case.spells.items()]
        ended = None if case.ended is None else case.ended + offset
        said = {field.name: getattr(case, field.name) for field in fields(case)}
        found.append({**said, "name": list(name), "start": case.start + offset, "spells": spells, "ended": ended})
    return found


def cases_of(found: list[Any], offset: float) -> dict[Name, Case]:
    """The cases that `written` wrote, in times of this process. Raises where they are not such."""
    cases = {}
    for one in found:
        said = dict(one)
        name = Name(*map(_word, said.pop("name")))
        spells = {_time(start, offset): None if end is None else _time(end, offset) for start, end in said["spells"]}
        ended = None if said["ended"] is None else _time(said["ended"], offset)
        if any(said[each] not in ORDER for each in ("severity", "told") if said[each] is not None):
            raise ValueError("a severity that is none")
        cases[name] = Case(**{**said, "start": _time(said["start"], offset), "spells": spells, "ended": ended})
    return cases


def notices_of(found: Iterable[Mapping[str, Any]]) -> list[Notice]:
    """Notices (in Unix seconds) out of the file."""
    return [Notice(**{**one, "name": Name(*map(_word, one["name"]))}) for one in found]


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name must be text")
    return value


def _time(value: Any, offset: float) -> float:
    return float(value) - offset


def text_of(saved: Saved, offset: float) -> str:
    """What the file is to hold."""
    whole = {
        "version": VERSION,
        "saved": saved.at + offset,
        "cases": written(saved.state, offset),
        "resolved": [asdict(notice) for notice in saved.resolved],
        "waiting": {name: [asdict(notice) for notice in notices] for name, notices in saved.waiting.items()},
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=str)


def read(path: str, offset: float) -> Saved | None:
    """What the file at `path` holds; None if there is none. Unreadable: nothing that can be used."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(error.strerror or "cannot be read") from None
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("too large")
        whole = json.loads(raw)
        if whole["version"] != VERSION:
            raise Unreadable(f"it is of version {whole['version']!r:.20}, not {VERSION}")
        waiting = {_word(name): notices_of(notices) for name, notices in whole["waiting"].items()}
        cases = cases_of(whole["cases"], offset)
        return Saved(cases, _time(whole["saved"], offset), notices_of(whole["resolved"]), waiting)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable("it is damaged") from None


def write(path: str, text: str) -> None:
    """Put `text` at `path`, whole or not at all. OSError: it cannot be."""
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, temporary = tempfile.mkstemp(prefix=".alerts-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
