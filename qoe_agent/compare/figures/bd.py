"""Bjøntegaard's averages: how much less rate at the same quality, how much more quality at the same rate.

Rate is taken as its logarithm and interpolated over quality between the points measured; the difference of both curves
is averaged over the quality that both cover. Cubic: G. Bjøntegaard, VCEG-M33, 2001 (one polynomial of third degree).
PCHIP: the sheet of the common test conditions, F. Bossen, JCTVC-L1100, 2013. Akima: C. Herglotz, M. Kränzler, R. Mons,
A. Kaup, "Beyond Bjøntegaard: Limits of Video Compression Performance Comparisons", ICIP 2022, which comes nearest to
curves measured in full, for VMAF too. What to beware of: C. Herglotz et al., "The Bjøntegaard Bible", arXiv 2304.12852.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qoe_agent.compare.shapes import Floats
    from qoe_agent.compare.sweep.shapes import Method

LEAST = 4
"""Points of a curve, as VCEG-M33 has them."""
VMAF_LEAST = 5
"""Points below which VMAF, which bends more than PSNR, is interpolated poorly (arXiv 2304.12852)."""
OVERLAP = 0.75
"""Share of quality that both cover below which the average says little of the rest."""
CROSSED = 0.02
"""Ratio by which either must be ahead somewhere for curves to be said to cross."""
DRAWN = 41
"""Places at which the difference is told."""
CEILINGS = {"vmaf": 100.0, "ssim": 1.0, "ms_ssim": 1.0}
"""The most that metrics which saturate can say, for the logarithmic domain."""


class Line(NamedTuple):
    """Points that rise: natural logarithm of bits per second, and quality. Shape (n,) each."""

    rates: Floats
    qualities: Floats


class Delta(NamedTuple):
    """A test over an anchor."""

    rate: float | None
    """Ratio less one at equal quality; negative: less is needed. None: refused, for the last of the warnings."""
    quality: float | None
    """At equal rate, in the metric's unit."""
    overlap: float
    """Quality that both cover, as a share of what either covers."""
    spread: float | None
    """How far the ratio moves with the other interpolation, or without one of the points between the ends."""
    n_points: int
    warnings: tuple[str, ...]
    difference: tuple[tuple[float, float], ...]
    """Quality, and the ratio less one at it."""


def bd_rate(
    anchor: Iterable[tuple[float, float]], test: Iterable[tuple[float, float]], metric: str = "",
    method: Method = "akima", ceiling: float | None = None,
) -> Delta:  # fmt: skip
    """Compare two curves of (bits per second, quality), in any order.

    `ceiling`: the most that the metric can say; then quality q counts as -log10(ceiling - q), so that where it
    saturates as much weight lies on what is left as elsewhere on all. `metric`: its name, for what is said of it.
    """
    warnings: list[str] = []
    a, b = (line(points, warnings, name) for points, name in ((anchor, "anchor"), (test, "test")))
    if ceiling is not None:
        a, b = (_stretched(each, ceiling, warnings, name) for each, name in ((a, "anchor"), (b, "test")))
    least = min(len(a.rates), len(b.rates))
    shared = overlap(a, b)
    if least < LEAST:
        return _refused(warnings, shared, least, f"too few points of a curve: {least}, and {LEAST} are needed")
    if shared <= 0:
        return _refused(warnings, 0.0, least, "no quality that both reach: nothing to compare at")
    if metric.startswith("vmaf") and least < VMAF_LEAST:
        warnings.append(f"{least} points of a curve: VMAF needs {VMAF_LEAST} or more to be interpolated well")
    if shared < OVERLAP:
        warnings.append(f"both cover only {100 * shared:.0f} % of the quality that either covers")
    rate = _rate(a, b, method)
    drawn = _difference(a, b, method, ceiling)
    if crossed := _crossed(drawn):
        warnings.append(f"the curves cross at {crossed:.4g}: the average hides that each is better somewhere")
    return Delta(rate, _quality(a, b, method, ceiling), shared, _spread(a, b, method, rate), least, tuple(warnings),
                 drawn)  # fmt: skip


def by_other(
    anchor: Iterable[tuple[float, float]], test: Iterable[tuple[float, float]], method: Method,
    ceiling: float | None = None,
) -> float | None:  # fmt: skip
    """Only the ratio less one, of curves that were compared already; None: refused."""
    a, b = line(anchor, []), line(test, [])
    if ceiling is not None:
        a, b = _stretched(a, ceiling, [], ""), _stretched(b, ceiling, [], "")
    return _rate(a, b, method) if min(len(a.rates), len(b.rates)) >= LEAST and overlap(a, b) > 0 else None


def ceiling_of(metric: str) -> float | None:
    """The most that a metric can say; None: it has no ceiling."""
    return next((most for name, most in CEILINGS.items() if metric.startswith(name)), None)


def line(points: Iterable[tuple[float, float]], warnings: list[str], name: str = "curve") -> Line:
    """Sorted by rate, without points for whose rate a smaller one gives as much quality; those are told in warnings."""
    known = sorted(points, key=lambda each: (each[0], -each[1]))
    kept: list[tuple[float, float]] = []
    for rate, quality in known:
        finite = np.isfinite(rate) and np.isfinite(quality) and rate > 0
        if finite and (not kept or (quality > kept[-1][1] and rate > kept[-1][0])):
            kept.append((rate, quality))
    if left := len(known) - len(kept):
        warnings.append(f"{name}: {left} of {len(known)} points left out, as less rate gives as much quality")
    rates, qualities = (np.asarray([each[side] for each in kept], np.float64) for side in (0, 1))
    return Line(np.log(rates), qualities)


def overlap(a: Line, b: Line) -> float:
    """Quality that both cover, as a share of what either covers; 0: none."""
    if not len(a.rates) or not len(b.rates):
        return 0.0
    low, high = _common(a.qualities, b.qualities)
    whole = max(a.qualities[-1], b.qualities[-1]) - min(a.qualities[0], b.qualities[0])
    return max(0.0, float((high - low) / whole)) if whole > 0 else 0.0


def curve(x: Floats, y: Floats, method: Method) -> Callable[[Floats], Floats]:
    """y over rising x between the points; `antiderivative` of it is exact."""
    from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

    if method == "cubic":
        return np.poly1d(np.polyfit(x, y, 3))
    made = Akima1DInterpolator if method == "akima" else PchipInterpolator
    return made(x, y)  # type: ignore[no-any-return]


def _mean(x: Floats, y: Floats, low: float, high: float, method: Method) -> float:
    """Of y between two places, by the integral."""
    found = curve(x, y, method)
    whole = found.integ() if isinstance(found, np.poly1d) else found.antiderivative()  # type: ignore[attr-defined]
    return float(whole(high) - whole(low)) / (high - low)


def _common(a: Floats, b: Floats) -> tuple[float, float]:
    return float(max(a[0], b[0])), float(min(a[-1], b[-1]))


def _rate(a: Line, b: Line, method: Method) -> float:
    low, high = _common(a.qualities, b.qualities)
    means = [_mean(each.qualities, each.rates, low, high, method) for each in (a, b)]
    return float(np.expm1(means[1] - means[0]))


def _quality(a: Line, b: Line, method: Method, ceiling: float | None) -> float | None:
    """None where no rate is common to both."""
    low, high = _common(a.rates, b.rates)
    if high <= low:
        return None
    plain = [each if ceiling is None else Line(each.rates, ceiling - 10.0**-each.qualities) for each in (a, b)]
    means = [_mean(each.rates, each.qualities, low, high, method) for each in plain]
    return means[1] - means[0]


def _spread(a: Line, b: Line, method: Method, rate: float) -> float | None:
    """The error that may come of where the points lie: arXiv 2304.12852 has it from subsets of the points."""
    others = [_rate(a, b, other) for other in ("akima", "pchip") if other != method]
    low, high = _common(a.qualities, b.qualities)
    means = [_mean(each.qualities, each.rates, low, high, method) for each in (a, b)]
    for side, whole in enumerate((a, b)):
        for left in range(1, len(whole.rates) - 1) if len(whole.rates) > LEAST else ():
            x, y = np.delete(whole.qualities, left), np.delete(whole.rates, left)
            means_without = [*means]
            means_without[side] = _mean(x, y, low, high, method)
            others.append(float(np.expm1(means_without[1] - means_without[0])))
    return max((abs(each - rate) for each in others), default=None)


def _difference(a: Line, b: Line, method: Method, ceiling: float | None) -> tuple[tuple[float, float], ...]:
    low, high = _common(a.qualities, b.qualities)
    places = np.linspace(low, high, DRAWN)
    ahead = curve(b.qualities, b.rates, method)(places) - curve(a.qualities, a.rates, method)(places)
    shown = places if ceiling is None else ceiling - 10.0**-places
    return tuple((float(at), float(ratio)) for at, ratio in zip(shown, np.expm1(ahead), strict=True))


def _crossed(drawn: Sequence[tuple[float, float]]) -> float | None:
    """The quality at which the better of both changes, if either is ahead by enough somewhere."""
    ratios = [ratio for _, ratio in drawn]
    if not ratios or min(ratios) > -CROSSED or max(ratios) < CROSSED:
        return None
    return next((after[0] for before, after in itertools.pairwise(drawn) if (before[1] < 0) != (after[1] < 0)), None)


def _stretched(one: Line, ceiling: float, warnings: list[str], name: str) -> Line:
    inside = one.qualities < ceiling
    if not inside.all():
        warnings.append(f"{name}: {int((~inside).sum())} points at the metric's ceiling left out")
    return Line(one.rates[inside], -np.log10(ceiling - one.qualities[inside]))


def _refused(warnings: list[str], shared: float, least: int, reason: str) -> Delta:
    return Delta(None, None, shared, None, least, (*warnings, reason), ())
