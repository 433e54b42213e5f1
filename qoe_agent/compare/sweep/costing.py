"""What an hour of video costs at the user's prices: to encode, to keep, to deliver."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.compare.sweep.shapes import Cost

if TYPE_CHECKING:
    from qoe_agent.compare.sweep.shapes import Encoded, Prices

HOUR = 3600.0
GB = 1e9


def cost(one: Encoded, prices: Prices | None) -> Cost | None:
    """Of an hour: core hours of its encode, GB delivered in the hours watched of it, GB kept for the months said.

    The encode is the median of repeats, and includes what reading and scaling the reference takes.
    """
    if prices is None or not one.seconds:
        return None
    hours = median(one.cpu) / one.seconds
    gigabytes = one.bits_per_second * HOUR / 8 / GB
    return Cost(
        hours * prices.cpu_hour,
        gigabytes * prices.storage_gb_month * prices.months,
        gigabytes * prices.egress_gb * prices.viewer_hours,
    )
