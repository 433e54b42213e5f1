"""What the board knows of one stream: its series, and its incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from qoe_agent.incidents import Ledger

if TYPE_CHECKING:
    from qoe_agent.series import Pairs, Series

Name: TypeAlias = tuple[str, tuple[str, ...]]
"""A metric, and its labels' values."""


class Stream:
    """What is known of one stream."""

    __slots__ = ("gauges", "incidents", "pairs", "removed", "series", "sizes")

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self.removed: float | None = None
        self.series: dict[Name, Series] = {}
        self.gauges: dict[Name, Series] = {}
        self.sizes: dict[str, int] = {}
        self.incidents = Ledger()

    def drop(self, name: Name) -> None:
        """Forget one series, if it is there."""
        series = self.series.pop(name, None)
        if series is not None:
            self.gauges.pop(name, None)
            self.sizes[name[0]] -= 1
            series.family.drop(series)
