"""A ladder from what was measured: which resolution, rate and setting each rung should have.

The top rung is the least rate at which the target is met. A step down is what viewers just notice, about 6 points of
VMAF (J. Ozer, "Finding the just noticeable difference with Netflix VMAF", 2017), but no less than 1.5 and no more than
twice the rate, as players switch well between such (Apple's HLS authoring specification, §9: 1.5 to 2 times). A rung
takes the resolution that is best at its rate.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.figures.hull import Dot, courses
from qoe_agent.compare.sweep.shapes import Rung

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qoe_agent.compare.figures.hull import Course
    from qoe_agent.compare.sweep.shapes import Point

NOTICED = 6.0
"""Points of VMAF."""
CLOSEST, WIDEST = 1.5, 2.0
"""Times the rate from rung to rung."""
EVEN = 3**0.5
"""The same, where no step of quality is known to be noticed."""
TARGET = 93.0
"""Of VMAF: seen at the distance of its model, people hardly tell it from the original."""
SAME = 0.003
"""Ratio within which a rung is a measured encode."""
PLACES = 400


def target_of(metric: str) -> float | None:
    """What the top of a ladder must reach, if nobody says."""
    return TARGET if metric.startswith("vmaf") else None


def ladder(
    known: Sequence[Dot], target: float | None = None, noticed: float | None = None, floor: float | None = None
) -> tuple[tuple[Rung, ...], bool]:
    """Rungs by rising rate, and whether the top one meets the target.

    `noticed`: a step of quality; None: steps of even ratio. `floor`: bits per second of the lowest; None: the lowest
    measured. Without a target, or where it is not met, the top is the best that was measured.
    """
    held = courses(known)
    if not held:
        return (), False
    least = log(max(floor or 0.0, min(dot.rate for dot in known)))
    top = _top(held, target)
    met = target is not None and top is not None
    at = top if top is not None else log(max(known, key=lambda dot: (dot.quality, -dot.rate)).rate)
    rungs = [_rung(held, at)]
    while (below := _below(held, at, least, noticed)) is not None:
        at = below
        rungs.append(_rung(held, at))
    return tuple(reversed(rungs)), met


def best(held: Sequence[Course], at: float) -> tuple[Course, float] | None:
    """The resolution with the most quality at a log rate, and that quality; None: nothing was measured around it."""
    found = [(course, float(course.quality(np.array([at]))[0])) for course in held if course.holds(at)]
    return max(found, key=lambda each: each[1], default=None)


def _top(held: Sequence[Course], target: float | None) -> float | None:
    if target is None:
        return None
    rates = [rate for course in held if (rate := _reaches(course, target)) is not None]
    return log(min(rates)) if rates else None


def _reaches(course: Course, target: float) -> float | None:
    """The least rate measured, if even that has more."""
    return course.dots[0].rate if course.dots[0].quality >= target else course.rate(target)


def _below(held: Sequence[Course], at: float, least: float, noticed: float | None) -> float | None:
    """The log rate of the next rung down; None: there is none."""
    if at - log(CLOSEST) < least - 1e-9:
        return None
    if noticed is None:
        return _covered(held, max(least, at - log(EVEN)))
    here = best(held, at)
    places = np.linspace(at - log(CLOSEST), max(least, at - log(WIDEST)), PLACES)
    there = np.fmax.reduce([course.quality(places) for course in held])
    with np.errstate(invalid="ignore"):
        noted = np.flatnonzero((here[1] if here else 0.0) - there >= noticed)
    return float(places[noted[0]]) if len(noted) else _covered(held, float(places[-1]))


def _covered(held: Sequence[Course], at: float) -> float | None:
    """This place, or the next measured below it where nothing was measured around it."""
    if best(held, at):
        return at
    return max((place for course in held for dot in course.dots if (place := log(dot.rate)) < at), default=None)


def _rung(held: Sequence[Course], at: float) -> Rung:
    found = best(held, at)
    assert found is not None, "a rung lies where something was measured"
    course, quality = found
    near = min(course.dots, key=lambda dot: abs(log(dot.rate) - at))
    measured = abs(log(near.rate) - at) < SAME
    value = near.value if measured else course.value(at)
    return Rung(*course.size, exp(at), quality, near.control, value, not measured, near.spread)


def shared(points: Iterable[Point], metric: str, clips: int) -> tuple[Dot, ...]:
    """Settings that every one of so many clips was encoded with: mean quality, geometric mean of rate, spread."""
    found: dict[tuple[tuple[int, int], str, float], list[tuple[float, float]]] = {}
    for point in points:
        quality, setting = point.scores.get(metric), point.encoded.setting
        if quality is not None and np.isfinite(quality) and point.encoded.bits_per_second > 0:
            key = ((setting.width, setting.height), setting.control, setting.value)
            found.setdefault(key, []).append((point.encoded.bits_per_second, quality))
    return tuple(
        Dot(_geometric([rate for rate, _ in each]), float(np.mean([quality for _, quality in each])), *key,
            spread=max(quality for _, quality in each) - min(quality for _, quality in each))
        for key, each in found.items() if len(each) == clips
    )  # fmt: skip


def _geometric(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))
