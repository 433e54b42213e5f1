"""An hour of video costs what a calculator says."""

from __future__ import annotations

import pytest

from qoe_agent.compare.sweep import pricing
from qoe_agent.compare.sweep.shapes import Prices

from ..sweep_made import point


def test_an_hour_is_encoded_kept_and_delivered() -> None:
    """4 Mb/s are 1.8 GB an hour; 10 s of video in 20 s of a core are 2 core hours an hour."""
    one = point("x264 fast", 4e6, 90, cpu=20.0).encoded
    found = pricing.cost(one, Prices("EUR", 0.05, 0.02, 0.03, viewer_hours=100, months=2))
    assert found is not None
    assert found.encode == pytest.approx(2 * 0.05)
    assert found.store == pytest.approx(1.8 * 0.03 * 2)
    assert found.deliver == pytest.approx(1.8 * 0.02 * 100)
    assert found.total == pytest.approx(0.1 + 0.108 + 3.6)


def test_without_prices_there_is_no_cost() -> None:
    assert pricing.cost(point("x264 fast", 4e6, 90).encoded, None) is None
