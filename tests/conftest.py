"""What tests in several rooms need."""

from __future__ import annotations

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
