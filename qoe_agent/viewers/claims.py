"""What is said in the field about why viewers leave, beside what this audience shows. Pure.

None of the claims has a primary source: they are tested, never repeated as facts. A claim agrees where the whole
interval lies in the range that `design` names, disagrees where the whole interval lies outside, else it is unclear;
without what it takes to tell it is not testable. What is observed and not randomised never agrees nor disagrees on a
cause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.sayings import NEEDS, SAID
from qoe_agent.viewers.shapes import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qoe_agent.viewers.shapes import Cost, Hazard, Mark

OBSERVED = "observed, not randomised: who meets it may differ in other ways"
SENSES = ("av_out_of_sync",)
DAMAGE = (
    "stall", "freeze", "content_freeze", "black", "silence", "audio_missing", "blurred", "blocky", "damage", "dropouts",
    "av_out_of_sync", "lost",
)  # fmt: skip
"""Kinds of incidents that anybody sees or hears."""


class Figure(NamedTuple):
    """An estimate with its interval of 95 %."""

    value: float
    low: float
    high: float


class Stalled(NamedTuple):
    """Of the sessions that stalled the share that was gone so many seconds after their last stall began."""

    seconds: float
    sessions: float
    gone: Figure
    ever: float
    """Sessions of these that left at all."""


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to test with; None or empty: it is not known."""

    retention: Mapping[float, Mark] = field(default_factory=dict)
    early: Figure | None = None
    """Exits a second of those there, from 0 to 3 s over from 3 to 30 s."""
    later: Figure | None = None
    """The same, from 30 s to 3 min over the first 30 s."""
    hazards: tuple[Hazard, ...] = ()
    costs: tuple[Cost, ...] = ()
    stalled: tuple[Stalled, ...] = ()
    quick: Figure | None = None
    """Share that began within 0.6 s, of sessions that lasted 10 s and whose startup is known."""
    arms: Mapping[str, Figure | None] = field(default_factory=dict)
    """By arm the hazard ratio beside the first arm, whose figure is None."""


def claims(known: Material) -> tuple[Claim, ...]:
    """All of them, in a fixed order."""
    tests: dict[str, Callable[[Material], Claim | None]] = {
        "hd_retention": _hd, "stall_exit": _stall, "half_in_30s": _half, "three_seconds": _three,
        "connect_600ms": _connect, "first_screen": _startup, "av_unsynced": _unsynced, "av_damage_silent": _silent,
    }  # fmt: skip
    found = {name: test(known) for name, test in tests.items()}
    return tuple(found.get(name) or untestable(name) for name in SAID)


def untestable(name: str) -> Claim:
    """What it would take."""
    return Claim(name, SAID[name], f"not testable here: needs {NEEDS[name]}")


def evalue(ratio: float) -> float:
    """How strongly something unseen must go with both to explain a hazard ratio of a common outcome away.

    VanderWeele and Ding 2017; the ratio of risks approximated from that of hazards.
    """
    ratio = max(ratio, 1 / ratio)
    risk = (1 - math.pow(0.5, math.sqrt(ratio))) / (1 - math.pow(0.5, math.sqrt(1 / ratio)))
    return risk + math.sqrt(risk * (risk - 1))


def _within(found: Figure, low: float, high: float) -> str:
    if found.low >= low and found.high <= high:
        return "agrees"
    return "disagrees" if found.high < low or found.low > high else "unclear"


def _claim(name: str, shown: str, found: Figure, design: str, verdict: str) -> Claim:
    return Claim(name, SAID[name], shown, found.low, found.value, found.high, design, verdict)


def _percent(found: Figure) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]".replace("%", " %").replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _times(found: Figure) -> str:
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _of(known: Material, factor: str, *levels: str) -> dict[str, Figure]:
    """Hazard ratios with an interval, of one factor; all levels, or those named."""
    return {
        one.level: Figure(one.hazard_ratio, one.low, one.high)
        for one in known.hazards
        if one.factor == factor and one.hazard_ratio and one.low and one.high and one.level != "unknown"
        and one.low < one.high and (not levels or one.level in levels)
    }  # fmt: skip


def _reference(known: Material, factor: str) -> str:
    return next((one.level for one in known.hazards if one.factor == factor
                 and one.hazard_ratio == one.low == one.high == 1), "the reference")  # fmt: skip


def _hd(known: Material) -> Claim | None:
    """Randomised arms decide; heights that were met are tied to networks and devices."""
    names = list(known.arms)
    if len(names) == 2 and sorted(name.lower() for name in names) == ["hd", "sd"]:
        figure = next(each for each in known.arms.values() if each is not None)
        hd_first = names[0].lower() == "hd"
        longer = Figure(figure.value - 1, figure.low - 1, figure.high - 1) if hd_first else _longer(figure)
        verdict = "disagrees" if not longer.low <= 0.103 <= longer.high else "agrees" if longer.low > 0 else "unclear"
        return _claim(
            "hd_retention", f"users of arm hd stay {_percent(longer)} longer than those of sd, by their exit hazards",
            longer, "arms hd and sd, taken to be assigned by chance; agrees: the interval holds 10.3 % and not 0",
            verdict,
        )  # fmt: skip
    found = _of(known, "height")
    if not found:
        return None
    reference = _reference(known, "height")
    told = ", ".join(f"{_times(each)} at {level}" for level, each in found.items())
    nearest = min(found.values(), key=lambda each: abs(math.log(each.value)))
    limit = nearest.low if nearest.low > 1 else nearest.high if nearest.high < 1 else 1.0
    return _claim(
        "hd_retention", f"viewers leave {told} lines times as fast as at {reference}; whatever goes with both height "
        f"and leaving by a risk ratio of {evalue(limit):.2f} could explain the smallest of these away (E-value)",
        nearest, f"exit hazards by height played; {OBSERVED}, above all in their network", "unclear",
    )  # fmt: skip


def _longer(hazard: Figure) -> Figure:
    return Figure(1 / hazard.value - 1, 1 / hazard.high - 1, 1 / hazard.low - 1)


def _stall(known: Material) -> Claim | None:
    if not known.stalled:
        return None
    last = known.stalled[-1]
    told = ", ".join(f"{_percent(each.gone)} within {each.seconds:g} s" for each in known.stalled)
    shown = (
        f"of {last.sessions:,.0f} sessions that stalled are gone after their last stall {told}, and "
        f"{_share(last.ever / last.sessions)} sooner or later"
    )
    if recent := _of(known, "stall", "recent").get("recent"):
        usual = _share(1 - math.pow(1 - last.gone.value, 1 / recent.value))
        shown += (
            f"; {usual} would have gone within {last.seconds:g} s without it, by a hazard ratio of {_times(recent)}"
        )
    return _claim(
        "stall_exit", shown, last.gone, f"exits after stalls; agrees: over 70 % within {last.seconds:g} s. Sooner or "
        "later everybody leaves: without a horizon the claim says nothing", _within(last.gone, 0.7, 1.0),
    )  # fmt: skip


def _half(known: Material) -> Claim | None:
    mark = known.retention.get(30.0)
    if mark is None:
        return None
    gone = Figure(1 - mark.share, 1 - mark.high, 1 - mark.low)
    verdict = _within(gone, 0.4, 0.6)
    shown = f"{_percent(gone)} are gone after 30 s"
    if known.later:
        shown += f"; from 30 s to 3 min those left go {_times(known.later)} times as fast as in the first 30 s"
        faster = _within(known.later, 1.0, math.inf)
        verdict = next((word for word in ("disagrees", "unclear") if word in (verdict, faster)), "agrees")
    return _claim(
        "half_in_30s", shown, gone,
        "retention curve; agrees: 40 to 60 % are gone after 30 s, and those left go faster until 3 min", verdict,
    )  # fmt: skip


def _three(known: Material) -> Claim | None:
    mark = known.retention.get(3.0)
    if mark is None or known.early is None:
        return None
    gone = Figure(1 - mark.share, 1 - mark.high, 1 - mark.low)
    return _claim(
        "three_seconds",
        f"{_percent(gone)} are gone after 3 s; until then viewers leave {_times(known.early)} times as fast as from 3 "
        "to 30 s", known.early, "hazard by time watched; agrees: at least twice as fast in the first 3 s",
        _within(known.early, 2.0, math.inf),
    )  # fmt: skip


def _connect(known: Material) -> Claim | None:
    if known.quick is None:
        return None
    return _claim(
        "connect_600ms", f"{_percent(known.quick)} of sessions that last 10 s and tell their startup begin in 0.6 s",
        known.quick,
        "startup until the first picture, which is more than a connection; agrees: at least 95 % of sessions",
        _within(known.quick, 0.95, 1.0),
    )  # fmt: skip


def _startup(known: Material) -> Claim | None:
    found = _of(known, "startup")
    slow = next((found[level] for level in reversed(found)), None)
    if slow is None:
        return None
    reference = _reference(known, "startup")
    told = ", ".join(f"{_times(each)} at {level} s" for level, each in found.items())
    return _claim(
        "first_screen", f"once they see a picture, viewers leave {told} times as fast as at {reference} s", slow,
        f"exit hazards by startup time; {OBSERVED}; whoever leaves before the first picture has no startup time",
        "unclear",
    )  # fmt: skip


def _pooled(costs: tuple[Cost, ...], kinds: tuple[str, ...]) -> tuple[int, Figure] | None:
    """Of how many incidents, and their excess exits together, taken for independent."""
    found = [one for one in costs if one.kind in kinds and one.excess_exits is not None and one.low is not None
             and one.high is not None]  # fmt: skip
    if not found:
        return None
    total = math.fsum(one.excess_exits or 0.0 for one in found)
    below = math.sqrt(math.fsum(((one.excess_exits or 0.0) - (one.low or 0.0)) ** 2 for one in found))
    above = math.sqrt(math.fsum(((one.high or 0.0) - (one.excess_exits or 0.0)) ** 2 for one in found))
    return len(found), Figure(total, total - below, total + above)


def _unsynced(known: Material) -> Claim | None:
    pooled = _pooled(known.costs, SENSES)
    if pooled is None:
        return None
    number, found = pooled
    return _claim(
        "av_unsynced", f"{_exits(found)} exits too many at {number} times of sound out of step", found,
        "incidents beside who was not struck, or other times of the stream; agrees: above 0",
        _within(found, 0.0, math.inf),
    )  # fmt: skip


def _silent(known: Material) -> Claim | None:
    pooled = _pooled(known.costs, DAMAGE)
    if pooled is None:
        return None
    number, found = pooled
    return _claim(
        "av_damage_silent",
        f"{_exits(found)} exits too many at {number} faults that can be seen or heard; whether anybody complained is "
        "not known", found, "incidents beside who was not struck, or other times of the stream; silence needs reports "
        "of viewers, so the claim stays unclear at best", "disagrees" if found.high <= 0 else "unclear",
    )  # fmt: skip


def _exits(found: Figure) -> str:
    return f"{found.value:.0f} [{found.low:.0f}, {found.high:.0f}]".replace("-", "−")
