"""What the incidents of an audience cost: each one's timeline through the estimators, and those of a kind together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.shapes import TENURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Cost, Exits, Incident, Timeline
    from qoe_agent.viewers.tables import Audience

BEFORE, AFTER, STEP = 7200.0, 3600.0, 1.0
"""Seconds around an incident in which placebo windows are looked for, and the steps of its timeline."""
PACES = (0, 3, 10, 30, 60, 180, 600, 1800, 3600)
"""Times watched, of TENURE, from which on viewers leave at another pace."""
FEWEST_TOGETHER = 3
"""Incidents of a kind, or what they have in common is not told: the interval of two tells nothing."""
LASTS = 30.0
"""Seconds after an incident in which viewers still leave because of it."""
NEAR_BEFORE, NEAR_AFTER = 300.0, 420.0
"""Seconds around an incident that are drawn."""
DRAWN = 120
"""Steps at most of what is drawn."""
MOST_DRAWN = 50


def added(exits: Exits, audience: Audience, study: Study | None) -> Exits:
    """The same report with what incidents cost."""
    from qoe_agent.viewers import estimates

    incidents = audience.incidents()
    if not incidents:
        return exits
    timelines = audience.timelines(incidents, BEFORE, AFTER, STEP, paces(study) if study else ())
    costs = [cost(each, timelines, incidents, study, audience.reasons.get(each.id, "")) for each in incidents]
    found = estimates.discoveries(costs)
    drawn = sorted(found, key=lambda one: (one.p is None, one.p))[:MOST_DRAWN]
    by_id = {each.id: each for each in incidents}
    near = {one.id: around(timelines[one.id], by_id[one.id]) for one in drawn if one.id in timelines}
    told = common(found, together(incidents, heartbeat(timelines)))
    return replace(exits, incidents=found, timelines=near, notes=(*exits.notes, *told))


def paces(study: Study) -> list[tuple[float, float]]:
    """Exits a second by time watched, each from so many seconds on: an audience that has just come leaves faster."""
    seconds = study.seconds[:, : len(TENURE)].sum(axis=0)
    cuts = [TENURE.index(each) for each in PACES]
    watched = np.add.reduceat(seconds, cuts)
    left = np.add.reduceat(seconds * study.hazards, cuts)
    return [
        (float(each), float(gone / there)) for each, gone, there in zip(PACES, left, watched, strict=True) if there > 0
    ]


def cost(
    incident: Incident, timelines: dict[str, Timeline], incidents: Sequence[Incident], study: Study | None,
    reason: str = "",
) -> Cost:  # fmt: skip
    """Of one of them; the others are not taken for what is usual. `reason`: why it has no timeline, if known."""
    from qoe_agent.viewers import estimates
    from qoe_agent.viewers.shapes import Cost

    if incident.id not in timelines:
        nobody = reason or f"cannot be known: nobody is known to have watched {incident.stream} then"
        return Cost(incident.id, incident.kind, incident.start, note=nobody, end=incident.end)
    found = estimates.cost(timelines[incident.id], incident, incidents, remaining=study)
    return found._replace(end=incident.end)


def common(costs: Sequence[Cost], meeting: Sequence[frozenset[str]] = ()) -> list[str]:
    """What incidents of a kind have in common, in words; of incidents that meet each other nothing."""
    from qoe_agent.viewers import estimates

    met = frozenset[str]().union(*meeting)
    return [
        f"{each.kind.replace('_', ' ')}: over {each.incidents} incidents together viewers leave {each.ratio:.2f} times "
        f"[{each.low:.2f}, {each.high:.2f}] as fast as otherwise (random effects)"
        for each in estimates.pooled([one for one in costs if one.id not in met])
        if each.incidents >= FEWEST_TOGETHER
    ]


def together(incidents: Sequence[Incident], heartbeat: float = 0.0) -> tuple[frozenset[str], ...]:
    """Groups of two or more whose windows meet on one stream, directly or by others between them, whatever their
    scopes: whom one struck is who another is compared with. One without an end meets all that follow."""
    groups: list[list[Incident]] = []
    for one in sorted(incidents, key=lambda each: (each.stream, each.start)):
        those = [group for group in groups if any(_meet(one, each, LASTS + 2 * heartbeat) for each in group)]
        groups = [group for group in groups if group not in those]
        groups.append([*(each for group in those for each in group), one])
    return tuple(frozenset(each.id for each in group) for group in groups if len(group) > 1)


def _meet(later: Incident, one: Incident, lasts: float) -> bool:
    return one.stream == later.stream and (one.end is None or later.start <= one.end + lasts)


def heartbeat(timelines: Mapping[str, Timeline]) -> float:
    """The longest of them, by which windows are wider."""
    return max((each.heartbeat for each in timelines.values()), default=0.0)


def around(timeline: Timeline, incident: Incident) -> Timeline:
    """The part to draw, in coarser steps, by the wall clock of the incident."""
    moved = incident.start - incident.content[0] if timeline.clock == "content" and incident.content else 0.0
    end = incident.start if incident.end is None else incident.end
    first = max(0, int((incident.start - moved - NEAR_BEFORE - timeline.start) / timeline.step))
    last = int((end - moved + NEAR_AFTER - timeline.start) / timeline.step)
    last = min(timeline.watching.shape[1], last)
    each = max(1, -(-(last - first) // DRAWN))
    cuts = np.arange(first, last, each)
    if not len(cuts):
        return timeline
    sums = [
        np.add.reduceat(values[:, :last], cuts, axis=1)
        for values in (timeline.watching, timeline.exits, timeline.orders)
    ]
    return replace(
        timeline, start=timeline.start + first * timeline.step + moved, step=timeline.step * each, watching=sums[0],
        exits=sums[1], orders=sums[2], risk=None,
    )  # fmt: skip
