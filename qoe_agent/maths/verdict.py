"""Whether a picture that stands still is a break with the motion before it: a freeze, or why it is none."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from qoe_agent.maths.refining import appeared, refined
from qoe_agent.maths.sameness import changes, dissolving, same, top
from qoe_agent.maths.slowing import slowing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.motion import Motion
    from qoe_agent.maths.runs import Run

    Chosen = NDArray[np.bool_]

MOTION = 1.0
"""Change, in code values, that must have come about within half a second before a freeze."""
LATELY = 1.5
"""Seconds before a freeze in which there must have been motion for a third of the time."""
AFTER = 1.0
"""Seconds between a cut and the still that it leads to, at most."""
FLAT = 1.5
"""Standard deviation below which a picture is one colour: black and its kin, which are told apart elsewhere."""
LATE = 10
"""Pictures that tell whether noise that went on fell silent."""


def judge(run: Run, motion: Motion, chosen: Chosen) -> str:
    """Why this is no freeze; empty if it is one."""
    start = run.start
    if (flat := float(run.first.std()) < FLAT) or motion.rare:
        return "flat" if flat else "habit"
    if motion.cut and 0 <= start - motion.cut[0] <= AFTER and same(motion.cut[1], run.first, chosen, motion.slight):
        return "cut"
    if len(motion.last) < 3:
        return "dissolve" if _blended(run, chosen) else "unknown"
    if motion.between(start - LATELY, start) < LATELY / 3 and (run.seen > LATELY / 3 or motion.share is None):
        return "still"
    before = [(start - pts, top(changes(plane, run.first)[chosen])) for pts, plane in run.before]
    if max((change for _, change in before), default=0.0) < MOTION:
        return "noise"
    if refined(before, run.seen if run.began else inf):
        return "noise"
    if run.late is None and (motion.goes_on(run.trail) or motion.hums(run.trail)):
        run.late = deque(maxlen=LATE)
        return "noise"
    if _appeared(run, before, motion, chosen):
        return "cut"
    if not motion.hushed(run.trail) and (motion.gradual(run.trail) or slowing(before)):
        return "gradual"
    return "dissolve" if _blended(run, chosen) else ""


def _appeared(run: Run, before: list[tuple[float, float]], motion: Motion, chosen: Chosen) -> bool:
    """Whether it came at once, in a part of what was shown before."""
    earlier = [plane for pts, plane in run.lead if pts < run.start]
    last = top(changes(earlier[-1], run.first)[chosen]) if earlier else 0.0
    return appeared([(ago, change) for ago, change in before if ago > 0.0], last, motion.level)


def _blended(run: Run, chosen: Chosen) -> bool:
    """Whether a dissolve led to it, up to its first picture or until shortly before."""
    for lead, half in ((run.lead, (len(run.lead) - 1) // 2), (run.before, 1)):
        of = lead[-1 - 2 * half :: half] if 0 < 2 * half < len(lead) else []
        if of and dissolving(of[0][1], of[1][1], of[2][1], chosen):
            return True
    return False
