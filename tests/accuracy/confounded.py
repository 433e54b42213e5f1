"""How far comparisons of arms nobody randomised hold what they promise: `python -m tests.accuracy.confounded [DRAWS]`.

Sessions come from `fixtures.confounded`, whose truth is known; mean watch times are capped at 2.5 h. Prints a table for
qoe_agent/docs/viewers.md; some minutes at 300 draws.
"""

from __future__ import annotations

import sys
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fixtures.confounded import EFFECT, sessions, truth
from qoe_agent.viewers.lift.observational import compared
from tests.viewers.effects.unassigned import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qoe_agent.viewers.lift.observed import Comparison

SESSIONS = 60_000
DRAWS = 300
CAP = 9000.0


class World(NamedTuple):
    """What is simulated."""

    text: str
    effect: float
    hidden: bool


WORLDS = (
    World("all that matters is measured", EFFECT, hidden=False),
    World("the same, and the treatment does nothing", 0.0, hidden=False),
    World("something that matters is hidden", EFFECT, hidden=True),
    World("the same, and the treatment does nothing", 0.0, hidden=True),
)


class Told(NamedTuple):
    """A comparison, and what it should have said."""

    comparison: Comparison
    truth: float | None


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    worst = 100 * sqrt(0.25 / draws)
    sys.stdout.write(f"{draws} draws of {SESSIONS:,} sessions of {SESSIONS // 3:,} users, capped at 2.5 h; ")
    sys.stdout.write(f"Monte-Carlo error of shares at most {worst:.1f} points\n")
    sys.stdout.write("| | truth | method | estimate, mean | interval holds truth | p < 0.05 | ± median | "
                     "E-value, of its limit; or Γ (medians) |\n|---|---|---|---|---|---|---|---|\n")  # fmt: skip
    for number, world in enumerate(WORLDS):
        sys.stdout.writelines(f"{line}\n" for line in _lines(world, _drawn(world, draws, number)))
        sys.stdout.flush()


def _drawn(world: World, draws: int, number: int) -> list[list[Told]]:
    """By method."""
    found: list[list[Told]] = []
    for draw in range(draws):
        made = sessions(SESSIONS, 1000 * (number // 2) + draw, hidden=world.hidden, effect=world.effect)
        lift = next(each["lift"] for each in truth(made, hidden=world.hidden)["caps"] if each["cap"] == CAP)
        told = compared(counted(made, CAP, pairs=True))
        found.append([Told(each, None if each.method == "matched" and world.effect else lift) for each in told])
    return [list(each) for each in zip(*found, strict=True)]


def _lines(world: World, methods: Sequence[Sequence[Told]]) -> Iterator[str]:
    for place, told in enumerate(methods):
        all_ = [each.comparison for each in told]
        known = [each.truth for each in told if each.truth is not None]
        held = [_holds(each) for each in told if each.truth is not None]
        wide = np.median([((each.high or 0.0) - (each.low or 0.0)) / 2 for each in all_])
        cells = [
            f"{world.text}" if not place else "", f"{100 * np.mean(known):+.2f} %" if known else "–", all_[0].method,
            f"{100 * np.mean([each.estimate for each in all_ if each.estimate is not None]):+.2f} %",
            f"{100 * np.mean(held):.1f} %" if held else "–",
            f"{100 * np.mean([(each.p or 1.0) < 0.05 for each in all_]):.1f} %", f"{100 * wide:.2f}", _withstands(all_),
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _holds(told: Told) -> bool:
    one = told.comparison
    return one.low is not None and one.high is not None and one.low <= (told.truth or 0.0) <= one.high


def _withstands(all_: Sequence[Comparison]) -> str:
    if all_[0].e_value is None:
        return f"Γ {np.median([each.gamma for each in all_ if each.gamma is not None]):.2f}"
    values, limits = ([getattr(each, name) for each in all_ if getattr(each, name) is not None]
                      for name in ("e_value", "e_value_limit"))  # fmt: skip
    return f"{np.median(values):.2f}, {np.median(limits):.2f}"


if __name__ == "__main__":
    main()
