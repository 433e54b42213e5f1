"""Whether arms disturb each other: behind one uplink, cache or encoder what one arm takes the other lacks.

A comparison of viewers side by side then says little of what happens when everybody gets the treatment (Spang et al.,
"Unbiased experiments in congested networks", IMC 2021). What shows it: watching in both arms depends on how many of the
treatment are there at the same stream and time.
"""

from __future__ import annotations

from math import expm1, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.effects.regressing import Blocks, fit
from qoe_agent.viewers.lift.shapes import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Shared

NAME = "interference"
LEAST = 20
"""Streams and times in which both arms watched."""
COARSE = log(1.5)
"""Half the width of an interval beyond which nothing is said."""
REMEDY = "where arms share an encoder, an uplink or a cache, give whole streams and times to one arm (a switchback)"


def interference(shared: Sequence[Shared], control: str, treatment: str, *, alpha: float = 0.05) -> Check:
    """Mean watch time of both arms on the treatment's share of sessions, within streams; a moment of a stream is one
    unit of chance. The slopes of both arms are averaged: users of many or long sessions tilt them against each other
    only."""
    arms = control, treatment
    kept = [each for each in shared if min(each.sessions.get(arm, 0) for arm in arms) > 0]
    if len(kept) < LEAST:
        return Check(NAME, "not possible", f"needs {LEAST} streams and times in which both arms watched; {REMEDY}")
    found = fit(_blocks(kept, arms), logarithms=True)
    error = sqrt(float(found.covariance[0, 0])) if found else 0.0
    if found is None or not error > 0.0:
        return Check(NAME, "not possible", f"the arms' shares are the same everywhere; {REMEDY}")
    theta, reach = float(found.theta[0]), t_quantile(1.0 - alpha, found.freedom) * error
    p = t_tail(theta / error, found.freedom)
    ends = " to ".join(_longer(expm1(each)) for each in (theta - reach, theta + reach))
    told = f"with all sessions in {treatment} rather than none both arms would watch {ends}"
    if p < alpha:
        text = f"watching depends on how many of {treatment} watch the same (p = {p:.2g}; {told}): {REMEDY}"
        return Check(NAME, "notice", text, p)
    if reach > COARSE:
        return Check(NAME, "not possible", f"the arms' shares differ too little between streams and times; {REMEDY}", p)
    return Check(NAME, "passed", f"no sign that watching depends on who else watches (p = {p:.2g}; {told})", p)


def _longer(lift: float) -> str:
    return f"{100.0 * abs(lift):.1f} % {'longer' if lift >= 0.0 else 'shorter'}"


def _blocks(kept: Sequence[Shared], arms: tuple[str, str]) -> Blocks:
    """Two a stream and time: one an arm."""
    sessions = np.array([[each.sessions[arm] for arm in arms] for each in kept], float)
    watched = np.array([[each.watched[arm] for arm in arms] for each in kept])
    names = {name: number for number, name in enumerate(dict.fromkeys(each.stream for each in kept))}
    share = sessions[:, 1:] / sessions.sum(axis=1, keepdims=True) * np.ones(2)
    side = np.ones((len(kept), 1)) * np.array([-0.5, 0.5])
    columns = np.stack((share, side, share * side), axis=2).reshape(-1, 3)
    stream, moment = (np.repeat(each, 2) for each in (np.array([names[each.stream] for each in kept]),
                                                      np.arange(len(kept))))  # fmt: skip
    return Blocks(watched.ravel(), sessions.ravel(), stream, moment, columns)
