"""How tests have experiments analysed, and find in a report what they look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift import Asked, Columns, Design

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Lift
    from qoe_agent.viewers.lift.shapes import Check, Estimate

COLUMNS = Columns("user", "arm", "watch_seconds")
DESIGN = Design(control="sd", smallest_effect=0.06)
USERS = 12_000


def analysed(path: Path, design: Design = DESIGN, **more: Any) -> Lift:
    return lift.analyse(Asked(files=(path,), columns=more.pop("columns", COLUMNS), design=design, **more))


def check(found: Lift, name: str) -> Check:
    return next(each for each in found.checks if each.name == name)


def estimate(found: Lift, metric: str, cap: float | None = None, **more: Any) -> Estimate:
    (one,) = [each for each in found.estimates if each.metric == metric and each.cap == cap
              and all(getattr(each, name) == value for name, value in {"segment": None, **more}.items())]  # fmt: skip
    return one
