"""What one pull of a stream leaves to the next: that the show is over, or that the playlist stood still."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.model import Lost, Playlist, Target

BACKOFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds to wait before each further attempt; reset by media."""
WAITING = {"silent": 1.0, "ended": 4.0}
"""Reasons that mean: the server is well and waits for its publisher, as we do. With the longest wait."""
JITTER = 0.2
"""Share of the wait that is left to chance, so that a fleet does not reconnect in step."""


def pause(failures: int, lost: Lost | None, chance: float) -> float:
    """Seconds to wait before the next pull: longer after each that brought nothing; `chance`: 0 to 1."""
    wait = BACKOFF[min(failures, len(BACKOFF) - 1)]
    if lost is not None:
        wait = min(wait, WAITING.get(lost.reason, wait))
    return wait * (1 + JITTER * (2 * chance - 1))


@dataclass(slots=True)
class Memory:
    """Fed with playlists and the ends of pulls; tells the next pull what it should not take for news."""

    over: bool = False
    """The show has ended, and no media came since."""
    _listed: dict[int, tuple[int, int | None, int]] = field(default_factory=dict)
    """What each playlist of this pull listed last."""
    _stale: frozenset[tuple[int, int | None, int]] = frozenset()

    def listed(self, playlist: Playlist) -> None:
        """A playlist came, or did not."""
        if playlist.kind == "media" and not playlist.error:
            self._listed[playlist.track] = playlist.track, playlist.media_sequence, playlist.segments

    def end(self, lost: Lost, media: bool) -> None:
        """A pull has ended; `media`: whether it brought any."""
        self.over = lost.clean or (self.over and not media)
        if media:
            self._stale = frozenset(self._listed.values()) if lost.reason == "silent" else frozenset()
        self._listed.clear()

    def target(self, target: Target) -> Target:
        """`target` for the next pull."""
        return replace(target, over=self.over, stale=self._stale)
