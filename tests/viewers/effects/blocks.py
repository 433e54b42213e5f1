"""Switchbacks with a known effect: streams whose audiences and moods last longer than a block."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qoe_agent.viewers.lift.shapes import Amount, Moments, Trial

WATCH, SESSIONS = Amount("watch"), Amount("sessions")
DESIGNS = ("drawn block by block", "alternating", "drawn four blocks at once", "all streams at once")


class Design(NamedTuple):
    streams: int
    blocks: int
    """Of each stream."""
    drawn: str = DESIGNS[0]
    lift: float = 0.05
    lasting: float = 0.8
    """Of noise: correlation from block to block."""
    noise: float = 0.3
    """Log standard deviation of a block's mean."""
    carried: float = 0.0
    """Share of the effect that is the arm's before."""


def switched(source: np.random.Generator, design: Design) -> Trial:
    """One draw."""
    common = _arms(source, design, 0)
    rows = []
    for stream in range(design.streams):
        arms = common if design.drawn == DESIGNS[3] else _arms(source, design, stream)
        before = np.concatenate((arms[:1], arms[:-1]))
        effect = np.log1p(design.lift) * ((1.0 - design.carried) * arms + design.carried * before)
        mood = source.normal(0.0, 0.5) + _lasting(source, design.blocks, design.lasting) * design.noise
        crowd = source.normal(5.0, 1.0) + 0.5 * _lasting(source, design.blocks, 0.7)
        sessions = 1 + source.poisson(np.exp(crowd))
        watch = 300.0 * source.gamma(sessions / 7.7, 7.7) * np.exp(mood + effect)
        sums = np.array([watch, sessions.astype(float)]).T
        rows += [(f"s{stream:03}", 3600.0 * at, ("sd", "hd")[arm], sums[at]) for at, arm in enumerate(arms)]
    none = Moments((WATCH, SESSIONS), 1, np.zeros(2), np.zeros((2, 2)))
    return Trial("block", {"sd": none, "hd": none}, {}, {}, {}, {}, {}, {}, blocks=tuple(rows))


def _arms(source: np.random.Generator, design: Design, stream: int) -> np.ndarray:
    if design.drawn == DESIGNS[1]:
        return (np.arange(design.blocks) + stream) % 2
    if design.drawn == DESIGNS[2]:
        return np.repeat(source.integers(0, 2, design.blocks // 4 + 1), 4)[: design.blocks]
    return source.integers(0, 2, design.blocks)


def _lasting(source: np.random.Generator, count: int, correlation: float) -> np.ndarray:
    fresh = source.normal(size=count) * np.sqrt(1.0 - correlation**2)
    fresh[0] = source.normal()
    for at in range(1, count):
        fresh[at] += correlation * fresh[at - 1]
    return fresh
