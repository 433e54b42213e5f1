"""What options of several commands share."""

from __future__ import annotations

import math
import sys

import typer

USAGE = 2
"""Exit status when something could not be done: a bad configuration, a stream that cannot be opened."""


def length(text: str) -> float | None:
    """Seconds in an option such as 30s or 10m; None where nothing was given."""
    from qoe_agent.config.values import seconds

    if not text:
        return None
    try:
        found = float(seconds(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not 0 < found < math.inf:
        raise typer.BadParameter("must be more than nothing")
    return found


def typed(expected: str) -> list[str]:
    """The lines of standard input, which has `expected`. Raises Unusable."""
    from qoe_agent.viewers.apart import Unusable

    try:
        given = sys.stdin.buffer.read().decode("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError:
        raise Unusable(f"standard input: must be UTF-8, {expected}") from None
    return [each.removesuffix("\r") for each in given.split("\n")] if given else []
