"""What the agent says about its own notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.model import Metric, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.sink import Sink

SENT = Metric(
    "qoe_agent_notifications_total", "counter", "Notifications by receiver and result: sent; retried (an attempt "
    "failed); dead (given up, or refused); dropped (the queue was full).", ("receiver", "result"),
)  # fmt: skip
WAITING = Metric("qoe_agent_notifications_waiting", "gauge", "Notifications that wait for a receiver.", ("receiver",))
DELAY = Metric(
    "qoe_agent_notification_delay_seconds", "histogram", "From the decision to notify until the receiver had taken it.",
    ("receiver",), buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0),
)  # fmt: skip
DEAD = Metric("qoe_agent_dead_letter_bytes", "gauge", "Size of the files of notifications that were not delivered.")
FIRING = Metric("qoe_agent_alerts_firing", "gauge", "Alerts that were told and are not over.", ("severity",))
SILENCED = Metric(
    "qoe_agent_alerts_silenced_total", "counter", "Alerts that were due and not told, by reason: maintenance; "
    "unexpected (the stream is not expected to be there); inhibited (by another incident of the stream).", ("reason",),
)  # fmt: skip
METRICS = (SENT, WAITING, DELAY, DEAD, FIRING, SILENCED)


class Meter:
    """Puts it on the board."""

    def __init__(self, board: Sink) -> None:
        self._board = board

    def result(self, receiver: str, result: str, count: int = 1) -> None:
        """So many notifications had that result."""
        self._put(Sample(SENT, count, (receiver, result)))

    def took(self, receiver: str, seconds: float) -> None:
        """A notification has arrived."""
        self._put(Sample(DELAY, max(0.0, seconds), (receiver,)))

    def waiting(self, receiver: str, count: int | None) -> None:
        """So many wait; None: the receiver is gone."""
        self._put(Sample(WAITING, count, (receiver,)))

    def dead(self, size: int) -> None:
        """Bytes of dead letters."""
        self._put(Sample(DEAD, size))

    def firing(self, counts: Mapping[str, int]) -> None:
        """Alerts that fire, by severity."""
        for severity in ("info", "warning", "critical"):
            self._put(Sample(FIRING, counts.get(severity, 0), (severity,)))

    def silenced(self, reason: str) -> None:
        """One was due and not told."""
        self._put(Sample(SILENCED, 1, (reason if reason in ("maintenance", "unexpected") else "inhibited",)))

    def _put(self, sample: Sample) -> None:
        self._board.put(None, sample, clock.now())
