"""What is compared: the usual metrics, and how others, margins and shares are written on a command line."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.shapes import LANDMARKS, Amount, Metric

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from qoe_agent.viewers.lift.shapes import Columns, Design

WATCH, SESSIONS = Amount("watch"), Amount("sessions")
STALLS, ORDERS = "stall_seconds", "orders"
USED = (STALLS, ORDERS)
"""Columns from which something is told whenever they are there."""
DELIVERED = ("height", "effective_height", "mos", "bytes_per_second")
"""Columns that tell what was delivered, looked at whenever they are there."""
PER_HOUR = "_per_hour"
"""Metrics whose names end so are ratios to seconds, told an hour."""
CALLED = {
    "watch_if_delivered": "watch time, if delivered",
    "watch": "watch time", "watch_per_session": "time a session", "sessions": "sessions",
    "stall_ratio": "share of time stalled", "orders_per_hour": "orders an hour",
    "rank": "outlasts the other (rank)", "returned_1d": "came back next day",
    "returned_7d": "came back in 7 days",
}  # fmt: skip
"""What people call metrics."""
RETURNS = (1, 7)
"""Days within which users may return."""


def usual(columns: Columns, known: Collection[str], cap: float | None) -> tuple[Metric, ...]:
    """What is told unasked, as far as these columns are known; what is not watch itself, at this cap."""
    found = [Metric("watch", WATCH)]
    if columns.user is not None:
        found += [
            Metric("watch_per_session", WATCH._replace(cap=cap), SESSIONS),
            Metric("sessions", SESSIONS),
        ]
    found += [Metric(f"longer_than_{mark:g}s", Amount("watch", above=mark), SESSIONS) for mark in LANDMARKS]
    if STALLS in known:
        found.append(Metric("stall_ratio", Amount(STALLS), Amount("watch", known=STALLS), "less"))
    if ORDERS in known:
        found.append(Metric("orders_per_hour", Amount(ORDERS), Amount("watch", known=ORDERS)))
    if columns.user is not None and columns.time is not None:
        found += [
            Metric(f"returned_{days}d", Amount("returned", cap=days), Amount("returnable", cap=days))
            for days in RETURNS
        ]
    return tuple(found)


def called(name: str) -> str:
    """What a metric is called in a sentence."""
    return CALLED.get(name, name.replace("_", " "))


def together(design: Design, columns: Columns, known: Collection[str]) -> tuple[Metric, ...]:
    """The usual metrics and those of the design, which win where names are the same; watch is the first. Where arms
    change by blocks, nothing is told by user."""
    by_block = design.switchback is not None or columns.block is not None
    told = usual(replace(columns, user=None) if by_block else columns, known, design.caps[0])
    chosen = {each.name: each for each in told}
    for each in design.metrics:
        plain = chosen.get(each.name)
        better = each.better if each.margin is not None or plain is None else plain.better
        chosen[each.name] = each if plain is None else plain._replace(margin=each.margin, better=better)
    return tuple(chosen.values())


def metric(text: str) -> Metric:
    """Of `COLUMN`, by user, or `COLUMN/COLUMN`, a ratio of sums; `watch` and `sessions` are columns, too.

    ValueError: it is neither.
    """
    above, slash, below = (each.strip() for each in text.partition("/"))
    if not above or (slash and not below) or "/" in below:
        raise ValueError(f"{text}: must be COLUMN or COLUMN/COLUMN")
    named = {each.name: each for each in usual_of(text.strip())}
    if text.strip() in named:
        return named[text.strip()]
    if not slash:
        return Metric(above, Amount(above))
    return Metric(f"{above}/{below}", Amount(above, known=_told(below)), Amount(below, known=_told(above)))


def usual_of(name: str) -> tuple[Metric, ...]:
    """A usual metric of this name, if there is one."""
    from qoe_agent.viewers.lift.shapes import Columns

    whole = usual(Columns("user", "arm", "watch", time="time"), USED, None)
    return tuple(each for each in whole if each.name == name)


def _told(column: str) -> str:
    """The column of which a session must be known for the other's half of a ratio; of all sessions it is: none."""
    return "" if column in ("watch", "sessions") else column


def guardrail(text: str) -> Metric:
    """Of `METRIC:MARGIN`: a negative margin is a fall that is just tolerable, a positive one a rise.

    ValueError: it is not written so.
    """
    name, colon, margin = text.rpartition(":")
    expected = f"{text}: must be METRIC:MARGIN, such as orders_per_hour:-0.01 or stall_ratio:0.02"
    try:
        bound = float(margin)
    except ValueError:
        raise ValueError(expected) from None
    if not colon or not isfinite(bound) or bound == 0.0 or not -1.0 < bound < 10.0:
        raise ValueError(expected)
    return metric(name)._replace(margin=bound, better="more" if bound < 0.0 else "less")


def shares(text: str) -> dict[str, float]:
    """Of `hd=.9,sd=.1`: shares by arm, which add up to one when they are used. ValueError: it is not written so."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.strip().rpartition("=")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not name or not equals or name in found or not (isfinite(value) and value > 0.0):
            raise ValueError(f"{text}: must be ARM=SHARE,ARM=SHARE, such as hd=0.9,sd=0.1, each arm once")
        found[name] = value
    return found


def columns(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """Of numbers that a file must have for these."""
    made = ("watch", "sessions", "returned", "returnable")
    amounts = [each for one in metrics for each in (one.of, one.over) if each is not None]
    return tuple(dict.fromkeys(
        name for each in amounts for name in (each.column, each.known) if name and name not in made
    ))  # fmt: skip


def known_by(measures: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """Of these columns, those that are there."""
    return tuple(each for each in measures if each in known)
