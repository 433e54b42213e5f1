"""Things of different weight dealt to a number of hands, evenly, with as few moved as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS = {"none": 0.3, "keyframes": 1.0, "adaptive": 2.5, "all": 12.0}
"""About what a stream costs, by its decode policy."""
RENDITIONS = 3.0
"""About how many renditions a stream has of which all are watched."""
UNEVEN = 0.2
"""Share of the mean load by which hands may differ before anything is moved."""


def weight(decode: str, variant: str) -> float:
    """About what a stream costs, by its options of these names."""
    return WEIGHTS[decode] * (RENDITIONS if variant == "all" else 1.0)


def dealt(weights: Mapping[str, float], before: Mapping[str, int], hands: int) -> dict[str, int]:
    """Whose each thing is (0 to `hands` - 1), given whose they were.

    What is new goes to the hand with the least, the heaviest first; then things are moved from the fullest hand to the
    emptiest as long as these differ by more than a fifth of the mean and a move makes it less.
    """
    owners = {name: before[name] for name in weights if before.get(name, hands) < hands}
    loads = [0.0] * hands
    for name, hand in owners.items():
        loads[hand] += weights[name]
    for name in sorted(weights.keys() - owners.keys(), key=lambda one: (-weights[one], one)):
        hand = loads.index(min(loads))
        owners[name] = hand
        loads[hand] += weights[name]
    while True:
        most, least = loads.index(max(loads)), loads.index(min(loads))
        apart = loads[most] - loads[least]
        if apart <= UNEVEN * sum(loads) / hands:
            return owners
        fits = [name for name, hand in owners.items() if hand == most and weights[name] < apart]
        if not fits:
            return owners
        moved = min(fits, key=lambda name: (abs(apart / 2 - weights[name]), name))
        owners[moved] = least
        loads[most] -= weights[moved]
        loads[least] += weights[moved]
