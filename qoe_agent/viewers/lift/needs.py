"""The shapes of a plan: what it takes to see an effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

EFFECTS = (0.103, 0.01, 0.0015)
"""What is asked about unless other effects are named: a vendor's claim, one per cent, and what work on quality bought
at scale (LingXi, SIGCOMM 2025)."""

if TYPE_CHECKING:
    from collections.abc import Mapping


class Need(NamedTuple):
    """What it takes to see an effect with 80 % power, two-sided, at the level of the design."""

    cap: float | None
    variation: float
    """Coefficient of variation of a unit's watch time, after what covariates explain."""
    effect: float
    """Lift: 0.103, 0.01, 0.0015, …"""
    fixed: float
    always_valid: float
    """Units an arm needs, decided at the end and at any time."""
    days_fixed: float | None = None
    days_always_valid: float | None = None
    """None: nothing says how many units come a day."""


class Reach(NamedTuple):
    """The smallest effect that so many units an arm can see."""

    cap: float | None
    units: int
    """In the control arm."""
    fixed: float
    always_valid: float


class Tried(NamedTuple):
    """A need, checked by simulation."""

    cap: float | None
    effect: float
    units: int
    """In an arm."""
    power: float
    """Share of draws in which the effect was seen, decided at the end."""
    error: float
    """Its Monte-Carlo standard error."""
    draws: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a report on planning says."""

    text: str
    """One sentence."""
    source: str
    """Whose past sessions these are: files, facts, or the published figures that stand in for them."""
    design: Mapping[str, Any]
    needs: tuple[Need, ...] = ()
    """By cap, then effect."""
    reaches: tuple[Reach, ...] = ()
    unit: str = "user"
    units: int | None = None
    """Of the past, that variation is known by."""
    per_day: float | None = None
    """Units that come newly a day, all arms together."""
    notes: tuple[str, ...] = ()
    arms: int = 2
    tried: tuple[Tried, ...] = ()
    registered: str = ""
    """The file in which `design` was registered."""
