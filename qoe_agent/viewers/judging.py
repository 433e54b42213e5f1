"""How a claim is judged, and its figures worded. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.sayings import SAID
from qoe_agent.viewers.shapes import Claim

if TYPE_CHECKING:
    from qoe_agent.viewers.proof import Figure

MINUTES = "each stream beside itself (Mantel–Haenszel); interval by half hours of streams"
OBSERVED = "observed, not randomised: who meets it may differ in other ways"


def within(found: Figure, low: float, high: float) -> str:
    """Agrees where the whole interval lies from `low` to `high`, disagrees where all of it lies beyond."""
    if found.low >= low and found.high <= high:
        return "agrees"
    return "disagrees" if found.high < low or found.low > high else "unclear"


def claim(name: str, shown: str, found: Figure, design: str, verdict: str) -> Claim:
    """One that was tested."""
    return Claim(name, SAID[name], shown, found.low, found.value, found.high, design, verdict)


def percent(found: Figure) -> str:
    """A share with its interval."""
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]".replace("%", " %").replace("-", "−")


def share(value: float) -> str:
    """A share alone."""
    return f"{100 * value:.1f} %"


def times(found: Figure) -> str:
    """A ratio with its interval."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
