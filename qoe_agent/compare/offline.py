"""The whole of an offline comparison: from files to a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.compare.shapes import Asked, Compared, Step

__all__ = ["compare"]


def compare(asked: Asked, heard: Callable[[Step], None]) -> Compared:
    """Every test against the reference, and the tests against each other.

    `heard` is told how far it has come, from threads too. Raises Unfit if the reference cannot be read, or options are
    not possible; a test that cannot be compared is among the results, with the reasons.
    """
    raise Unfit("compare: not ready yet")
