"""The shapes of what nobody randomised: sessions by their covariates, and comparisons of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats


class Balance(NamedTuple):
    """How alike the arms are in one covariate: standardised mean difference (largest level of a word)."""

    covariate: str
    before: float
    after: float


class Comparison(NamedTuple):
    """One way to compare arms nobody randomised."""

    method: Literal["naive", "stratified", "matched", "doubly robust"]
    estimate: float | None
    """Lift of mean watch time as a ratio less 1; of `matched`, net outcome: share of pairs in which the treated watched
    longer less the share in which they watched shorter."""
    low: float | None
    high: float | None
    p: float | None
    effective: float | None = None
    """Sessions (pairs) that carry the estimate: Kish's effective sample size."""
    used: float | None = None
    """Share of treated sessions it speaks of."""
    e_value: float | None = None
    e_value_limit: float | None = None
    """E-values (VanderWeele and Ding 2017) of the estimate and of the limit nearer to none."""
    gamma: float | None = None
    """Rosenbaum's bound: how unequal the odds of treatment within pairs may be before p passes 0.05."""
    balance: tuple[Balance, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Covered:
    """Sessions nobody randomised, by cells of their covariates."""

    covariates: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """Of each covariate: names of its levels (numbers: ranges of up to 20 equally filled bins)."""
    design: NDArray[np.int32]
    """(cells, covariates): index of the level."""
    count: Floats
    """(cells, 2): sessions; column 0 control, 1 treatment."""
    total: Floats
    """(cells, 2): seconds watched, capped."""
    squares: Floats
    """(cells, 2): their squares."""
    wins: tuple[int, int, int]
    """Of pairs matched one to one within cells at random (by a stable hash): treated longer, shorter, alike."""
    buckets: Floats | None = None
    """(buckets, cells, 2, 2): count and total by the user's bucket, for intervals that know whose sessions these are;
    None: too many cells."""
    notes: tuple[str, ...] = ()
    numbers: Floats | None = None
    """(cells, 2, covariates, 2): sums of the covariates that are numbers, and of their squares, where known (0 of
    words): balance within bins; None: not counted."""
    ordered: tuple[bool, ...] = ()
    """Of each covariate whether it is a number; empty: none is."""
