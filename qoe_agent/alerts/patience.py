"""When to try again, and what is said of a receiver that cannot be reached: once, and once more when it is back."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.alerts.post import Outcome

log = logging.getLogger(__name__)

FIRST, LONGEST = 0.5, 60.0
"""Seconds before the second attempt, doubled with each further one, and at most."""
JITTER = 0.3
"""Share of the wait that is left to chance, so that agents do not come back in step."""


class Patience:
    """With one receiver."""

    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._failures = 0

    def arrived(self) -> None:
        """An attempt was good."""
        if self._failures:
            log.info("%s: notifications arrive again, after %d attempts", self._receiver, self._failures + 1)
        self._failures = 0

    def failed(self, outcome: Outcome) -> float:
        """An attempt was not; seconds to wait."""
        if not self._failures:
            log.warning("%s: a notification did not arrive and is tried again: %s", self._receiver, outcome.error)
        wait = min(LONGEST, FIRST * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return max(outcome.wait or 0.0, wait * (1 + JITTER * (2 * random.random() - 1)))

    def lost(self, notices: int, error: str) -> None:
        """So many are given up."""
        log.error("%s: %d notifications are given up: %s", self._receiver, notices, error)
