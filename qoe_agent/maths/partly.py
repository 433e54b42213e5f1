"""Whether a part of the picture is frozen: by its pictures alone, for packets tell of the whole picture.

Only a part that is known to move can be frozen: layouts hold products, slides and cards, which a coder short of bits
refines for some seconds, as if they moved. Where every picture is decoded, the pictures themselves tell.
Where they lie apart, three in a row that are the same are a freeze, or a group of pictures that stood still as a whole,
unless the part had turned into something else altogether: a card, an avatar.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.maths.frozen import LEAPS, Found, Frozen
from qoe_agent.maths.glimpses import SURE

if TYPE_CHECKING:
    from qoe_agent.maths.stillness import Seen, Spell

WHOLE = (10, 4.0)
"""Pictures that followed one another and stood still, and seconds of that, which prove a freeze by themselves: nobody
sits so still for so long."""
FAINT = ("noise", "gradual", "still")
"""What speaks against a freeze where somebody who moves little, in a small part, is seen to stop."""
KNOWN = 2
"""Changes between pictures apart that tell what is usual, at least."""
SETTLED = 5.0
"""Seconds for which a part must have been seen to say that it moves."""
TURNED = (3.0, 10.0)
"""Times the usual change, and code values, from which on a part turned into something else."""


class Partly(Frozen):
    """One part of one video track of one connection."""

    __slots__ = ("_begun", "_changes")

    def __init__(self) -> None:
        super().__init__()
        self._begun: float | None = None
        """Media time of the first picture."""
        self._changes: deque[float] = deque(maxlen=9)
        """Between pictures apart that differ; the last led to the picture that may stand still."""

    def picture(self, pts: float, seen: Seen | None) -> None:
        """A picture of it was looked at."""
        super().picture(pts, seen)
        if self._begun is None:
            self._begun = pts
        if seen and seen.apart and seen.spell is None:
            self._changes.append(seen.change)

    def now(self) -> Found | None:
        """The freeze that is going on."""
        spell = self._seen.spell if self._seen else None
        if spell is None or self._seen is None or self._seen.share is None:
            return None
        if self._begun is None or spell.start - self._begun < SETTLED:
            return None
        if spell.why_not and not (self._moves and self._proves(spell)):
            return None
        found = self._found(spell.start, spell.until, "pictures", spell)
        found.detail.pop("sound", None)
        return found

    def _proves(self, spell: Spell) -> bool:
        """Whether it stands still for so long that it need not have been seen to stop at once."""
        seconds, (pictures, least) = spell.until - spell.start, WHOLE
        apart = spell.leaps >= LEAPS and seconds >= SURE
        whole = spell.pictures - spell.leaps >= pictures and seconds >= least
        if spell.why_not == "unknown":
            return (apart or whole) and not self._turned
        return spell.why_not in FAINT and whole

    @property
    def _turned(self) -> bool:
        """What stands still is something else than what moved before, or nobody can say."""
        *usual, last = self._changes or (0.0,)
        times, least = TURNED
        return len(usual) < KNOWN or (last > least and last > times * median(usual))
