"""Switchbacks: everybody in a block of stream and time gets one arm, and blocks are the units.

What blocks hold is compared as rates (a session, or what the metric is a ratio to; of sessions themselves: a block),
within streams. Where all streams always switch together, a moment is one unit, however many streams there are.
Carry-over is looked for as Bojinov, Simchi-Levi and Zhao ("Design and analysis of switchback experiments", Management
Science 2023) do: a block after a change of arm would then show less of the effect than one after none.
"""

from __future__ import annotations

from math import expm1, sqrt
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.effects.means import Known, capped, finished, share
from qoe_agent.viewers.effects.regressing import Blocks, fit
from qoe_agent.viewers.lift.shapes import Amount, Check, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.effects.regressing import Fit
    from qoe_agent.viewers.lift.shapes import Floats, Metric, Trial

    Whole: TypeAlias = NDArray[np.int64]

LEAST = 4
"""Blocks of each arm."""
SESSIONS = Amount("sessions")
UNLIKELY = 1.96


class _Read(NamedTuple):
    """Blocks of the two arms, and of each: whether it is of the treatment, and whether the one before in its stream was
    of the other arm (NaN: there was none)."""

    blocks: Blocks
    treated: Floats
    changed: Floats

    def means(self, control: str, treatment: str) -> dict[str, float]:
        """By arm."""
        found = {}
        for arm, mine in ((control, self.treated == 0.0), (treatment, self.treated == 1.0)):
            found[arm] = float(self.blocks.amount[mine].sum() / self.blocks.of[mine].sum())
        return found


def switchback(trial: Trial, metric: Metric, control: str, treatment: str, *, alpha: float = 0.05,
               cap: float | None = None, pre: Sequence[Amount] = ()) -> Estimate:  # fmt: skip
    """Treatment over control from `trial.blocks`, adjusted for what covariates `pre` were in a block."""
    metric = capped(metric, cap)
    told = Estimate(metric.name, control, treatment, None, None, None, None, {}, {}, metric.of.cap, unit="block",
                    scale="points" if share(metric) else "ratio", method="blocks", margin=metric.margin)  # fmt: skip
    read = _read(trial, metric, control, treatment, pre)
    n = {arm: int((read.treated == of).sum()) for arm, of in ((control, 0.0), (treatment, 1.0))}
    told = told._replace(n=n)
    if min(n.values()) < LEAST:
        return told._replace(note=f"needs {LEAST} blocks of each arm")
    told = told._replace(mean=read.means(control, treatment))
    found = _fitted(read.blocks, told)
    if found is None:
        return told._replace(note="no stream was in both arms often enough")
    known = Known(float(found.theta[0]), sqrt(float(found.covariance[0, 0])), sum(n.values()), None, found.freedom)
    return finished(told, known, alpha, metric.better)


def _fitted(blocks: Blocks, told: Estimate) -> Fit | None:
    if told.scale == "ratio" and not min(told.mean.values()) > 0.0:
        return None
    return fit(blocks, told.scale == "ratio")


def carry_over(trial: Trial, metric: Metric, control: str, treatment: str, *, alpha: float = 0.05,
               cap: float | None = None) -> Check:  # fmt: skip
    """Whether the effect is another in blocks after a change of arm than in blocks after none."""
    metric = capped(metric, cap)
    read = _read(trial, metric, control, treatment, ())
    after = np.isfinite(read.changed)
    sorts = [int((after & (read.treated == arm) & (read.changed == turn)).sum()) for arm in (0, 1) for turn in (0, 1)]
    if min(sorts) < LEAST:
        return Check("carry_over", "not possible", f"needs {LEAST} blocks of each arm after a change and after none")
    treated, changed = read.treated[after], read.changed[after]
    columns = np.array([treated * changed, treated, changed]).T
    found = fit(_renumbered(read.blocks, after)._replace(columns=columns), not share(metric))
    if found is None:
        return Check("carry_over", "not possible", "no stream had enough blocks after a change and after none")
    theta, error = float(found.theta[0]), sqrt(float(found.covariance[0, 0]))
    p = t_tail(theta / error, found.freedom)
    reach = t_quantile(1.0 - alpha, found.freedom) * error
    back = float if share(metric) else expm1
    ends = " to ".join(_more(100.0 * back(each)) for each in (theta - reach, theta + reach))
    told = f"blocks after a change of arm show {ends} of the effect than those after none (p = {p:.2g})"
    if p < alpha:
        return Check("carry_over", "notice", f"{told}: what came before lasts; use longer blocks or a washout", p)
    return Check("carry_over", "passed", told, p)


def _more(percent: float) -> str:
    return f"{abs(percent):.1f} % {'more' if percent >= 0.0 else 'less'}"


class Before(NamedTuple):
    """A covariate from before in the blocks of control and of treatment: means, and how likely by chance alone."""

    control: float
    treatment: float
    p: float


def before(trial: Trial, metric: Metric, pre: Amount, control: str, treatment: str) -> Before | None:
    """Within streams, by the robust errors by which effects are judged. None: blocks are too few."""
    read = _read(trial, metric, control, treatment, (pre,))
    if min(int((read.treated == arm).sum()) for arm in (0.0, 1.0)) < LEAST:
        return None
    values = read.blocks.columns[:, 1]
    unit = float(np.ptp(values)) or 1.0
    plain = read.blocks._replace(amount=values / unit, of=np.ones(len(values)), columns=read.treated[:, None])
    found = fit(plain, logarithms=False)
    if found is None or not np.isfinite(found.theta[0]):
        return None
    error = sqrt(float(found.covariance[0, 0]))
    p = t_tail(float(found.theta[0]) / error, found.freedom) if error > 0.0 else 1.0
    first, second = (float(values[read.treated == arm].mean()) for arm in (0.0, 1.0))
    return Before(first, second, p)


def _read(trial: Trial, metric: Metric, control: str, treatment: str, pre: Sequence[Amount]) -> _Read:
    amounts = next(iter(trial.arms.values())).amounts if trial.arms else ()
    over = metric.over or (SESSIONS if SESSIONS in amounts and metric.of != SESSIONS else None)
    rows, changed = [], []
    before: tuple[str, str] | None = None
    for name, began, arm, sums in trial.blocks:
        followed = before is not None and before[0] == name and before[1] in (control, treatment)
        of = float(sums[amounts.index(over)]) if over else 1.0
        amount = float(sums[amounts.index(metric.of)])
        if arm in (control, treatment) and of > 0.0 and np.isfinite(amount):
            rows.append((name, began, arm == treatment, amount, of, *(sums[amounts.index(each)] for each in pre)))
            changed.append(float(before[1] != arm) if followed and before else np.nan)
        before = name, arm
    names = {name: number for number, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    table = np.array([row[1:] for row in rows], float).reshape(len(rows), 4 + len(pre))
    stream = np.array([names[row[0]] for row in rows], np.int64)
    columns = np.column_stack((table[:, 1], table[:, 4:]))
    blocks = Blocks(table[:, 2], table[:, 3], stream, _together(stream, table[:, 0], table[:, 1]), columns)
    return _Read(blocks, table[:, 1], np.array(changed))


def _together(stream: Whole, began: Floats, treated: Floats) -> Whole:
    """Units of chance: blocks by themselves where arms were drawn block by block (moments where all streams always
    switch together). Where arms changed more or less often than such draws would, two runs of one arm each with the
    other: what lasts for some blocks then counts as it does, against or for the effect."""
    times, moment = np.unique(began, return_inverse=True)
    count = np.bincount(moment, minlength=len(times))
    of_treatment = np.bincount(moment, treated, len(times))
    alone = len(times) == len(began) or bool(((of_treatment > 0) & (of_treatment < count)).any())
    if not alone:
        return _runs(np.zeros(len(times), np.int64), of_treatment > 0)[moment]
    return _runs(stream, treated > 0)


def _runs(stream: Whole, treated: NDArray[np.bool_]) -> Whole:
    """Of units in order of stream and time which belong together."""
    if not len(treated):
        return np.zeros(0, np.int64)
    same = stream[1:] == stream[:-1]
    turned = treated[1:] != treated[:-1]
    chance = 2.0 * treated.mean() * (1.0 - treated.mean())
    expected, changes = chance * same.sum(), (turned & same).sum()
    if (changes - expected) ** 2 <= UNLIKELY**2 * expected * (1.0 - chance):
        return np.arange(len(treated))
    run = np.concatenate(([0], np.cumsum(turned | ~same)))
    first = np.concatenate(([True], ~same))
    place = run - np.maximum.accumulate(np.where(first, run, 0))
    return np.concatenate(([0], np.cumsum(~same | (turned & (place[1:] % 2 == 0)))))


def _renumbered(blocks: Blocks, kept: NDArray[np.bool_]) -> Blocks:
    """Those kept, with streams and moments counted anew."""
    stream, together = (np.unique(each[kept], return_inverse=True)[1] for each in (blocks.stream, blocks.together))
    return Blocks(blocks.amount[kept], blocks.of[kept], stream, together, blocks.columns[kept])
