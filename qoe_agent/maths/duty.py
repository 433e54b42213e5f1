"""How much of a stream may be decoded in full because something looked suspicious: two accounts, in media seconds.

Every wish is paid for out of `credit`: two minutes at once, and half of the time in the long run. What stands
still, and whose packets are not odd either, is paid for out of `still` as well: ten seconds at once, and a tenth of the
time; once it is empty it stays shut until half of it is back. So slides, a frozen stream and an hour of black cost ten
seconds and then five a minute: between key pictures that are the same there is hardly anything to see, and the key
pictures show when that changes (then the pictures between are wanted for another reason).
"""

from __future__ import annotations

CREDIT, EARNS = 120.0, 0.5
"""Seconds of full decoding in hand, and the share of the time that comes back."""
STILL, STILL_EARNS = 10.0, 0.1
"""The same for pictures between two key pictures that are the same."""


class Duty:
    """The two accounts of one stream."""

    __slots__ = ("_shut", "credit", "still")

    def __init__(self) -> None:
        self.credit, self.still = CREDIT, STILL
        self._shut = False

    def passed(self, seconds: float) -> None:
        """So much media went by."""
        self.credit = min(CREDIT, self.credit + EARNS * seconds)
        self.still = min(STILL, self.still + STILL_EARNS * seconds)
        self._shut &= self.still < STILL / 2

    def spend(self, seconds: float, *, same: bool) -> None:
        """So much was decoded in full; `same`: between key pictures that are the same, without odd packets."""
        self.credit -= seconds
        if same:
            self.still -= seconds
            self._shut |= self.still <= 0.0

    def allows(self, *, same: bool) -> bool:
        """Whether more may be decoded in full."""
        return self.credit > 0.0 and not (same and self._shut)
