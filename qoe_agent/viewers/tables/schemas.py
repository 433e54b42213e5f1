"""The columns that files may have, and what is wrong with values (in DuckDB's SQL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.events import CAUSES, KINDS, STATES
from qoe_agent.viewers.plain import FIRST, LAST
from qoe_agent.viewers.tables.engines import identifier, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

TIMES = ("start", "end", "last_seen", "exit_low", "exit_high", "at", "received_at", "media_at")
LENGTHS = ("watch_seconds", "startup_seconds", "stall_seconds", "latency_seconds", "stalled_total_seconds",
           "interval_seconds")  # fmt: skip
COUNTS = ("stalls", "sn", "stalls_total", "bytes_per_second", "value")
NUMBERS = frozenset((*TIMES, *LENGTHS, *COUNTS, "height", "bucket"))

SESSIONS = frozenset((
    "session", "user", "stream", "start", "watch_seconds", "end", "last_seen", "exit_low", "exit_high",
    "startup_seconds", "stalls", "stall_seconds", "height", "latency_seconds", "arm", "cause", "bucket",
))  # fmt: skip
"""Columns of a sessions file; any other is an attribute."""
SESSION_ENDS = ("watch_seconds", "end", "exit_low", "last_seen")
EVENTS = frozenset((
    "at", "received_at", "session", "user", "stream", "kind", "sn", "state", "cause", "error", "background",
    "media_at", "startup_seconds", "stall_seconds", "stalls_total", "stalled_total_seconds", "latency_seconds",
    "interval_seconds", "height", "bytes_per_second", "rendition", "cdn", "region", "device", "network", "value",
    "currency", "message", "experiment", "arm", "attributes", "bucket",
))  # fmt: skip
"""Columns of an events file: the keys of a plain JSON event; any other is an attribute."""
EXITS = {"left": 0, "quit": 0, "lost": 0, "failed": 1, "refused": 1, "background": 2, "backgrounded": 2, "switched": 3,
         "ended": -1, "censored": -1}  # fmt: skip
"""Causes as files and events name them, as indices into shapes.CAUSES; -1: no exit."""
BOOLEANS = ("true", "false", "1", "0")
_LONGEST = 31_622_400
"""Seconds: a year."""


class Rule(NamedTuple):
    """A value that must not be."""

    column: str
    fault: str
    """True where it is wrong, in SQL."""
    expected: str


class Form(NamedTuple):
    """What files of a kind must be like."""

    numbers: frozenset[str]
    """Columns that hold numbers; others hold text."""
    times: frozenset[str]
    """Of these: Unix seconds."""
    missing: Callable[[Collection[str]], tuple[str, str] | None]
    """What the columns of a file lack: (column, expected)."""
    rules: Callable[[Collection[str]], list[Rule]]
    """All that may be wrong with the values of a file with these columns."""
    of_viewers: bool = False
    """Whether these are sessions or events by the documented columns."""


def is_events(columns: Collection[str]) -> bool:
    """Whether these are the columns of events."""
    return "kind" in columns and "session" in columns and ("at" in columns or "sn" in columns)


def is_sessions(columns: Collection[str]) -> bool:
    """Whether these are the columns of sessions."""
    return any(each in columns for each in SESSION_ENDS)


def missing(columns: Collection[str]) -> tuple[str, str] | None:
    """What the columns of a file lack: (column, expected)."""
    if is_events(columns):
        return None
    if not is_sessions(columns):
        return "header", ("must have columns of sessions (one of watch_seconds, end, exit_low, last_seen) or of events "
                          "(session, kind, at)")  # fmt: skip
    if "start" not in columns and "watch_seconds" not in columns:
        return "start", "required where there is no watch_seconds"
    if "exit_high" in columns and "exit_low" not in columns:
        return "exit_low", "required where there is exit_high"
    return None


def rules(columns: Collection[str]) -> list[Rule]:
    """All that may be wrong with the values of a file with these columns."""
    found = [_of_number(column) for column in sorted(NUMBERS & set(columns))]
    words = (("kind", KINDS), ("state", STATES), ("cause", tuple(EXITS))) if is_events(columns) else (
        ("cause", tuple(EXITS)),)  # fmt: skip
    for column, allowed in (*words, ("background", BOOLEANS)):
        if column in columns:
            shown = CAUSES if column == "cause" else allowed
            listed = ", ".join(map(quoted, allowed))
            found.append(Rule(column, f'lower("{column}"::varchar) not in ({listed})', "must be " + " or ".join(shown)))
    return found + (_of_events(columns) if is_events(columns) else _of_sessions(columns))


VIEWERS = Form(NUMBERS, frozenset(TIMES), missing, rules, of_viewers=True)
"""Files of sessions or events."""


def of_time(column: str) -> Rule:
    """A time, in Unix seconds."""
    return Rule(column, _outside(column, FIRST, LAST),
                "must be a time in Unix seconds (2001 to 2100), not milliseconds")  # fmt: skip


def of_length(column: str) -> Rule:
    """A length, in seconds."""
    return Rule(column, _outside(column, 0, _LONGEST),
                f"must be seconds, 0 or more and at most {_LONGEST:,} (a year)")  # fmt: skip


def _outside(column: str, least: float, most: float) -> str:
    """Not a number between these. What is none has to be asked for: statistics in Parquet files do not see it."""
    value = f"{identifier(column)}::double"
    return f"not (isfinite({value}) and {value} between {least} and {most})"


def _of_number(column: str) -> Rule:
    if column in TIMES:
        return of_time(column)
    if column in LENGTHS:
        return of_length(column)
    if column == "height":
        return Rule(column, _outside(column, 1, 65535),
                    "must be lines of the picture, 1 or more (empty: not known)")  # fmt: skip
    if column == "bucket":
        return Rule(column, _outside(column, 0, 999), "must be from 0 to 999")
    return Rule(column, _outside(column, 0, 9e15), "must be a number, 0 or more")


def _of_events(columns: Collection[str]) -> list[Rule]:
    found = [Rule(column, f'"{column}" is null', "required") for column in ("session", "kind")]
    either = [f'"{each}" is null' for each in ("at", "sn") if each in columns]
    return [*found, Rule("at" if "at" in columns else "sn", " and ".join(either), "required where there is no sn")]


def _of_sessions(columns: Collection[str]) -> list[Rule]:
    ends = [each for each in SESSION_ENDS if each in columns]
    lost = " and ".join(f'"{each}" is null' for each in ends)
    found = [
        Rule("session", '"session" is null', "required"),
        Rule(ends[0], lost, f"one of {', '.join(ends)} is required"),
    ]
    for low, high in (("start", "end"), ("start", "last_seen"), ("start", "exit_low"), ("exit_low", "exit_high")):
        if {low, high} <= set(columns):
            found.append(Rule(high, f'"{high}" < "{low}"', f"must not be before {low}"))
    if "start" in columns:
        absolute = [each for each in ("end", "exit_low", "last_seen") if each in columns]
        lone = ' and "watch_seconds" is null' if "watch_seconds" in columns else ""
        if absolute:
            some = " or ".join(f'"{each}" is not null' for each in absolute)
            found.append(
                Rule("start", f'"start" is null and ({some}){lone}', "required where there is no watch_seconds")
            )
    return found
