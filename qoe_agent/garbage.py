"""Python searches for cycles among objects, which it cannot free as it goes: seldom, in processes that make few."""

from __future__ import annotations

import gc

NEW = 20_000
"""New objects between two searches: with Python's 700, they take a twentieth of a worker's time, and more of taking
in viewers' events."""


def seldom() -> None:
    """From now on; what there is by now stays, and is not searched any more."""
    gc.freeze()
    gc.set_threshold(NEW, 10, 10)
