"""How often intervals of what all who watch a stream share hold: `python -m tests.accuracy.stretches [DRAWS]`.

Audiences as in `tests.accuracy.measured`, by hundreds: exits, at known moments, are put into cells without an engine.
Witnesses are users, half hours of streams in which sessions began, or half hours in which it happened.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers import estimates
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import HEIGHT, OFFSET, Plan
from qoe_agent.viewers.audience.sent import MINUTE, MISSED, sent
from qoe_agent.viewers.shapes import TENURE, Cells
from qoe_agent.viewers.sharing import widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.fates import Fates
    from qoe_agent.viewers.shapes import Hazard

DRAWS, HALF_HOUR = 400, 30
SHARP, SOUND = ("≥1080", "<480", "480–719", "720–1079", "unknown"), ("in tolerance", "early", "late", "unknown")
TRUE = {"<480": 1.3, "480–719": 1.1, "720–1079": 1.0, "early": 1.2, "late": 1.4}
SIZES = ((10, 20_000), (4, 8_000))
"""Streams of 90 minutes, and sessions."""


class Pieces(NamedTuple):
    """Sessions cut where a minute or a tenure bin ends."""

    session: NDArray[np.int64]
    minute: NDArray[np.int64]
    seconds: NDArray[np.float64]
    cell: NDArray[np.int64]
    last: NDArray[np.int64]
    """Of each session the last piece."""


def main() -> None:
    """Print a table for each of SIZES."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    for streams, sessions in SIZES:
        held: dict[str, list[list[bool]]] = {level: [] for level in TRUE}
        for draw in range(draws):
            plan = Plan(sessions=sessions, streams=streams, seed=1000 + draw, frailty=0.0, incidents=(), measures=True)
            for level, row in _draw(plan).items():
                held[level].append(row)
        sys.stdout.write(f"{draws} audiences of {sessions:,} sessions in {streams} streams\n"
                         "| Level | True | interval holds it | by users alone | by half hours of beginning |\n"
                         "|---|---|---|---|---|\n")  # fmt: skip
        for level, true in TRUE.items():
            shares = " | ".join(f"{100 * each:.1f} %" for each in np.mean(held[level], axis=0))
            sys.stdout.write(f"| {level} | {true} | {shares} |\n")
        sys.stdout.flush()


def _draw(plan: Plan) -> dict[str, list[bool]]:
    """By level whether the interval held it: as the report has it, by users, and by where sessions began."""
    made = fates(plan)
    people, pieces = made.people, _pieces(made)
    stretch = people.stream[pieces.session] * 10 + pieces.minute // HALF_HOUR
    begun = stretch[np.append(0, pieces.last[:-1] + 1)][pieces.session]
    users, happened, began = (
        estimates.hazards(_cells(made, pieces, each)) for each in (people.user[pieces.session] % 1000, stretch, begun)
    )
    told = (widened(users, happened), users, widened(users, began))
    found = [{one.level: one for one in each} for each in told]
    return {level: [_holds(each[level], true) for each in found] for level, true in TRUE.items()}


def _holds(one: Hazard, true: float) -> bool:
    return one.low is None or one.high is None or one.low <= true <= one.high


def _pieces(made: Fates) -> Pieces:
    people, given = made.people, sent(made.plan)
    known = np.random.default_rng((made.plan.seed, 12)).random(given.height.shape) >= MISSED
    sharp = np.where(known, (np.digitize(given.height, HEIGHT) + 1) % 4, 4)
    sound = np.where(known, np.array([1, 0, 2])[np.digitize(given.offset, OFFSET)], 3)
    begin, end = people.start - people.latency, made.end
    first = np.floor(begin / MINUTE).astype(np.int64)
    cuts = [np.array(TENURE[1:], float)[None, :].repeat(len(end), 0)]
    cuts.append(MINUTE * (first[:, None] + np.arange(1, given.height.shape[1] + 2)) - begin[:, None])
    edges = np.sort(np.concatenate([np.zeros((len(end), 1)), *cuts], axis=1), axis=1)
    low, high = edges, np.append(edges[:, 1:], np.full((len(end), 1), np.inf), axis=1)
    session, place = np.nonzero((low >= 0) & (low < end[:, None]) & (high > low))
    since, until = low[session, place], np.minimum(high[session, place], end[session])
    middle = begin[session] + (since + until) / 2
    minute = np.clip(np.floor(middle / MINUTE).astype(np.int64), 0, given.height.shape[1] - 1)
    stream = people.stream[session]
    tenure = np.searchsorted(TENURE, (since + until) / 2, side="right") - 1
    cell = (tenure * len(SHARP) + sharp[stream, minute]) * len(SOUND) + sound[stream, minute]
    return Pieces(session, minute, until - since, cell, np.cumsum(np.bincount(session, minlength=len(end))) - 1)


def _cells(made: Fates, pieces: Pieces, witness: NDArray[np.int64]) -> Cells:
    kinds, cell = np.unique(pieces.cell, return_inverse=True)
    keys, row = np.unique(cell * 1000 + witness, return_inverse=True)
    gone = pieces.last[made.left]
    levels = kinds % (len(SHARP) * len(SOUND))
    return Cells(
        factors=("effective_height", "av_offset"), levels=(SHARP, SOUND), time_cell=keys // 1000,
        bins=(kinds // (len(SHARP) * len(SOUND))).astype(np.int32),
        design=np.column_stack([levels // len(SOUND), levels % len(SOUND)]).astype(np.int32),
        time_bucket=(keys % 1000).astype(np.int32), time_seconds=np.bincount(row, pieces.seconds).astype(np.float64),
        exit_bucket=witness[gone].astype(np.int32), exit_cause=np.zeros(len(gone), np.int32),
        exit_count=np.ones(len(gone)), exit_cell=cell[gone][:, None], exit_seconds=np.zeros((len(gone), 1)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
