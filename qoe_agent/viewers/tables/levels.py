"""The levels of the factors that are numbers, and numbers as levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.maths.lipsync import STANDARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER, UNKNOWN = "other", "unknown"


class Scale(NamedTuple):
    """A number cut into levels."""

    edges: tuple[int, ...]
    """Lower ends of all levels but the first: milliseconds, or lines of the picture."""
    names: tuple[str, ...]
    reference: str | None
    """What others are compared with; None: the commonest."""


_EARLY, _LATE = (round(1000 * limit) for limit in STANDARDS["bt1359_acceptability"])
SCALES = {
    "startup": Scale((600, 1000, 2000, 4000), ("<0.6", "0.6–1", "1–2", "2–4", "≥4"), "1–2"),
    "height": Scale((480, 720, 1080), ("<480", "480–719", "720–1079", "≥1080"), None),
    "latency": Scale((3000, 6000, 10_000), ("<3", "3–6", "6–10", "≥10"), None),
    "effective_height": Scale((480, 720, 1080), ("<480", "480–719", "720–1079", "≥1080"), None),
    "av_offset": Scale((_EARLY, _LATE + 1), ("sound early", "in tolerance", "sound late"), "in tolerance"),
}
MEASURED = ("effective_height", "av_offset")
"""Of these: what a probe measured of a stream, not what sessions tell of themselves."""
STRETCH = "stretch_of_stream"
"""Which stretch of a stream it is, of 1000 groups of them: witnesses of what was measured, as users are of the rest."""
STALL = ("none", "recent", "earlier", UNKNOWN)
MESSAGES = ("none", "in time", "late", UNKNOWN)
"""What messages a viewer met of late; late ones and lost ones together."""
RECENT_MS = 30_000
"""How long after it began a stall is recent."""
AFTER_INCIDENT_MS = 30_000
"""How long after its end an incident still counts."""
MOST = 12
"""Levels that an attribute may have, beside `other` and `unknown`."""


def coded(column: Any, scale: Scale) -> Any:
    """Which level a number is in, from 0; the one behind the last is unknown."""
    import ibis

    steps: list[tuple[Any, int]] = [(column.isnull(), len(scale.names))]
    steps += [(column < edge, place) for place, edge in enumerate(scale.edges)]
    return ibis.cases(*steps, else_=len(scale.edges)).cast("int64")


def place(column: Any, edges: Sequence[int], *, upper: bool = False) -> Any:
    """Which bin a number is in. A bin holds its lower end; with `upper` its upper end instead, and the first both."""
    import ibis

    steps = [(column <= edge if upper else column < edge, number) for number, edge in enumerate(edges[1:])]
    return ibis.cases(*steps, else_=len(edges) - 1).cast("int64")


def spelled(column: Any, names: Sequence[str]) -> Any:
    """Which of `names` a text is, from 0; behind them: other, then unknown."""
    import ibis

    steps: list[tuple[Any, int]] = [(column.isnull(), len(names) + 1)]
    steps += [(column == name, number) for number, name in enumerate(names)]
    return ibis.cases(*steps, else_=len(names)).cast("int64")
