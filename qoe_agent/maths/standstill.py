"""Whether some of a picture's tiles stand still, since when, and whether that is a break with their motion.

A freeze is a break: motion that accumulates (noise does not) stops from one picture to the next, without a cut or a
dissolve into the still, in a stream that does not stand still most of the time anyway. FFmpeg's vf_freezedetect.c has
one threshold for means of whole planes, and so finds slides, and no freeze that was encoded again.
"""

from __future__ import annotations

from math import inf
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.maths.motion import HELD, LEFT, Motion, Step
from qoe_agent.maths.rim import one_sided
from qoe_agent.maths.runs import Run
from qoe_agent.maths.sameness import NOISY, POP, UNEVEN, busy, changes, displaced, same, top
from qoe_agent.maths.verdict import LATE, judge

if TYPE_CHECKING:
    from collections import deque

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.past import Past
    from qoe_agent.maths.sameness import Grid, Plane

    Chosen = NDArray[np.bool_]

HOLE = 0.5
"""A step of more seconds between pictures that follow one another is no standing still."""
CHECK = 1.0
"""Seconds after which a standing picture is compared with its first again."""
ENDS, PART = 2, 0.2
"""Pictures of a freeze that coding may make differ at its ends; but no larger a part of the minimum."""
TINY = 1e-3
"""Containers round to milliseconds."""
STEPS = 3
"""Pictures in a row that may differ by residue."""
HUSHES = 2.0
"""Seconds after which what an encoder refines in a frozen picture is silent."""
REFINES = 0.5
"""Seconds in which an encoder short of bits makes a frozen picture what it was before a key frame."""


class Watch:
    """Follows the `chosen` tiles; motion in `others` is overlooked as long as it keeps to one border."""

    __slots__ = (
        "_key", "_minimum", "_others", "_proved", "chosen", "ended", "fresh", "motion", "repeats", "rested", "run",
        "seconds",
    )  # fmt: skip

    def __init__(self, chosen: Chosen, others: Chosen, minimum: float) -> None:
        self.chosen, self._others, self._minimum = chosen, others, minimum
        self.motion = Motion()
        self._key = -inf
        """Media time of the last key frame that no other came just before."""
        self._proved = 0.0
        """Media time at which motion was last told from noise."""
        self.run: Run | None = None
        self.ended: float | None = None
        """Media time of the first picture after the last run."""
        self.rested: tuple[float, float, list[Step]] = (-inf, -inf, [])
        """Media times of its first and its last, and the step to its second."""
        self.repeats = self.fresh = 0
        """Pictures in motion that were like the one before, and that were not."""
        self.seconds = 0.0
        """How long these were shown."""

    def step(self, now: float, then: float, plane: Plane, past: Past, change: Grid, key: bool) -> None:
        """The next picture; the one before, `then`, is the last of `past`."""
        inside, run, motion = change[self.chosen], self.run, self.motion
        self._key = now if key else self._key
        step = Step(now, *busy(inside), key, inside)
        most, middle = step.most, step.middle
        still = now - then <= HOLE and motion.still(most, middle)
        if run and still:
            run.steps = 0
        elif run and key and most <= min(self.motion.jolt, POP) and motion.quiet(middle):
            still, run.first, run.steps = True, plane, 0
        elif run and self._residue(run, now, most, past.recent[-1][1], plane):
            still = True
            run.doubt = run.doubt if run.steps else now
            run.steps += not key
        if not still:
            self.end(now)
            self._move(step, now - then, plane, past)
            return
        if run is None:
            run = self.run = Run(then, past.recent[-1][1], past, change.shape)
        run.pictures += 1
        run.repeats += most <= motion.repeated
        if not key and not run.steps:
            run.border |= self._others & (change > max(2 * motion.floor, UNEVEN * middle))
        run.until = run.until if run.steps else now
        if run.why_not is None:
            run.trail.append(step)
        elif run.late is not None:
            self._listen(run, run.late, step)
        if run.pictures == STEPS + 3:
            self._back(run)
        self._check(run, now, now - then, plane, past)

    def _listen(self, run: Run, late: deque[Step], step: Step) -> None:
        """Noise that went on in a picture is a coder's that refined it, if it falls silent soon: it is judged again."""
        late.append(step)
        if step.pts - run.start > HUSHES:
            run.late = None
        elif (
            run.why_not == "noise" and len(late) == LATE and self.motion.hushed(late) and not self.motion.goes_on(late)
        ):
            run.why_not = None

    def _residue(self, run: Run, now: float, most: float, before: Plane, plane: Plane) -> bool:
        """Whether a change is one of quality: a small one, or of any size in a freeze, for half a second: the key
        frames of an encoder before the last one do not show. Where it is not known what came before, the picture must
        be what it was at first, too, which no dissolve is."""
        if run.pictures > 2 and run.steps < STEPS and most <= POP and self._same(before, plane):
            return True
        refines = min(abs(now - self._key), now - run.doubt if run.steps else 0.0) <= REFINES
        frozen = run.why_not == "" or (run.why_not == "unknown" and self._same(run.first, plane))
        return refines and frozen and not displaced(before, plane, self.chosen)

    def _move(self, step: Step, shown: float, plane: Plane, past: Past) -> None:
        now = step.pts
        self.motion.moved(step, shown, plane)
        self.fresh += 1
        self.seconds += max(0.0, shown)
        if now - max(self._proved, past.sparse[0][0]) >= CHECK or now < self._proved:
            self._proved = now
            self.motion.proved(not same(past.sparse[0][1], plane, self.chosen, NOISY))

    def leap(self, now: float, then: float, plane: Plane, past: Past, change: Grid) -> None:
        """The next picture, but for others that were left out between."""
        before, motion = past.recent[-1][1], self.motion
        motion.last.clear()
        if not self.alike(before, plane):
            self.end(then)
            if not same(before, plane, self.chosen, NOISY):
                motion.went_on(now, now - then)
                motion.proved(True)
            return
        motion.proved(True)
        if self.run is None:
            self.run = Run(then, before, past, change.shape)
            self.run.why_not = "habit" if motion.rare else "unknown"
        self.run.pictures += 1
        self.run.leaps += 1
        self.run.until = now
        self._check(self.run, now, 0.0, plane, past)

    def end(self, now: float) -> None:
        """Nothing stands still any longer."""
        run, self.run = self.run, None
        if run is None:
            return
        self.ended, self.rested = run.doubt if run.steps else now, (run.start, run.until, run.trail[:1])
        if run.why_not is None:
            self.motion.went_on(run.until, min(run.until - run.start, HELD))
            self._count(run)
        elif run.why_not:
            self.motion.stood(run.until - run.start)
        else:
            self.motion.froze()

    def alike(self, first: Plane, second: Plane) -> bool:
        """Whether pictures further apart are one, not noise before something that may have moved meanwhile."""
        noise = self.motion.noisy(busy(changes(first, second)[self.chosen])[1])
        return not noise and same(first, second, self.chosen, NOISY)

    def _same(self, first: Plane, second: Plane) -> bool:
        return same(first, second, self.chosen, self.motion.slight)

    def _count(self, run: Run) -> None:
        self.repeats += run.repeats
        self.fresh += run.pictures - 1 - run.repeats
        self.seconds += run.until - run.start

    def _check(self, run: Run, now: float, shown: float, plane: Plane, past: Past) -> None:
        """Compare with the first, at the minimum and then once a second; `shown`: how long this one stays."""
        least = self._minimum - min(ENDS * shown, PART * self._minimum) - TINY
        if run.why_not is None and now + shown - run.start < least:
            return
        if run.why_not is not None and now - run.checked < CHECK:
            return
        run.checked = now
        run.difference = max(run.difference, top(changes(run.first, plane)[self.chosen]))
        residue = NOISY if run.leaps or run.why_not == "" else self.motion.slight
        if not same(run.first, plane, self.chosen, residue):
            self._crept(run, plane, past)
        elif run.border.any() and not one_sided(run.border):
            self.end(now)
        elif run.why_not is None:
            onset = self.motion.onset(run.trail)
            if onset is not None and not run.leaps:
                self._anew(run, onset)
                self.run = self._since(run, onset, plane, past)
            elif run.leaps or not self.motion.unheard(run.trail):
                run.why_not = judge(run, self.motion, self.chosen) or self._returns(run, plane, past)

    def _crept(self, run: Run, plane: Plane, past: Past) -> None:
        """It moved all the time, too slowly to be seen from one picture to the next; or did until lately."""
        if run.why_not == "":
            self.end(run.until)
            return
        halt = None if run.leaps else self._halt(run, plane, past)
        if halt is not None and self._sharpened(run, halt, plane, past):
            run.settled, run.first = halt
            return
        self._anew(run, run.until if halt is None else halt[0])
        if halt is not None:
            self.run = self._since(run, halt[0], halt[1], past)

    def _sharpened(self, run: Run, halt: tuple[float, Plane], plane: Plane, past: Past) -> bool:
        """Whether motion stopped at once as it began, and a coder short of bits did the rest: far less changed since
        than motion would have made, and little of it lately."""
        steps = [each.most for each in run.trail if each.pts <= halt[0] and not each.key]
        lately = list(self.motion.last)[-3:]
        if run.why_not is not None or not lately or max(steps, default=0.0) > LEFT * median(lately):
            return False
        half = 0.5 * (run.start + past.recent[-1][0])
        later = next((each for pts, each in past.sparse if pts >= half), None)
        if later is None:
            return False
        change, left = (top(changes(each, plane)[self.chosen]) for each in (run.first, later))
        return change <= POP and left <= LEFT * change

    def _anew(self, run: Run, start: float) -> None:
        """Up to then it was motion."""
        moved = [each for each in run.trail if each.pts <= start]
        self.motion.crept(start, start - run.start, moved)
        repeats = sum(each.most <= self.motion.repeated for each in moved)
        self.repeats += repeats
        self.fresh += len(moved) - repeats
        self.seconds += start - run.start
        self.run = None

    def _since(self, run: Run, start: float, first: Plane, past: Past) -> Run:
        """The run that began later."""
        later = Run(start, first, past.until(start), run.border.shape)
        later.trail = [each for each in run.trail if each.pts > start]
        later.pictures += len(later.trail)
        later.until, later.border = run.until, run.border
        return later

    def _halt(self, run: Run, plane: Plane, past: Past) -> tuple[float, Plane] | None:
        """The first of the last pictures that are all this one."""
        first = None
        for pts, each in reversed(past.sparse):
            if pts <= run.start or not self._same(each, plane):
                break
            first = pts, each
        return first

    def _returns(self, run: Run, plane: Plane, past: Past) -> str:
        """What turned round is the same only where it began and now."""
        between = [each for pts, each in past.sparse if pts > run.settled]
        return "" if all(self._same(each, plane) for each in between) else "gradual"

    def _back(self, run: Run) -> None:
        """Pictures just before may have been of the same, refined too much at once to be still."""
        for (pts, plane), (_, after) in zip(run.lead[-2 : -2 - STEPS : -1], run.lead[:-STEPS:-1], strict=False):
            step = changes(plane, after)[self.chosen]
            if not self.motion.refined(*busy(step)) or not self._same(plane, run.first):
                return
            run.start = pts
