"""Arms of an experiment as it was registered, for units that are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import registration
from qoe_agent.viewers.lift.assignment import arm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def shares(path: Path) -> tuple[str, tuple[tuple[str, float], ...]]:
    """The experiment's name, and its arms in their order with their shares: the allocation; without one equal shares
    of control and the treatments. Unusable: the registration does not tell."""
    said = registration.read(path)
    if said.sound is False:
        raise Unusable(f"{path}: its hash is another: it is not what was registered")
    if said.design.switchback is not None:
        raise Unusable(f"{path}: of a switchback, arms are given to blocks of stream and time (assignment.block_arm)")
    if not said.said.experiment:
        raise Unusable(f"{path}: names no experiment, of whose name arms are made (lift plan --experiment NAME)")
    if said.design.allocation:
        return said.said.experiment, tuple(said.design.allocation.items())
    if not said.design.treatments:
        raise Unusable(f"{path}: names neither treatments nor an allocation: there is one arm only")
    arms = (said.design.control, *said.design.treatments)
    return said.said.experiment, tuple((each, 1.0 / len(arms)) for each in arms)


def assigned(path: Path, units: Iterable[str], salt: str = "") -> Iterator[tuple[str, str | None]]:
    """Each unit with its arm, None where shares leave room. Unusable: a line that names none, shares that are none."""
    experiment, found = shares(path)
    for number, unit in enumerate(units, 1):
        try:
            yield unit, arm(experiment, unit, found, salt)
        except ValueError as error:
            raise Unusable(f"line {number}: {error}") from None
