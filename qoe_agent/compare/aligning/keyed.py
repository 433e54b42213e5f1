"""What pictures tell that are coded by themselves, and of those between them: these are never late.

An encoder short of bits leaves pictures that lean on others as they were. In a slow pan all of those may then speak for
an older path, by little each. Where edges are known, what lies between pictures that are coded by themselves, and that
together clearly lie where the path has them, lies there, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.compare.aligning import paths
from qoe_agent.compare.aligning.doubts import ENDS, edged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.laying import Laid, Numbers, Singles

    Flags = NDArray[np.bool_]

BESIDE = (-2.0, -1.0, 1.0, 2.0)
"""Frames by which other paths lie off."""
MOST = 10.0
"""Nats of one picture that count at most: right beside a cut it has hundreds."""
SPREAD = 2.0
"""Nats by which pictures differ at least in what they tell, where few seem to agree better."""
CLEARLY = 4.0
"""Times its own error that their sum must be."""
TURNS = 3
"""Times at most that a path is moved."""


def moved(laid: Laid[Any]) -> None:
    """Move a path that pictures coded by themselves clearly have elsewhere, as long as they do."""
    for _ in range(TURNS if edged(laid) else 0):
        found = {by: laid.gains(laid.lags + by, laid.fresh) for by in BESIDE}
        by = min(found, key=lambda each: float(_most(found[each][1]).sum()))
        if not clear(-found[by][1]):
            return
        which, nats = laid.gains(laid.lags + by)
        if not _told(laid.fresh[which], -nats):
            return
        laid.move(laid.lags + by)


def anchored(laid: Laid[Any], on: Flags) -> Flags:
    """Frames of the test that lie between such pictures, each of them among the frames `on` that are found."""
    held = np.zeros(len(on), bool)
    if not edged(laid):
        return held
    own, told = laid.fresh & on, [laid.gains(laid.lags + by, on) for by in BESIDE]
    for start, end in paths.pieces(laid.lags, 0.0):
        at = start + np.flatnonzero(own[start:end])
        if len(at) and all(_told(own[each[0]], each[1]) for each in _within(told, int(at[0]), int(at[-1]) + 1)):
            held[at[0] : at[-1] + 1] = True
    return held


def margin(laid: Laid[Any], held: Flags) -> float:
    """Nats by which the path is better than the best beside it, by such pictures among the frames `held`."""
    if not held.any():
        return 0.0
    return min(float(_most(laid.gains(laid.lags + by, laid.fresh & held)[1]).sum()) for by in BESIDE)


def clear(nats: Singles) -> bool:
    """Whether what such pictures tell, two or more, is clear, and neither one of them nor some in a row are against it.

    A change of lag may hide there.
    """
    nats = _most(nats)
    if len(nats) < 2:
        return False
    error = max(float(nats.std(ddof=1)), SPREAD) * float(np.sqrt(len(nats)))
    against, worst = 0.0, 0.0
    for each in nats.tolist():
        against = max(against - each, 0.0)
        worst = max(worst, against)
    return bool(nats.sum() >= CLEARLY * error) and worst <= ENDS


def _told(own: Flags, nats: Singles) -> bool:
    """Whether pictures coded by themselves, `own` of those with `nats`, clearly tell, and others against them less."""
    others = nats[~own]
    return clear(nats[own]) and (not len(others) or float(-others.mean()) <= float(_most(nats[own]).mean()))


def _within(told: list[tuple[Numbers, Singles]], start: int, end: int) -> list[tuple[Numbers, Singles]]:
    """Those of the test's frames from `start` up to `end`."""
    return [(which[inside], nats[inside]) for which, nats in told for inside in [(which >= start) & (which < end)]]


def _most(nats: Singles) -> Singles:
    return np.clip(nats, -MOST, MOST)
