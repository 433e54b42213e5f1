"""What tests in several rooms need."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from qoe_agent.decode import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator


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
