"""Stalls: which count."""

from __future__ import annotations

import pytest

from qoe_agent.maths.playout import Event
from qoe_agent.maths.stalls import Stalls


@pytest.mark.parametrize(("lag", "piece", "count"), [(2.6, 2.0, 0), (2.6, 0.0, 1), (0.2, 2.0, 1), (0.9, 2.0, 1)])
def test_what_appears_while_the_agent_stands_still_is_fetched_after_that(lag: float, piece: float, count: int) -> None:
    stalls = Stalls(0.1)
    stalls.event(Event("stall", 10.0, 5.0, 5.0))
    stalls.event(Event("resume", 13.1, 5.0, 5.0))
    stalls.tick(13.2, lag, piece)
    assert stalls.counted()[0] == count
