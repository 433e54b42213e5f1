"""The Stanford heart transplants through the estimators of exits: `python -m tests.accuracy.heart lifelines-….whl`.

Crowley and Hu, JASA 1977: who gets a heart has lived until then, so that patients with one seem to live long. Here a
patient is a session, a day of his 8 seconds, his transplant a change of the picture's height, his earlier surgery an
attribute. Beside it stands Cox's partial likelihood (Breslow's ties) of the same two covariates, which a
piecewise-exponential model comes near to.

The data come with the wheel of lifelines: `pip download --no-deps lifelines`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qoe_agent.viewers import estimates
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.tables import open_files

DAY = 8.0
"""Seconds of a session: 1,800 days fill the bins of time watched."""
BEGINS = 1_700_000_000.0
WAITING, WITH = 800, 400
"""Lines of the picture without a new heart, and with it."""
LEVELS = {"transplant": ("height", "<480", "720–1079"), "surgery": ("surgery", "True", "False")}
"""Of each covariate the factor, its level with it, and the one without."""


class Spell(NamedTuple):
    """A patient from one day to another, in one state."""

    patient: str
    start: float
    stop: float
    died: bool
    transplant: bool
    surgery: bool


def spells(wheel: Path) -> list[Spell]:
    """In the order of the file."""
    with zipfile.ZipFile(wheel) as packed:
        text = packed.read("lifelines/datasets/stanford_heart.csv").decode()
    return [
        Spell(row["id"], float(row["start"]), float(row["stop"]), row["event"] == "1", row["transplant"] == "1",
              row["surgery"] == "1")
        for row in csv.DictReader(io.StringIO(text))
    ]  # fmt: skip


def events(found: list[Spell]) -> list[dict[str, Any]]:
    """The same as events of viewers."""
    rows: list[dict[str, Any]] = []
    for one in found:
        said = {"session": f"p{one.patient}", "user": f"p{one.patient}", "stream": "ward",
                "attributes": {"surgery": str(one.surgery)}}  # fmt: skip
        at, end = BEGINS + DAY * one.start, BEGINS + DAY * one.stop
        rows.append({**said, "at": at, "kind": "quality", "state": "playing", "height": WITH if one.transplant else
                     WAITING})  # fmt: skip
        if one.died:
            rows.append({**said, "at": end, "kind": "leave", "cause": "quit"})
        elif not any(other.patient == one.patient and other.start >= one.stop for other in found):
            rows.append({**said, "at": end, "kind": "heartbeat", "state": "ended"})
    return rows


def cox(found: list[Spell]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Coefficients of transplant and surgery, and their standard errors: Newton's steps on the partial likelihood."""
    covariates = np.array([[one.transplant, one.surgery] for one in found], float)
    start, stop = (np.array([getattr(one, name) for one in found]) for name in ("start", "stop"))
    died, beta = np.array([one.died for one in found]), np.zeros(2)
    for _ in range(30):
        score, information = np.zeros(2), np.zeros((2, 2))
        for row in np.flatnonzero(died):
            there = (start < stop[row]) & (stop >= stop[row])
            weights = np.exp(covariates[there] @ beta)
            mean = weights @ covariates[there] / weights.sum()
            apart = covariates[there] - mean
            score += covariates[row] - mean
            information += (apart * weights[:, None]).T @ apart / weights.sum()
        beta = beta + np.linalg.solve(information, score)
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def main() -> None:
    """Print the table."""
    found = spells(Path(sys.argv[1]))
    beta, errors = cox(found)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ward.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in events(found)))
        with open_files([path]) as audience:
            study = estimates.study(audience.cells(["height", "surgery"]))
            naive = audience.naive(["height", "surgery"])
    assert study is not None
    sys.stdout.write(f"{audience.sessions()} patients, {sum(one.died for one in found)} deaths\n\n"
                     "| | Cox | piecewise exponential | naive |\n|---|---|---|---|\n")  # fmt: skip
    model, errors_of = study.model, spread(study.thetas)
    for (name, (factor, level, other)), value, error in zip(LEVELS.items(), beta, errors, strict=True):
        place = model.cells.factors.index(factor)
        turned = model.cells.levels[place][0] == level  # most were there at that level: it is the reference
        column, sign = model.first[place], -1 if turned else 1
        assert model.cells.levels[place] == ((level, other) if turned else (other, level))
        (compared,) = (one.ratio for one in naive if (one.factor, one.level) == (factor, level))
        sys.stdout.write(f"| {name} | {value:.3f} ± {error:.3f} | {sign * model.fitted.theta[column]:.3f} ± "
                         f"{errors_of[column]:.3f} | {math.log(compared):.3f} |\n")  # fmt: skip


if __name__ == "__main__":
    main()
