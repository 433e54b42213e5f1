"""Startup as new viewers meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qoe_agent.model import Joined, Opened, Tick
from qoe_agent.probes.startup import ATTEMPTS, FIRST_PACKET, PHASE, STARTUP, WITHIN, Startup
from tests.findings import keep

if TYPE_CHECKING:
    from qoe_agent.model import Observation


def join(at: float, startup: float | None, outcome: str = "ok") -> Joined:
    first = None if startup is None else startup / 2
    return Joined(at, at - (startup or 0.0), outcome, startup, first, startup, {"connect": 0.01})


def test_joins_fill_histogram_and_share() -> None:
    kept = keep([join(1.0, 0.4), join(2.0, 1.0), join(3.0, 2.5), Tick(4.0)], Startup())
    count, total = kept.histograms[STARTUP.name,]
    assert count == 3
    assert total == pytest.approx(3.9)
    assert kept.gauges[WITHIN.name,] == pytest.approx(2 / 3)
    assert kept.gauges[FIRST_PACKET.name,] == 1.25
    assert kept.counter(ATTEMPTS, "ok") == 3


def test_a_failed_join_is_not_quick_but_a_refusal_by_authentication_is_our_own_affair() -> None:
    seen: list[Observation] = [join(1.0, 0.4), join(2.0, None, "deadline"), join(3.0, None, "auth"), Tick(4.0)]
    kept = keep(seen, Startup())
    assert kept.gauges[WITHIN.name,] == 0.5
    assert [kept.counter(ATTEMPTS, it) for it in ("ok", "deadline", "auth")] == [1, 1, 1]
    assert kept.histograms[STARTUP.name,][0] == 1, "never started is not zero (CTA-2066)"


def test_the_share_is_that_of_the_last_hour() -> None:
    kept = keep([join(0.0, 5.0), join(1800.0, 0.5), Tick(3700.0)], Startup())
    assert kept.gauges[WITHIN.name,] == 1.0
    kept = keep([join(0.0, 5.0), Tick(3700.0)], Startup())
    assert kept.gauges[WITHIN.name,] is None


def test_phases_come_from_connections_and_joins() -> None:
    kept = keep([Opened(1.0, 0.9, "rtmp", {"resolve": 0.02, "connect": 0.03}), Tick(2.0)], Startup())
    assert kept.gauges[PHASE.name, "resolve"] == 0.02
    kept = keep([Opened(1.0, 0.9, "rtmp", {"connect": 0.03}), join(2.0, 0.3), Tick(3.0)], Startup())
    assert kept.gauges[PHASE.name, "connect"] == 0.01
