"""What viewers do while they watch: orders and messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.audience.fates import Fates

ORDERS_BY_TIER = (0.4, 1.2, 3.0)
MESSAGES_BY_BEHAVIOUR = (0.1, 1.9)
SHOWN = 3
"""Players that tell that they showed a message: its sender's, and others."""
MESSAGES_LOST = 0.02
MESSAGE_DELAY = 0.6
"""Seconds, median."""


@dataclass(frozen=True, slots=True)
class Doings:
    """One kind of thing done, by whom and when (seconds after the session began), in order of sessions."""

    session: NDArray[np.int64]
    at: NDArray[np.float64]


def orders(fates: Fates) -> tuple[Doings, NDArray[np.float64]]:
    """Orders as they would be made by everybody who stayed as long as he would have without any one of the faults,
    and what they are worth; those after a session's end were lost."""
    plan, people = fates.plan, fates.people
    rate = plan.orders_per_hour / 3600 * np.array(ORDERS_BY_TIER)[people.words["tier"][1]]
    longest = np.minimum(np.max((fates.exit, *fates.without), axis=0), people.room)
    rng = np.random.default_rng((plan.seed, 9))
    made = _poisson(rate, longest, rng)
    return made, np.round(rng.lognormal(np.log(20.0), 1.0, len(made.at)), 2)


def lost_orders(fates: Fates, made: Doings, number: int) -> int:
    """How many orders the fault `number` cost."""
    without = np.minimum(fates.without[number], fates.people.room)[made.session]
    return int(np.sum((made.at < without) & (made.at >= fates.end[made.session])))


def messages(fates: Fates) -> tuple[Doings, NDArray[np.int64], Doings]:
    """Messages sent; and of each that was shown somewhere, which of them it is, where and when."""
    plan, people, end = fates.plan, fates.people, fates.end
    rate = plan.messages_per_hour / 3600 * np.array(MESSAGES_BY_BEHAVIOUR)[people.words["behaviour"][1]]
    rng = np.random.default_rng((plan.seed, 10))
    sent = _poisson(rate, end, rng)
    which = np.repeat(np.arange(len(sent.at)), SHOWN)
    where = sent.session[which]
    moment = people.start[where] + sent.at[which] + rng.lognormal(np.log(MESSAGE_DELAY), 0.6, len(which))
    others = np.arange(len(which)) % SHOWN > 0
    where = np.where(others, rng.integers(max(1, len(people)), size=len(which)), where)
    at = moment - people.start[where]
    got = (
        (at > people.startup[where]) & (at < end[where]) & (people.stream[where] == people.stream[sent.session[which]])
    )
    got &= rng.random(len(which)) >= MESSAGES_LOST
    return sent, which[got], Doings(where[got], at[got])


def _poisson(rate: NDArray[np.float64], until: NDArray[np.float64], rng: np.random.Generator) -> Doings:
    counts = rng.poisson(rate * until)
    session = np.repeat(np.arange(len(rate)), counts)
    return Doings(session, rng.random(len(session)) * until[session])
