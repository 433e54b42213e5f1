"""What is asked of an analysis or a plan, and metrics, margins and shares as they are written on a command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.needs import EFFECTS
from qoe_agent.viewers.lift.shapes import Columns, Design

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Asked:
    """What an analysis (`analyse`) or a plan (`planned`) is to be made of."""

    files: tuple[Path, ...] = ()
    """None: facts; of a plan without facts either: watch times as Puffer saw them."""
    facts: Path | None = None
    columns: Columns = field(default_factory=lambda: Columns("user", "arm", "watch_seconds"))
    design: Design = field(default_factory=lambda: Design(control=""))
    """`metrics` are told beside the usual ones (`metrics.usual`), or in place of those of the same name."""
    observational: bool = False
    covariates: tuple[str, ...] = ()
    """Columns by which arms that nobody randomised are made alike."""
    measured: Path | None = None
    """What the agent measured of each stream, if it is not in the facts."""
    plan: Path | None = None
    """A pre-registration that the analysis is compared with."""
    mapping: Path | None = None
    """A file with a row a user: `user`, `arm`; in place of a column of arms."""
    experiment: str = ""
    """Of facts: which experiment's arms; of a plan: its name."""
    engine: str = "duckdb"
    register: Path | None = None
    """Of a plan: where to write the design."""
    effects: tuple[float, ...] = EFFECTS
    """Of a plan: lifts to be seen."""
    users_per_day: float | None = None
    """Of a plan: new units in a day, where the past does not tell."""
