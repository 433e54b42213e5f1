"""How well intervals of what a probe measured of streams hold their truth: `python -m tests.accuracy.measured [DRAWS]`.

Simulated audiences in which content drives viewers away in waves, which all who watch a stream share.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers import estimates
from qoe_agent.viewers.audience import files
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Plan
from qoe_agent.viewers.exits import MEASURED
from qoe_agent.viewers.sharing import widened
from qoe_agent.viewers.tables import open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.shapes import Hazard

SESSIONS, STREAMS, DRAWS = 20_000, 10, 30
WATCHED = {("effective_height", "<480"): 1.3, ("effective_height", "480–719"): 1.1, ("av_offset", "sound early"): 1.2,
           ("av_offset", "sound late"): 1.4}  # fmt: skip

HARMLESS = ("720–1079", "≥1080", "in tolerance")


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    for bursts in (0.0, 0.3):
        for row in _table(bursts, draws):
            sys.stdout.write(row + "\n")
            sys.stdout.flush()


def _table(bursts: float, draws: int) -> Iterator[str]:
    yield f"{draws} audiences of {SESSIONS:,} sessions in {STREAMS} streams; content: log sd {bursts}"
    yield "| Level | True | is read as | interval holds it | by users alone | naive |"
    yield "|---|---|---|---|---|---|"
    found = [_draw(bursts, draw) for draw in range(draws)]
    for (factor, level), true in WATCHED.items():
        rows = [tuple(each[factor, level] for each in draw) for draw in found if _beside_one(draw[0], factor, level)]
        read = np.mean([wide.hazard_ratio for wide, _, _ in rows])
        held, alone = (np.mean([row[place].low <= true <= row[place].high for row in rows]) for place in (0, 1))
        naive = np.mean([row[2].ratio for row in rows])
        yield f"| {factor} {level} | {true} | {read:.2f} | {100 * held:.0f} % | {100 * alone:.0f} % | {naive:.2f} |"


def _beside_one(told: dict[tuple[str, str], Hazard], factor: str, level: str) -> bool:
    """Whether it was compared with a level at which nobody leaves any faster; the commonest may be another."""
    one = told.get((factor, level))
    return one is not None and one.note.endswith(tuple(f"against {each}" for each in HARMLESS))


def _draw(bursts: float, draw: int) -> tuple[dict[tuple[str, str], Hazard], ...]:
    plan = Plan(sessions=SESSIONS, streams=STREAMS, seed=100 + draw, bursts=bursts, frailty=0.0, incidents=(),
                measures=True)  # fmt: skip
    factors = ["height", *MEASURED]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files.write(fates(plan), folder, ("parquet",))
        with open_files([folder / "sessions.parquet"], measures=folder / "measures.jsonl") as audience:
            users, stretches = (estimates.hazards(audience.cells(factors, stretches=each)) for each in (False, True))
            naive = audience.naive(MEASURED)
    wide = widened(users, stretches)
    return tuple({(one.factor, one.level): one for one in each} for each in (wide, users, naive))


if __name__ == "__main__":
    main()
