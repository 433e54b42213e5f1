"""When something that does harm again and again is to be left alone, and for how long."""

from __future__ import annotations

LIMIT = 2.0
"""Strikes that are too many."""
AGE = 600.0
"""Seconds after which a strike is forgotten."""
TERMS = (600.0, 1800.0, 7200.0, 21600.0)
"""Seconds for which it is left alone, longer each time."""
CLEAN = 21600.0
"""Seconds without a strike after its term, after which it is as if it had never had one."""


class Strikes:
    """Of one thing. Until it has been clean for long, a thing that had a term gets the next for a single strike."""

    __slots__ = ("_strikes", "_terms", "until")

    def __init__(self) -> None:
        self._strikes: list[tuple[float, float]] = []
        self._terms = 0
        self.until: float | None = None
        """When its last term ends, or ended."""

    def strike(self, at: float, share: float = 1.0) -> bool:
        """It did harm, or is one of 1 / `share` that may have; True: a term begins."""
        self._strikes = [(when, much) for when, much in self._strikes if at - when < AGE]
        self._strikes.append((at, share))
        if sum(much for _, much in self._strikes) < (1.0 if self._terms else LIMIT):
            return False
        self.until = at + TERMS[min(self._terms, len(TERMS) - 1)]
        self._terms += 1
        self._strikes = []
        return True

    def barred(self, at: float) -> bool:
        """Whether it is to be left alone."""
        return self.until is not None and at < self.until

    def clean(self, at: float) -> bool:
        """Whether there is nothing to remember of it."""
        fresh = any(at - when < AGE for when, _ in self._strikes)
        return not fresh and (self.until is None or at - self.until >= CLEAN)
