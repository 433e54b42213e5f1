"""A stream's exits second by second, with bursts that content causes, and what one incident adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import Incident, Timeline

if TYPE_CHECKING:
    from numpy.random import Generator

BEFORE, AFTER = 3600, 600
HAZARD = 8e-4
"""Exits a second and viewer; of Puffer's television in the second to fifth minute."""
FREEZE, LAG = 8.0, 30.0
HELD = 5
"""Seconds for which the intensity of content stays as it is."""


class Struck(NamedTuple):
    timeline: Timeline
    incident: Incident
    truth: float
    """Exits that came on top."""
    naive_p: float
    """Of a plain Poisson comparison of the window with the ten minutes before."""


def struck(source: Generator, *, viewers: float = 5000.0, exposed: float = 1.0, ratio: float = 1.0, burst: float = 0.3,
           lasting: float = 60.0, heartbeat: float = 0.0, apart: float = 0.0) -> Struck:  # fmt: skip
    """`burst`: log sd of the content's AR(1) intensity, which lasts `lasting` seconds and strikes all alike; `apart`:
    the same for each group by itself. `ratio`: of exits, in the incident and 30 s after it."""
    steps = BEFORE + AFTER
    shared = _walk(source, steps, burst, lasting)
    usual = np.zeros((2, steps))
    watching = np.stack([np.full(steps, viewers * exposed), np.full(steps, viewers * (1 - exposed))])
    for row in range(2):
        usual[row] = source.poisson(watching[row] * HAZARD * np.exp(shared + _walk(source, steps, apart, lasting)))
    added = np.zeros(steps)
    window = slice(BEFORE, BEFORE + int(FREEZE + LAG))
    added[window] = source.poisson(watching[0, window] * HAZARD * np.exp(shared[window]) * (ratio - 1.0))
    exits = usual.copy()
    exits[0] += added
    seen, before = exits[0, window].sum(), exits[0, BEFORE - 600 : BEFORE].sum()
    z = np.log((seen + 0.5) / (FREEZE + LAG) / (before + 0.5) * 600.0) / np.sqrt(1 / (seen + 0.5) + 1 / (before + 0.5))
    exits = _spread(exits, int(heartbeat))
    timeline = Timeline("s", 0.0, 1.0, watching, exits, np.zeros((2, steps)), heartbeat=heartbeat)
    incident = Incident("i", "freeze", "s", float(BEFORE), BEFORE + FREEZE)
    return Struck(timeline, incident, float(added.sum()), float(np.exp(-0.717 * abs(z) - 0.416 * z * z)))


def _walk(source: Generator, steps: int, sd: float, lasting: float) -> np.ndarray:
    keep = np.exp(-HELD / lasting)
    noise = source.normal(0.0, sd * np.sqrt(1 - keep * keep), -(-steps // HELD)).tolist()
    level, found = source.normal(0.0, sd), []
    for each in noise:
        level = keep * level + each
        found.append(level)
    return np.repeat(found, HELD)[:steps]


def _spread(exits: np.ndarray, heartbeat: int) -> np.ndarray:
    """An exit lies anywhere between the report before it and the next: that is where tables put it."""
    if not heartbeat:
        return exits
    half = np.ones(heartbeat) / heartbeat
    spread = [np.convolve(np.convolve(row, half, "full"), half, "full") for row in exits]
    return np.stack([row[heartbeat - 1 : heartbeat - 1 + exits.shape[1]] for row in spread])
