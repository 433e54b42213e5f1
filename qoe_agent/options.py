"""What options of several commands share."""

from __future__ import annotations

import math

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
