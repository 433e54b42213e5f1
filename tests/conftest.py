"""What tests in several rooms need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from qoe_agent.decode import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = (
    "accuracy/test_healthy.py", "accuracy/test_quick.py", "test_crew.py", "stamp/test_run.py", "sources/test_hls.py",
    "demo/test_demonstration.py", "e2e/test_bad_input.py", "e2e/test_viewers_rtmp.py",
)  # fmt: skip
"""Files that take longest: they are begun first, so that no worker is left with one at the end."""

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # how long an example takes, the rest of the machine decides


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A decode thread."""
    pool = Pool(1)
    yield pool
    pool.close()


@pytest.fixture(autouse=True)
def _ordinary_scheduling() -> Iterator[None]:
    """SVT-AV1 makes the thread that opens its encoder a real-time one where it may (FIFO, 99, as root).

    Left so, it and all servers that later tests start keep the rest of the machine from running.
    """
    yield
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
