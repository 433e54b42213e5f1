"""What is to be found: the effects that were put in, and what each fault really cost."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.audience.doings import lost_orders, orders
from qoe_agent.viewers.audience.plan import HEIGHT, LATENCY, STARTUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.audience.fates import Fates
from qoe_agent.viewers.audience.plan import Injected, Plan

SOUND = ("sound early", "in tolerance", "sound late")
MARKS = (3, 10, 30, 60, 180, 600)
AFTER = (600, 1800)
"""Seconds after a fault's effect is over at which it is asked how many fewer still watch."""


def truth(fates: Fates) -> dict[str, Any]:
    """As one JSON object."""
    plan, made = fates.plan, orders(fates)[0]
    return {
        "seed": plan.seed,
        "sessions": len(fates.people),
        "exits": int(fates.left.sum()),
        "watch_seconds": round(float(fates.end.sum()), 1),
        "retention": [
            {"seconds": mark, "share": round(float(np.mean(fates.exit > mark)), 6)} for mark in MARKS
        ],
        "effects": effects(plan),
        "incidents": [
            {**cost(fates, number), "orders": lost_orders(fates, made, number)} for number in range(len(plan.incidents))
        ],
    }  # fmt: skip


def effects(plan: Plan) -> list[dict[str, Any]]:
    """The hazard ratios, by the levels that reports have."""
    given = plan.effects
    found: list[dict[str, Any]] = [
        {"factor": "stall", "level": "recent", "hazard_ratio": given.recent},
        {"factor": "stall", "level": "earlier", "hazard_ratio": given.earlier},
    ]
    measured = [("effective_height", HEIGHT, given.effective_height, 1)] if plan.measures else []
    for factor, limits, ratios, gap in (
        ("startup", STARTUP, given.startup, 0), ("height", HEIGHT, given.height, 1),
        ("latency", LATENCY, given.latency, 0), *measured,
    ):  # fmt: skip
        between = [f"{low:g}–{high - gap:g}" for low, high in pairwise(limits)]
        levels = (f"<{limits[0]:g}", *between, f"≥{limits[-1]:g}")
        found += [{"factor": factor, "level": level, "hazard_ratio": ratio}
                  for level, ratio in zip(levels, ratios, strict=True)]  # fmt: skip
    if plan.measures:
        found += [{"factor": "av_offset", "level": level, "hazard_ratio": ratio}
                  for level, ratio in zip(SOUND, given.av_offset, strict=True)]  # fmt: skip
    words: dict[str, Mapping[str, float]] = {
        "arm": given.arms, "device": given.device, "region": given.region, "stage": given.stage, "tier": given.tier,
    }  # fmt: skip
    for factor, by_level in words.items():
        found += [{"factor": factor, "level": level, "hazard_ratio": ratio} for level, ratio in by_level.items()]
    return found


def cost(fates: Fates, number: int) -> dict[str, Any]:
    """What one fault cost: this audience less the same audience without it."""
    fault, people = fates.plan.incidents[number], fates.people
    who, begins, ends = fates.windows[number]
    real, other = fates.exit[who], fates.without[number][who]
    there = real >= begins
    inside, instead = (there & (each < ends) for each in (real, other))
    room = people.room[who]
    lost = np.minimum(other, room) - np.minimum(real, room)
    after = {f"fewer_after_{seconds}": int(np.sum(np.minimum(other, room) > ends + seconds))
             - int(np.sum(np.minimum(real, room) > ends + seconds)) for seconds in AFTER}  # fmt: skip
    return {
        **named(fates.plan, number),
        "hazard_ratio": fault.hazard_ratio,
        "seen": fault.seen,
        "exposed": int(there.sum()),
        "exits": int(inside.sum()),
        "expected": int(instead.sum()),
        "excess_exits": int(inside.sum() - instead.sum()),
        **after,
        "viewer_minutes": round(float(lost.sum()) / 60, 2),
        "window_seconds": fault.seconds + fates.plan.linger,
    }


def named(plan: Plan, number: int) -> dict[str, Any]:
    """A fault as the probe's incidents are written, by its clock; media time where the fault is in the media."""
    fault: Injected = plan.incidents[number]
    media = plan.begins + fault.at
    start = media + (plan.probe_latency if fault.in_content else 0.0)
    return {
        "id": f"i{number + 1}",
        "stream": plan.stream(fault.stream),
        "kind": fault.kind,
        "severity": "warning",
        "start": start,
        "end": start + fault.seconds,
        "seconds": fault.seconds,
        "scope": dict(fault.scope),
        **({"content": [media, media + fault.seconds]} if fault.in_content else {}),
    }
