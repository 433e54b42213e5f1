"""Why viewers leave: what the tables count, put through the estimators, as one report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.apart import Step, Unusable
from qoe_agent.viewers.shapes import Exits, Hazard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Cells
    from qoe_agent.viewers.tables import Audience

INSTALL = "reading viewers' files needs an extra: pip install 'qoe-agent[viewers]'"
FACTORS = {
    "startup": ("startup", "startup_seconds"), "stall": ("stall_times", "events with stalls"),
    "height": ("height", "height"), "latency": ("latency", "latency_seconds"),
}  # fmt: skip
"""Of each factor: which of `Audience.has` tells that it is known, and what it needs."""
BEFORE = "most of them left before the first picture, and so have no startup time: a ratio would say nothing"
STEPS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    files: tuple[Path, ...] = ()
    facts: Path | None = None
    incidents: Path | None = None
    by: tuple[str, ...] = ()
    claims: bool = False
    engine: str = "duckdb"
    """As the tables name it."""


def analyse(asked: Asked, tell: Callable[[Step], None]) -> Exits:
    """The whole report; for a process of its own. Raises Unusable."""
    try:
        import duckdb  # noqa: F401
        import ibis  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise Unusable(f"{INSTALL} ({error.name} is missing)") from None
    from qoe_agent.viewers import tables

    tell(Step("reading", 0, STEPS))
    try:
        with _opened(asked) as audience:
            return _report(audience, asked, tell)
    except (tables.BadTable, ValueError) as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"{error.filename or asked.facts}: {error.strerror or error}") from None


def _opened(asked: Asked) -> Audience:
    from qoe_agent.viewers import tables

    return tables.open_files(asked.files, asked.engine, asked.incidents)


def _report(audience: Audience, asked: Asked, tell: Callable[[Step], None]) -> Exits:
    from qoe_agent.viewers import estimates

    for name in asked.by:
        if name not in audience.attributes():
            known = ", ".join(audience.attributes()) or "none"
            raise Unusable(f"--by {name}: the data has no such attribute; it has {known}")
    tell(Step("counting", 1, STEPS))
    factors = [name for name, (has, _) in FACTORS.items() if has in audience.has]
    factors += asked.by
    cells = audience.cells(factors)
    tell(Step("estimating", 2, STEPS))
    study = estimates.study(cells)
    found = Exits(
        sessions=audience.sessions(),
        retention=estimates.retention(study or cells),
        curve=estimates.curve(study or cells),
        hazards=_hazards(study, ()) if study else (),
        notes=tuple(_notes(audience, cells, study)),
    )
    return found


def _hazards(study: Study, naive: Sequence[Any]) -> tuple[Hazard, ...]:
    """With each factor's reference before its other levels."""
    from qoe_agent.viewers import estimates

    told = estimates.hazards(study, naive)
    cells, found = study.model.cells, []
    for factor, levels in zip(cells.factors, cells.levels, strict=True):
        rows = [_sense(one) for one in told if one.factor == factor]
        exits = float(cells.exit_count.sum()) - sum(one.exits for one in rows)
        found += [Hazard(factor, levels[0], 1.0, 1.0, 1.0, None, max(0.0, exits), note="the reference"), *rows]
    return (*found, *(one for one in told if one.factor == "tenure"))


def _sense(one: Hazard) -> Hazard:
    """Without a figure that would be none."""
    if (one.factor, one.level) == ("startup", "unknown"):
        return one._replace(hazard_ratio=None, low=None, high=None, naive=None, note=BEFORE)
    return one


def _notes(audience: Audience, cells: Cells, study: Study | None) -> list[str]:
    """What is absent and why, and how well exits are known."""
    found = [
        f"{name}: absent: needs {needs}" for name, (has, needs) in FACTORS.items() if has not in audience.has
    ]  # fmt: skip
    if study is None:
        return [*found, "nobody was seen to leave: there are no hazards"]
    lengths = cells.exit_seconds.sum(axis=1)
    order = np.argsort(lengths)
    reach = np.cumsum(cells.exit_count[order])
    middle = float(lengths[order][np.searchsorted(reach, reach[-1] / 2)])
    if middle > 0:
        found.append(
            f"half of the exits are known to within {middle:.3g} s or better; each counts where the model expects it "
            "in its interval (EM)"
        )
    else:
        found.append("the moment of at least half of the exits is known exactly")
    return found
