"""Whether a part of the picture is frozen: by its pictures alone, for packets tell of the whole picture.

Where every picture is decoded, the pictures themselves tell. Where they lie apart, three in a row that are the same
are a freeze in a part that moves otherwise, unless it had turned into something else altogether: a card, an avatar.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.maths.frozen import LEAPS, Found, Frozen
from qoe_agent.maths.glimpses import SURE

if TYPE_CHECKING:
    from qoe_agent.maths.stillness import Seen

KNOWN = 3
"""Changes between pictures apart that tell what is usual, at least."""
TURNED = (3.0, 10.0)
"""Times the usual change, and code values, from which on a part turned into something else."""


class Partly(Frozen):
    """One part of one video track of one connection."""

    __slots__ = ("_changes",)

    def __init__(self) -> None:
        super().__init__()
        self._changes: deque[float] = deque(maxlen=9)
        """Between pictures apart that differ; the last led to the picture that may stand still."""

    def picture(self, pts: float, seen: Seen | None) -> None:
        """A picture of it was looked at."""
        super().picture(pts, seen)
        if seen and seen.apart and seen.spell is None:
            self._changes.append(seen.change)

    def now(self) -> Found | None:
        """The freeze that is going on."""
        spell = self._seen.spell if self._seen else None
        if spell is None or spell.why_not not in ("", "unknown"):
            return None
        if spell.why_not == "unknown" and not (
            self._moves and spell.leaps >= LEAPS and spell.until - spell.start >= SURE and not self._turned
        ):
            return None
        found = self._found(spell.start, spell.until, "pictures", spell)
        found.detail.pop("sound", None)
        return found

    @property
    def _turned(self) -> bool:
        """What stands still is something else than what moved before, or nobody can say."""
        *usual, last = self._changes or (0.0,)
        times, least = TURNED
        return len(usual) < KNOWN or (last > least and last > times * median(usual))
