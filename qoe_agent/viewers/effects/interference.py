"""Whether arms disturb each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.shapes import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Shared


def interference(shared: Sequence[Shared], control: str, treatment: str) -> Check:
    """Whether watching depends on how many of the other arm watch the same stream at the same time."""
    return Check("interference", "not possible", "not built yet")
