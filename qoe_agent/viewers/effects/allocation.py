"""Whether arms got the shares that they were to get: the sample ratio (Fabijan et al., KDD 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qoe_agent.viewers.lift.shapes import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME, SHOWED_UP = "sample_ratio", "showed_up"
BLOCKS, NOTICE = 0.001, 0.05
LEAST = 5.0
"""Units expected in an arm, below which chi-square says little."""


def sample_ratio(assigned: Mapping[str, int], allocation: Mapping[str, float] | None = None) -> Check:
    """Pearson's chi-square of units assigned against `allocation` (None: equal shares), one degree of freedom less than
    arms. Below p = 0.001 something other than chance sorts units into arms, and effects mean nothing."""
    shares = dict(allocation) if allocation else dict.fromkeys(assigned, 1.0)
    stray = [arm for arm, count in assigned.items() if count and not shares.get(arm)]
    if stray:
        text = f"units are in {', '.join(stray)}, which the allocation does not name"
        return Check(NAME, "failed", text, blocks=True)
    total, whole = sum(assigned.values()), sum(shares.values())
    wanted = {arm: total * share / whole for arm, share in shares.items() if share > 0.0}
    if len(wanted) < 2 or min(wanted.values()) < LEAST:
        return Check(NAME, "not possible", f"needs two arms with {LEAST:.0f} units expected in each", blocks=True)
    p = p_value(assigned, wanted)
    counts = ", ".join(f"{arm} {assigned.get(arm, 0):,} of {each:,.0f} expected" for arm, each in wanted.items())
    state, why = _judged(p)
    return Check(NAME, state, f"{counts}: {why} (chi-square p = {p:.2g})", p, blocks=True)


def _judged(p: float) -> tuple[Literal["passed", "notice", "failed"], str]:
    if p < BLOCKS:
        return "failed", "chance does not sort units so; what does may also be what differs between arms"
    if p < NOTICE:
        return "notice", "more uneven than chance usually makes it, not enough to stop"
    return "passed", "as even as chance makes it"


def showed_up(assigned: Mapping[str, int], there: Mapping[str, int]) -> Check:
    """Whether as many of those assigned were seen in each arm: chi-square of seen and not seen by arm. Where they were
    not, those seen are no longer those whom chance sorted."""
    from scipy.special import chdtrc

    told = ", ".join(f"{arm} {there.get(arm, 0):,} of {count:,} assigned" for arm, count in assigned.items())
    whole = sum(assigned.values())
    share = sum(there.get(arm, 0) for arm in assigned) / whole if whole else 0.0
    if share >= 1.0:
        return Check(SHOWED_UP, "passed", f"{told}: all of them were seen", blocks=True)
    if not share > 0.0 or min(assigned.values()) * min(share, 1.0 - share) < LEAST:
        return Check(SHOWED_UP, "not possible", f"{told}: needs {LEAST:.0f} expected in each", blocks=True)
    found = sum((there.get(arm, 0) - count * share) ** 2 / (count * share * (1.0 - share))
                for arm, count in assigned.items())  # fmt: skip
    p = float(chdtrc(len(assigned) - 1, found))
    state, why = _judged(p)
    before = "too many of those assigned to an arm were never seen: " if state == "failed" else ""
    return Check(SHOWED_UP, state, f"{before}{told}: {why} (chi-square p = {p:.2g})", p, blocks=True)


def p_value(assigned: Mapping[str, int], wanted: Mapping[str, float]) -> float:
    """Of Pearson's chi-square of counts against those wanted."""
    from scipy.special import chdtrc

    found = sum((assigned.get(arm, 0) - each) ** 2 / each for arm, each in wanted.items())
    return float(chdtrc(len(wanted) - 1, found))
