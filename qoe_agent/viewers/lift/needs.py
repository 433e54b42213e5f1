"""The shapes of a plan: what it takes to see an effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

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
