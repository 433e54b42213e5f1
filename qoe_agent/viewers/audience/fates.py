"""When viewers go: exact times from hazards that change with what happens to each of them.

Hazards add up. What a fault drives away is a process of its own beside all others, with random numbers of its own: so
an audience without one of the faults is the same audience, and the difference is what that fault cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.audience.hazards import Curve
from qoe_agent.viewers.audience.people import people
from qoe_agent.viewers.audience.plan import RECENT
from qoe_agent.viewers.audience.sent import MINUTE, sent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.people import People
    from qoe_agent.viewers.audience.plan import Injected, Plan

BEYOND = 600.0
"""Everybody is followed for so many seconds, even when the stream ends before: for the true retention."""
STEP = 10.0
"""Seconds for which the content drives viewers away at one strength."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """All stalls, by session and time."""

    session: NDArray[np.int64]
    at: NDArray[np.float64]
    """Seconds after the session began."""
    seconds: NDArray[np.float64]

    def ratio(self, session: NDArray[np.int64], at: NDArray[np.float64], plan: Plan) -> NDArray[np.float64]:
        """What the stalls so far multiply the hazard by."""
        if not len(self.at):
            return np.ones(len(at))
        far = 1e6
        last = np.searchsorted(self.session * far + self.at, session * far + at, side="right") - 1
        mine = (last >= 0) & (self.session[last] == session)
        since = at - self.at[last]
        return np.where(mine, np.where(since < RECENT, plan.effects.recent, plan.effects.earlier), 1.0)


@dataclass(frozen=True, slots=True)
class Moods:
    """What the content, and what was sent of it, multiply everybody's hazard by."""

    content: NDArray[np.float64]
    """(streams, steps): of mean about 1, by the clock."""
    sent: NDArray[np.float64]
    """(streams, minutes) of the media."""

    @property
    def top(self) -> float:
        """No more than this at any time."""
        return float(self.content.max() * self.sent.max())

    def at(self, folk: People, who: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.float64]:
        """So many seconds after each of these sessions began."""
        time, stream = folk.start[who] + at, folk.stream[who]
        step = np.minimum((time / STEP).astype(np.int64), self.content.shape[1] - 1)
        minute = np.clip(np.floor((time - folk.latency[who]) / MINUTE).astype(np.int64), 0, self.sent.shape[1] - 1)
        found: NDArray[np.float64] = self.content[stream, step] * self.sent[stream, minute]
        return found


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the sessions of `people`."""

    plan: Plan
    people: People
    exit: NDArray[np.float64]
    """Seconds after its begin at which each session is left; infinite: not while it was followed."""
    without: tuple[NDArray[np.float64], ...]
    """The same had one fault not been, for each of the plan's."""
    windows: tuple[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]], ...]
    """For each fault: which sessions it can strike, from and until when (seconds after their begin)."""
    cause: NDArray[np.int64]
    """Index into shapes.CAUSES, for those who leave."""
    stalls: Stalls

    @property
    def end(self) -> NDArray[np.float64]:
        """When each session ends: left, or sent away with the stream."""
        return np.minimum(self.exit, self.people.room)

    @property
    def left(self) -> NDArray[np.bool_]:
        """Who left; the others were still there when the stream ended."""
        return self.exit < self.people.room


def fates(plan: Plan) -> Fates:
    """Simulate `plan`."""
    seeds = np.random.SeedSequence(plan.seed).spawn(4)
    folk = people(plan, np.random.default_rng(seeds[0]))
    curve = Curve(frailty=plan.frailty)
    mood = Moods(_content(plan, np.random.default_rng(seeds[1])), sent(plan).ratio(plan))
    alone, stalls = _undisturbed(plan, folk, curve, mood, np.random.default_rng(seeds[2]))
    windows = tuple(_window(plan, folk, fault) for fault in plan.incidents)
    struck = [
        _struck(plan, folk, curve, mood, alone, stalls, fault, window, np.random.default_rng((plan.seed, 5, number)))
        for number, (fault, window) in enumerate(zip(plan.incidents, windows, strict=True))
    ]
    first, second, who = alone.copy(), np.full(len(folk), np.inf), np.full(len(folk), -1)
    for number, times in enumerate(struck):
        sooner = times < first
        second = np.where(sooner, first, np.minimum(second, times))
        first, who = np.where(sooner, times, first), np.where(sooner, number, who)
    without = tuple(np.where(who == number, second, first) for number in range(len(struck)))
    cause = np.random.default_rng(seeds[3]).choice(len(plan.causes), size=len(folk), p=plan.causes)
    kept = stalls.at < np.minimum(first, folk.room)[stalls.session]
    seen = Stalls(stalls.session[kept], stalls.at[kept], stalls.seconds[kept])
    return Fates(plan, folk, first, without, windows, cause, seen)


def _content(plan: Plan, rng: np.random.Generator) -> NDArray[np.float64]:
    """(streams, steps): what the content multiplies the hazard by, of mean about 1; slow waves."""
    steps, memory = int(plan.seconds / STEP) + 1, 0.9
    noise = rng.normal(0, plan.bursts * np.sqrt(1 - memory**2), (steps, plan.streams))
    level, found = rng.normal(0, plan.bursts, plan.streams), np.empty((steps, plan.streams))
    for step in range(steps):
        level = memory * level + noise[step]
        found[step] = level
    return np.exp(np.clip(found, -2.5 * plan.bursts, 2.5 * plan.bursts) - plan.bursts**2 / 2).T


def _undisturbed(
    plan: Plan, folk: People, curve: Curve, mood: Moods, rng: np.random.Generator
) -> tuple[NDArray[np.float64], Stalls]:
    """When all leave were there no faults, and their stalls. Each turn takes everybody to his next change of state;
    an exit that comes before it is one with the chance that the mood has of its maximum."""
    count, top = len(folk), mood.top
    now, state, left = np.zeros(count), np.ones(count), np.full(count, np.inf)
    horizon = np.maximum(folk.room, BEYOND)
    begin, over = folk.startup.copy(), np.full(count, np.inf)
    with np.errstate(divide="ignore"):
        stall = folk.startup + rng.exponential(size=count) / folk.stall_rate
    taken: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
    who = np.arange(count)
    while len(who):
        begins, ends, stalls, limit = begin[who], over[who], stall[who], horizon[who]
        change = np.minimum(np.minimum(begins, ends), np.minimum(stalls, limit))
        pull = folk.pull[who] * state[who] * np.where(np.isinf(begins), folk.startup_ratio[who], 1.0) * top
        at = curve.when(curve.at(now[who]) + rng.exponential(size=len(who)) / pull)
        tried = at < change
        gone = tried & (rng.random(len(who)) * top < mood.at(folk, who, at))
        if plan.patient:
            gone &= np.isinf(begins)
        left[who[gone]] = at[gone]
        now[who] = np.where(tried, at, change)
        changed = ~tried & (change < limit)
        begin[who[changed & (change == begins)]] = np.inf
        calm = changed & (change == ends)
        state[who[calm]], over[who[calm]] = plan.effects.earlier, np.inf
        hit = changed & (change == stalls)
        struck, when = who[hit], change[hit]
        seconds = np.clip(rng.lognormal(np.log(1.8), 0.8, len(struck)), 0.2, 25.0)
        taken.append((struck, when, seconds))
        state[struck], over[struck] = plan.effects.recent, when + RECENT
        stall[struck] = when + seconds + rng.exponential(size=len(struck)) / folk.stall_rate[struck]
        who = who[~gone & (tried | changed)]
    session, moment, seconds = (np.concatenate([each[part] for each in taken]) for part in range(3))
    order = np.lexsort((moment, session))
    return left, Stalls(session[order].astype(np.int64), moment[order], seconds[order])


def _window(
    plan: Plan, folk: People, fault: Injected
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Whom a fault strikes, from and until when; who comes later than its begin meets the rest of it."""
    inside = folk.stream == fault.stream
    for name, value in fault.scope.items():
        inside = inside & (folk.word(name) == value)
    begins = fault.at - folk.start + (folk.latency if fault.in_content else 0.0)
    ends = np.minimum(begins + fault.seconds + plan.linger, folk.room)
    who = np.flatnonzero(inside & (ends > 0))
    return who, np.maximum(begins[who], 0.0), ends[who]


def _struck(
    plan: Plan, folk: People, curve: Curve, mood: Moods, alone: NDArray[np.float64], stalls: Stalls,
    fault: Injected, window: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """When each would leave because of `fault` alone; infinite: does not, or has gone before."""
    found = np.full(len(folk), np.inf)
    who, begins, ends = window
    ends = np.minimum(ends, alone[who])
    top = mood.top * max(plan.effects.recent, plan.effects.earlier, 1.0)
    more = fault.hazard_ratio - 1
    if more <= 0:
        return found
    there = ends > begins
    who, now, ends = who[there], begins[there], ends[there]
    while len(who):
        started = folk.startup_ratio[who]
        at = curve.when(curve.at(now) + rng.exponential(size=len(who)) / (folk.pull[who] * top * more * _most(started)))
        share = mood.at(folk, who, at) * stalls.ratio(who, at, plan) / top
        share *= np.where(at >= folk.startup[who], started, 0.0 if plan.patient else 1.0) / _most(started)
        inside = at < ends
        gone = inside & (rng.random(len(who)) < share)
        found[who[gone]] = at[gone]
        on = inside & ~gone
        who, now, ends = who[on], at[on], ends[on]
    return found


def _most(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(ratio, 1.0)
