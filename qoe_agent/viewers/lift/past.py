"""What is known of units before an experiment: from past sessions, or as others published it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers import effects
from qoe_agent.viewers.audience.hazards import LONGEST, PUFFER, Curve
from qoe_agent.viewers.lift.analysis import opened
from qoe_agent.viewers.lift.shapes import LENGTHS, Amount, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.asking import Asked
    from qoe_agent.viewers.lift.shapes import Design, Floats, Trial

DAY = 86400.0
WATCH = Metric("watch", Amount("watch"))
PUBLISHED = "the published watch times of a trial of live television, 226,265 sessions (Puffer: Yan et al., NSDI 2020)"
SESSIONS_ONLY = ("these are sessions: how often users come back differs, too, and experiments by user need more; "
                 "name files of past sessions")  # fmt: skip


class Past(NamedTuple):
    """What is known of units before the experiment."""

    source: str
    unit: str
    variations: dict[float | None, float]
    """By cap; of caps of which it is known."""
    values: Floats
    """Watch times of units, as bins of a histogram (not capped)."""
    shares: Floats
    """Of units, in each."""
    capped: bool
    """Whether caps can be put on these values: they are of sessions, or caps are of users."""
    units: int | None = None
    came: tuple[tuple[float, int], ...] = ()
    """(days since the first, units first seen by then)."""
    notes: tuple[str, ...] = ()


def published(caps: Sequence[float | None]) -> Past:
    """What stands in for a past of one's own."""
    edges = np.array([0.0, *LENGTHS, 2.0 * LENGTHS[-1]])
    left = np.where(edges < LONGEST, np.exp(-Curve(PUFFER).at(edges)), 0.0)
    return Past(PUBLISHED, "session", {cap: effects.supposed(cap) for cap in caps}, _middles(), -np.diff(left), True,
                notes=(SESSIONS_ONLY,))  # fmt: skip


def _middles() -> Floats:
    edges = np.array([LENGTHS[0] / 2.0, *LENGTHS, LENGTHS[-1] * 2.0 ** (1 / 16)])
    return np.asarray(np.sqrt(edges[:-1] * edges[1:]))


def of_asked(asked: Asked) -> Past:
    """From the files or facts that are named."""
    design = replace(asked.design, metrics=(WATCH, Metric("sessions", Amount("sessions"))), segments=(),
                     allocation=None)  # fmt: skip
    columns = replace(asked.columns, arm="")
    with opened(replace(asked, columns=columns, design=design)) as rows:
        if not rows.engine.rows(rows.table.select("watch").limit(1)).num_rows:
            raise ValueError(f"{_files(asked)}: no sessions of which it is known how long they were")
        trial = rows.past(design)
        first = rows.seen().get("first")
    return of_trial(trial, design, f"{sum(trial.sessions.values()):,} past sessions ({_files(asked)})",
                    first / 1000.0 if first else None)  # fmt: skip


def of_trial(trial: Trial, design: Design, source: str, first: float | None) -> Past:
    """What sessions of the past say; `first`: when the first of them began, Unix seconds."""
    moments, pre = trial.arms.get(""), tuple(Amount(each, before=True) for each in design.pre)
    by = trial.groups.get(design.strata) if design.strata else None
    found = {cap: effects.variation(WATCH, moments, cap=cap, pre=pre, by=by) if moments else None
             for cap in design.caps}  # fmt: skip
    counts = trial.units[""] if "" in trial.units else np.zeros(len(LENGTHS) + 1)
    if moments is None or not any(found.values()) or not counts.sum():
        raise ValueError(f"{source}: nothing that was watched for any time: no plan can be made of it")
    notes = list(trial.notes)
    if trial.unit == "session":
        notes.append(SESSIONS_ONLY.partition(";")[0] + "; name a column of users (--user)")
    came = _came(trial, first, design.window or 0.0)
    return Past(
        source, trial.unit, {cap: each for cap, each in found.items() if each}, _middles(), counts / counts.sum(),
        trial.unit == "session" or design.cap_unit != "session", moments.units, came,
        tuple(notes),
    )  # fmt: skip


def _came(trial: Trial, first: float | None, window: float) -> tuple[tuple[float, int], ...]:
    """By how many days after the first so many units had come. They are known of by the ends of their windows; those
    whose windows are not over are not among them."""
    if first is None or len(trial.entered) < 3:
        return ()
    begin = first + window
    total = np.cumsum([sum(each.units for each in arms.values()) for _, arms in trial.entered])
    return tuple(((when - begin) / DAY, int(count)) for (when, _), count in zip(trial.entered, total, strict=True))


def _files(asked: Asked) -> str:
    where = str(asked.facts) if asked.facts else ", ".join(str(each) for each in asked.files[:3])
    return where + (f" and {len(asked.files) - 3} more" if len(asked.files) > 3 else "")
