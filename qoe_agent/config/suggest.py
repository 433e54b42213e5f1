"""`did you mean …?`"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 200
"""Characters of a word beyond which nobody wonders what it may have meant."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about `word`: `; did you mean "decode"?`, or nothing."""
    if len(word) > LONGEST:
        return ""
    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    written = word.lower().replace("-", "_")
    swapped = [candidate for candidate in lowered if sorted(candidate) == sorted(written)]
    near = swapped or difflib.get_close_matches(written, lowered, n=1, cutoff=0.6)
    return f'; did you mean "{lowered[near[0]]}"?' if near else ""
