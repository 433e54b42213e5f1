"""From the votes of windows to a route: the lag that the test has along its way, and the lags that fit as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.aligning.voting import QUIET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.voting import Votes

    Floats = NDArray[np.float64]

NEAR = 4
"""Lags that a route may wander from window to window at little price ..."""
WANDER = 0.05
"""... in units of a window's correlation."""
LEAP = 0.8
"""Price of any other change of lag."""
RIVALS = 6
"""Lags that are looked at besides."""
LOSS = 0.35
"""Correlation that a rival may lose against the route, on the mean of the windows that it lays inside."""
SHARE = 0.4
"""Share of the route's evidence that must lie inside the reference for a lag to be a rival."""


class Route(NamedTuple):
    """The lag of each window, how well they fit (mean correlation, by evidence), and how much evidence there is."""

    lags: Floats
    fit: float
    weights: Floats


def route(votes: Votes) -> Route:
    """The best lags, window after window; time does not run backwards."""
    weights = _weights(votes)
    gain = np.asarray(votes.scores * weights[:, None], np.float64)
    total, back = gain[0], np.zeros(gain.shape, np.int32)
    every = np.arange(gain.shape[1], dtype=np.int32)
    for w in range(1, len(gain)):
        best, source = total, every
        for step in range(-NEAR, NEAR + 1):
            other = np.roll(total, step) - WANDER
            better = other > best
            best, source = np.where(better, other, best), np.where(better, (every - step) % len(every), source)
        ahead = np.maximum.accumulate(total)
        first = np.maximum.accumulate(np.where(total >= ahead, every, 0))
        limit = np.clip(every + int(votes.places[w] - votes.places[w - 1]), 0, len(every) - 1)
        other = ahead[limit] - LEAP
        better = other > best
        back[w] = np.where(better, first[limit], source)
        total = np.where(better, other, best) + gain[w]
    states = np.zeros(len(gain), np.int64)
    states[-1] = int(total.argmax())
    for w in range(len(gain) - 1, 0, -1):
        states[w - 1] = back[w, states[w]]
    chosen = votes.scores[np.arange(len(states)), states]
    told = weights * (votes.inside[np.arange(len(states)), states] > 0.5)
    fit = float((chosen * told).sum() / told.sum()) if told.sum() else 0.0
    return Route(votes.lags[states].astype(np.float64), fit, told)


def _weights(votes: Votes) -> Floats:
    """Evidence of each window: none where nothing moves, one where much does."""
    power = np.square(votes.energies.astype(np.float64))
    return np.asarray(power / (power + max(QUIET**2 * 4, 0.03 * float(power.max()))))


def rivals(votes: Votes, chosen: Route, apart: float) -> list[int]:
    """Lags `apart` or more from the route's at which the windows that lie inside fit nearly as well."""
    weights = chosen.weights[:, None] * (votes.inside > 0.8)
    told = weights.sum(axis=0)
    fit = (votes.scores * weights).sum(axis=0) / np.maximum(told, 1e-9)
    index = np.searchsorted(votes.lags, chosen.lags)
    ours = votes.scores[np.arange(len(index)), index]
    aim = (ours[:, None] * weights).sum(axis=0) / np.maximum(told, 1e-9)
    loss = np.where(told >= SHARE * chosen.weights.sum(), aim - fit, np.inf)
    loss[np.abs(votes.lags[:, None] - chosen.lags[None]).min(axis=1) < apart] = np.inf
    found: list[int] = []
    while len(found) < RIVALS and loss.min() < LOSS:
        best = int(loss.argmin())
        found.append(int(votes.lags[best]))
        loss[np.abs(votes.lags - votes.lags[best]) < apart] = np.inf
    return found


def middles(chosen: Route) -> list[float]:
    """The distinct lags of a route, where there is evidence for them."""
    told = chosen.lags[chosen.weights > 0]
    return sorted(set(told.tolist() or chosen.lags.tolist()))
