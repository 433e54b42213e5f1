"""What claims are tested with, and incidents pooled for it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.shapes import Cost, Hazard, Mark

SENSES = ("av_out_of_sync",)
DAMAGE = (
    "stall", "freeze", "content_freeze", "black", "silence", "audio_missing", "video_missing", "blurred", "blocky",
    "damage", "dropouts", "av_out_of_sync", "lost",
)  # fmt: skip
"""Kinds of incidents that anybody sees or hears."""


class Figure(NamedTuple):
    """An estimate with its interval of 95 %."""

    value: float
    low: float
    high: float


class Stalled(NamedTuple):
    """Of stalls, each by itself: the share of viewers who left within so many seconds after it began."""

    seconds: float
    stalls: float
    gone: Figure
    usual: float | None = None
    """What would have left without it; None: not known."""
    excess: Figure | None = None
    """The difference of the two."""


class Longer(NamedTuple):
    """How much longer one arm's sessions last than another's, on average over `cap` seconds each at most."""

    cap: float
    ratio: Figure
    """Of the restricted means, less 1."""


class Replayed(NamedTuple):
    """How many replays fare ill, of sessions that lasted 10 s and tell it."""

    share: Figure
    more: Figure
    """The share less that of all other sessions."""


class Talked(NamedTuple):
    """How messages fared."""

    shown: float
    """How often one was shown to a viewer."""
    middle: float
    most: float
    """Seconds within which half of them were, and 95 of 100."""
    late: Figure | None
    """Share that was shown late."""
    sent: float
    lost: Figure | None = None
    """Share of those sent that nobody was shown; None: not known."""
    ratio: Figure | None = None
    """How many times as fast viewers leave after a late or lost one as after one in time; None: not known."""
    why: str = ""
    """It is not."""


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
    longer: Longer | None = None
    """Sessions of arm hd beside those of arm sd."""
    talked: Talked | None = None
    replays: Mapping[str, Replayed] = field(default_factory=dict)
    """startup: begin after 2 s or more; height: are of fewer than 720 lines."""
    crowded: Figure | None = None
    """How many times as often sessions fail in minutes with twice a stream's usual audience as in others."""
    paced: Figure | None = None
    """How many times as fast viewers leave over eight minutes after the last highlight as until then."""
    together: tuple[frozenset[str], ...] = ()
    """Ids of incidents of a stream that meet in time, directly or by others between them: no independent witnesses."""


class Pooled(NamedTuple):
    """Excess exits of incidents together."""

    incidents: int
    left_out: int
    """Because something else struck at the same time."""
    excess: Figure | None


def pooled(known: Material, kinds: tuple[str, ...]) -> Pooled | None:
    """Of incidents that share no viewers' exits. Of those that meet in time one counts, the longest, if all are of
    `kinds`, and else none: its exits may be another's. None: there is no figure at all."""
    costs = {one.id: one for one in known.costs}
    told = {name: figure for name, one in costs.items() if one.kind in kinds and (figure := _figure(one))}
    chosen, held = set(told), set[str]()
    for group in known.together:
        mine = set(told) & group
        chosen -= mine
        if mine and all(costs[each].kind in kinds for each in group if each in costs):
            chosen.add(max(sorted(mine), key=lambda each: (costs[each].end or costs[each].start) - costs[each].start))
            held |= mine
    if not told:
        return None
    left_out, found = len(set(told) - held - chosen), [told[each] for each in sorted(chosen)]
    if not found:
        return Pooled(0, left_out, None)
    total = math.fsum(one.value for one in found)
    below = math.sqrt(math.fsum((one.value - one.low) ** 2 for one in found))
    above = math.sqrt(math.fsum((one.high - one.value) ** 2 for one in found))
    return Pooled(len(found), left_out, Figure(total, total - below, total + above))


def _figure(cost: Cost) -> Figure | None:
    if cost.excess_exits is None or cost.low is None or cost.high is None:
        return None
    return Figure(cost.excess_exits, cost.low, cost.high)
