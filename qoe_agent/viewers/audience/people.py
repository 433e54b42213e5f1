"""Who comes, when, and with what: one array a column, one element a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.audience.plan import HEIGHT, HEIGHTS, LATENCY, STARTUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.plan import Plan

WORDS = ("arm", "region", "device", "cdn", "stage", "tier", "behaviour")
CDNS = ("a", "b")
BEHAVIOURS = ("silent", "commenting")


@dataclass(frozen=True, slots=True)
class People:
    """Sessions, in the order in which they begin."""

    user: NDArray[np.int64]
    stream: NDArray[np.int64]
    start: NDArray[np.float64]
    """Seconds after the streams begin."""
    room: NDArray[np.float64]
    """Seconds until the stream ends."""
    startup: NDArray[np.float64]
    height: NDArray[np.int64]
    latency: NDArray[np.float64]
    stall_rate: NDArray[np.float64]
    """A second."""
    pull: NDArray[np.float64]
    """All that multiplies the hazard from beginning to end."""
    startup_ratio: NDArray[np.float64]
    words: Mapping[str, tuple[tuple[str, ...], NDArray[np.int64]]]
    """By name out of WORDS: all values, and which of them each session has."""

    def __len__(self) -> int:
        return len(self.user)

    def word(self, name: str) -> NDArray[np.str_]:
        """A column of `words` as text."""
        values, which = self.words[name]
        return np.array(values)[which]


def people(plan: Plan, rng: np.random.Generator) -> People:
    """The sessions of `plan`."""
    count, effects = plan.sessions, plan.effects
    users = max(1, round(count / plan.sessions_per_user))
    user = rng.integers(users, size=count)
    start = np.sort(_arrivals(plan, rng))
    startup = np.clip(rng.lognormal(np.log(0.95), 0.7, count), 0.1, 30.0)
    height = np.array(HEIGHTS)[rng.choice(len(HEIGHTS), size=count, p=(0.1, 0.2, 0.45, 0.25))]
    latency = np.clip(rng.lognormal(np.log(plan.latency), 0.55, count), 0.8 * plan.latency / 4.5, 60.0)
    words = _words(plan, users, user, rng)
    pull = np.array(effects.height)[np.digitize(height, HEIGHT)]
    pull = pull * np.array(effects.latency)[np.digitize(latency, LATENCY)]
    for name, ratios in (("region", effects.region), ("device", effects.device), ("stage", effects.stage),
                         ("tier", effects.tier), ("arm", effects.arms)):  # fmt: skip
        pull = pull * np.array(list(ratios.values()))[words[name][1]]
    if plan.frailty:
        pull = pull * rng.gamma(1 / plan.frailty, plan.frailty, users)[user]
    uneven = rng.gamma(2.0, 0.5, users)[user]
    return People(
        user, rng.integers(plan.streams, size=count), start, plan.seconds - start, startup, height, latency,
        plan.stalls_per_hour / 3600 * uneven, pull,
        np.array(effects.startup)[np.digitize(startup, STARTUP)], words,
    )  # fmt: skip


def _arrivals(plan: Plan, rng: np.random.Generator) -> NDArray[np.float64]:
    early = rng.random(plan.sessions) < plan.rush
    anywhen = rng.random(plan.sessions) * plan.seconds
    rushing = rng.exponential(plan.seconds / 20, plan.sessions)
    return np.where(early & (rushing < plan.seconds), rushing, anywhen)


def _words(
    plan: Plan, users: int, user: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, tuple[tuple[str, ...], NDArray[np.int64]]]:
    """All but the CDN belong to the user."""
    effects = plan.effects

    def drawn(values: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        return values, rng.integers(len(values), size=users)[user]

    found = {name: drawn(tuple(ratios)) for name, ratios in (
        ("region", effects.region), ("device", effects.device), ("stage", effects.stage), ("tier", effects.tier),
        ("arm", effects.arms))}  # fmt: skip
    found["behaviour"] = drawn(BEHAVIOURS)
    found["cdn"] = CDNS, (rng.random(len(user)) < 0.35).astype(np.int64)
    return found
