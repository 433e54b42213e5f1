"""How fast viewers leave: the curve of a real live audience, as cumulative hazard over time watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PUFFER: tuple[tuple[float, float], ...] = (
    (0, 0.0156), (3, 0.0106), (10, 0.0078), (30, 0.0061), (60, 0.0030), (120, 0.0014), (300, 0.0007), (600, 0.00037),
    (1800, 0.00024), (3600, 0.00019), (7200, 0.00015), (14400, 8.2e-5), (28800, 5.7e-5), (43200, 6.3e-5),
)  # fmt: skip
"""(from second, exits per second): 226,265 sessions of live TV in the Puffer trial (Yan et al., "Learning in situ",
NSDI 2020), computed from `watchtimes` of StanfordSNR/puffer-statistics."""
LONGEST = 77_760.0
"""Seconds after which nobody there was still seen."""


class Curve:
    """Cumulative hazard and its inverse, linear between knots.

    With a gamma frailty of variance `frailty` and mean 1 in each viewer, the audience as a whole follows `steps`: each
    single viewer's hazard then grows as those who leave soon are gone (Vaupel, Manton, Stallard, 1979).
    """

    def __init__(self, steps: tuple[tuple[float, float], ...] = PUFFER, frailty: float = 0.0) -> None:
        froms = np.array([start for start, _ in steps])
        rates = np.array([rate for _, rate in steps])
        ends = np.append(froms[1:], LONGEST)
        corners = np.concatenate(([0.0], np.cumsum(rates * (ends - froms))))
        self.knots = np.unique(np.concatenate((froms, np.geomspace(0.1, LONGEST, 400))))
        whole = np.interp(self.knots, np.append(froms, LONGEST), corners)
        self.cumulative = np.expm1(frailty * whole) / frailty if frailty else whole

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Hazard gathered until `seconds`."""
        found: NDArray[np.float64] = np.interp(seconds, self.knots, self.cumulative)
        return found

    def when(self, gathered: NDArray[np.float64]) -> NDArray[np.float64]:
        """When so much hazard is gathered; at most LONGEST."""
        found: NDArray[np.float64] = np.interp(gathered, self.cumulative, self.knots)
        return found
