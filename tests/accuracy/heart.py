"""The Stanford heart transplants through the estimators of exits: `python -m tests.accuracy.heart`.

Crowley and Hu, JASA 1977: who gets a heart has lived until then, so that patients with one seem to live long. Here a
patient is a session, a day of his 8 seconds, his transplant a change of the picture's height; his earlier surgery, age
and year of acceptance (in three classes each) are attributes. Beside it stands Cox's partial likelihood (Efron's ties)
of the same covariates, which a piecewise-exponential model comes near to; it and the patients' data are of lifelines.
`tests/viewers/test_heart.py` asserts it.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers import estimates
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.tables import open_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DAY = 8.0
"""Seconds of a session: 1,800 days fill the bins of time watched."""
BEGINS = 1_700_000_000.0
WAITING, WITH = 800, 400
"""Lines of the picture without a new heart, and with it."""
AGES, YEARS = (42.0, 50.0), (2.0, 4.0)
"""Where their classes begin."""
LEVELS = {"transplant": ("height", "<480", "720–1079"), "surgery": ("surgery", "1", "0")}
"""Of each covariate the factor, its level with it, and the one without."""
FACTORS = ["height", "surgery", "age", "year"]


class Spell(NamedTuple):
    """A patient from one day to another, in one state."""

    patient: int
    start: float
    stop: float
    died: bool
    transplant: int
    surgery: int
    age: float
    year: float

    @property
    def classes(self) -> tuple[int, int]:
        """Of age and year: 0, 1, 2."""
        return sum(self.age >= at for at in AGES), sum(self.year >= at for at in YEARS)


class Told(NamedTuple):
    """A log hazard ratio, its standard error, and the naive one."""

    value: float
    error: float
    naive: float


def spells() -> list[Spell]:
    """By patient; who got a heart has two. The data's ages are less 48."""
    from lifelines.datasets import load_stanford_heart_transplants

    rows = load_stanford_heart_transplants()[["id", "start", "stop", "event", "transplant", "surgery", "age", "year"]]
    return [
        Spell(int(patient), start, stop, died == 1, int(transplant), int(surgery), age + 48.0, year)
        for patient, start, stop, died, transplant, surgery, age, year in rows.itertuples(index=False)
    ]


def events(found: Sequence[Spell]) -> list[dict[str, Any]]:
    """The same as events of viewers."""
    rows: list[dict[str, Any]] = []
    ends = {one.patient: one.stop for one in found}
    for one in found:
        age, year = one.classes
        said = {"session": f"p{one.patient}", "user": f"p{one.patient}", "stream": "ward",
                "surgery": str(one.surgery), "age": f"age {age}", "year": f"year {year}"}  # fmt: skip
        at, end = BEGINS + DAY * one.start, BEGINS + DAY * one.stop
        rows.append({**said, "at": at, "kind": "quality", "state": "playing", "height": WITH if one.transplant else
                     WAITING})  # fmt: skip
        if one.died:
            rows.append({**said, "at": end, "kind": "leave", "cause": "quit"})
        elif ends[one.patient] == one.stop:
            rows.append({**said, "at": end, "kind": "heartbeat", "state": "ended"})
    return rows


def published(found: Sequence[Spell]) -> Floats:
    """Covariates as the literature has them: age (less 48) and year as numbers, surgery, transplant."""
    return np.array([[one.age - 48.0, one.year, one.surgery, one.transplant] for one in found])


def classed(found: Sequence[Spell]) -> Floats:
    """Covariates as the model has them: transplant, surgery, and an indicator for each class but the first."""

    def row(one: Spell) -> list[float]:
        age, year = one.classes
        return [one.transplant, one.surgery, age == 1, age == 2, year == 1, year == 2]

    return np.array([*map(row, found)], float)


def cox(found: Sequence[Spell], covariates: Floats) -> tuple[Floats, Floats]:
    """Coefficients and their standard errors."""
    import pandas as pd
    from lifelines import CoxTimeVaryingFitter

    rows = pd.DataFrame(covariates, columns=[f"x{each}" for each in range(covariates.shape[1])])
    rows[["id", "start", "stop", "died"]] = [[one.patient, one.start, one.stop, one.died] for one in found]
    fitted = CoxTimeVaryingFitter().fit(rows, id_col="id", event_col="died", start_col="start", stop_col="stop")
    return fitted.params_.to_numpy(), fitted.standard_errors_.to_numpy()


def told(found: Sequence[Spell]) -> dict[str, Told]:
    """What the estimators say of transplant and surgery."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ward.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in events(found)))
        with open_files([path]) as audience:
            study = estimates.study(audience.cells(FACTORS))
            naive = {(one.factor, one.level): math.log(one.ratio) for one in audience.naive(FACTORS)}
    assert study is not None
    model, errors = study.model, spread(study.thetas)

    def of(factor: str, level: str, other: str) -> Told:
        place = model.cells.factors.index(factor)
        turned = model.cells.levels[place][0] == level  # most were there at that level: it is the reference
        assert model.cells.levels[place] == ((level, other) if turned else (other, level))
        column, sign = model.first[place], -1 if turned else 1
        return Told(sign * float(model.fitted.theta[column]), float(errors[column]), naive[factor, level])

    return dict(zip(LEVELS, starmap(of, LEVELS.values()), strict=True))


def main() -> None:
    """Print the table."""
    found = spells()
    beta, errors = cox(found, classed(found))
    sys.stdout.write(f"{len({one.patient for one in found})} patients, {sum(one.died for one in found)} deaths\n\n"
                     "| | Cox | piecewise exponential | naive |\n|---|---|---|---|\n")  # fmt: skip
    for (name, each), value, error in zip(told(found).items(), beta, errors, strict=False):
        sys.stdout.write(f"| {name} | {value:.3f} ± {error:.3f} | {each.value:.3f} ± {each.error:.3f} | "
                         f"{each.naive:.3f} |\n")  # fmt: skip


if __name__ == "__main__":
    main()
