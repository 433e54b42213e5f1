"""What is sent, minute by minute of the media: how sharp the picture is, where the sound lies; and as a probe writes it
down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.audience.plan import HEIGHT, HEIGHTS, OFFSET, OFFSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.plan import Plan

MINUTE = 60.0
LASTING = 6.0
"""Minutes for which it stays as it is, on average."""
SHARP, STEPPED = (0.2, 0.2, 0.35, 0.25), (0.15, 0.7, 0.15)
"""Shares of time of each of HEIGHTS and OFFSETS."""
MISSED = 0.05
"""Share of minutes that the probe did not measure."""


@dataclass(frozen=True, slots=True)
class Sent:
    """(streams, minutes)"""

    height: NDArray[np.int64]
    """Lines that the picture is worth."""
    offset: NDArray[np.float64]
    """Seconds by which sound is late."""

    def ratio(self, plan: Plan) -> NDArray[np.float64]:
        """What it multiplies the hazard by."""
        sharp = np.array(plan.effects.effective_height)[np.digitize(self.height, HEIGHT)]
        found: NDArray[np.float64] = sharp * np.array(plan.effects.av_offset)[np.digitize(self.offset, OFFSET)]
        return found


def sent(plan: Plan) -> Sent:
    """All streams of `plan`; where nothing is measured, it is as good as can be."""
    minutes = int(plan.seconds / MINUTE) + 1
    shape = plan.streams, minutes
    if not plan.measures:
        return Sent(np.full(shape, HEIGHTS[-1]), np.zeros(shape))
    rng = np.random.default_rng((plan.seed, 11))
    height = _lasting(np.array(HEIGHTS), SHARP, shape, rng)
    return Sent(height, _lasting(np.array(OFFSETS), STEPPED, shape, rng))


def _lasting(values: NDArray[Any], shares: tuple[float, ...], shape: tuple[int, int],
             rng: np.random.Generator) -> NDArray[Any]:  # fmt: skip
    fresh = rng.random(shape) < 1 / LASTING
    fresh[:, 0] = True
    drawn = rng.choice(len(values), size=shape, p=shares)
    since = np.maximum.accumulate(np.where(fresh, np.arange(shape[1]), 0), axis=1)
    return values[np.take_along_axis(drawn, since, axis=1)]


def measures(plan: Plan) -> Iterator[dict[str, Any]]:
    """Lines as `viewers.measures` writes them, but for minutes that the probe missed."""
    told = sent(plan)
    there = np.random.default_rng((plan.seed, 12)).random(told.height.shape) >= MISSED
    for stream, minute in np.argwhere(there).tolist():
        yield {
            "stream": plan.stream(stream), "at": plan.begins + MINUTE * minute, "seconds": MINUTE,
            "height": HEIGHTS[-1], "effective_height": int(told.height[stream, minute]),
            "latency": plan.probe_latency, "av_offset": float(told.offset[stream, minute]),
        }  # fmt: skip
