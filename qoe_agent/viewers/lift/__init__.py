"""What a difference between arms did to watch time: analyses of experiments, and plans for them.

`analyse(Asked(...))` gives a `Lift`, `planned(Asked(...))` a `Plan`; what cannot be done raises `apart.Unusable`, with
one line that says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.apart import Step, Unusable
from qoe_agent.viewers.lift.asking import Asked
from qoe_agent.viewers.lift.needs import Plan
from qoe_agent.viewers.lift.shapes import Columns, Design, Lift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ("Asked", "Columns", "Design", "Lift", "Plan", "Step", "Unusable", "analyse", "planned", "registered")


def _silent(_: Step) -> None:
    """Nobody is told."""


def analyse(asked: Asked, tell: Callable[[Step], None] = _silent) -> Lift:
    """What the arms differ in, and what may be said of it. Raises Unusable."""
    from qoe_agent.viewers.lift import analysis

    return analysis.report(asked, tell)


def planned(asked: Asked, tell: Callable[[Step], None] = _silent) -> Plan:
    """What an experiment needs; registers its design if asked to. Raises Unusable."""
    from qoe_agent.viewers.lift import planning

    return planning.plan(asked, tell)


def registered(path: Path | str) -> Design:
    """The design that a pre-registration holds. Raises Unusable."""
    from pathlib import Path

    from qoe_agent.viewers.lift import registration

    return registration.read(Path(path)).design
