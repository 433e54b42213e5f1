"""One viewer on one stream: turns what the agent sees into what the player model is fed.

Push transports hand a packet to the player when it arrives, segmented ones when its segment is complete.
A stall runs on through a lost connection; the viewer leaves after `give_up` seconds of it, and presses play again
when media is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.maths.players import preset
from qoe_agent.maths.playout import Event, Playout
from qoe_agent.model import Format, Lost, Opened, Packet, Playlist, Segment, Tick

if TYPE_CHECKING:
    from qoe_agent.maths.screen import Screen
    from qoe_agent.model import Observation

SEGMENTED = frozenset({"hls", "dash"})
"""Protocols whose media a player gets a segment at a time."""

SEES: tuple[type[Observation], ...] = (Opened, Format, Packet, Playlist, Segment, Tick, Lost)
"""What a viewing needs to see."""


class Viewing:
    """Feed every observation; then look at `events`, `failed` and the playout. The owner empties the lists."""

    __slots__ = (
        "_edge",
        "_failing",
        "_player",
        "_screen",
        "_segmented",
        "_staged",
        "_target",
        "failed",
        "playout",
        "requested",
    )

    def __init__(self, player: str, give_up: float, screen: Screen | None = None) -> None:
        self._player = player
        self._screen = screen
        self.playout = Playout(preset(player, ""), give_up)
        self.requested: float | None = None
        """When the pull began that the viewer is on."""
        self.failed: float | None = None
        """When the latest attempt ended without ever playing, unless the show was over."""
        self._failing = True
        self._segmented = False
        self._staged: list[tuple[int, str, float | None, float | None, int]] = []
        self._edge: int | None = None
        self._target: float | None = None

    @property
    def events(self) -> list[Event]:
        """What the player did since the list was last emptied."""
        return self.playout.events

    @property
    def piece(self) -> float:
        """Seconds of media that come at once; 0: frame by frame."""
        return (self._target or 0.0) if self._segmented else 0.0

    def take(self, seen: Observation) -> None:
        """One observation."""
        if isinstance(seen, Packet):
            if seen.kind == "data":
                return
            if self._segmented:
                self._staged.append((seen.track, seen.kind, seen.pts, seen.dts, seen.flags))
            else:
                self._media(seen.at, seen.track, seen.kind, seen.pts, seen.dts, seen.flags)
        elif isinstance(seen, Tick):
            self.playout.advance(seen.at)
        elif isinstance(seen, Segment):
            self._segment(seen)
        elif isinstance(seen, Playlist):
            self._playlist(seen)
        elif isinstance(seen, Format):
            if seen.kind != "data":
                self.playout.expect(seen.track, seen.kind)
        elif isinstance(seen, Opened):
            self._opened(seen)
        elif isinstance(seen, Lost):
            self._lost(seen)

    def _media(self, at: float, track: int, kind: str, pts: float | None, dts: float | None, flags: int) -> None:
        playout = self.playout
        if playout.state != "playing":
            if at > playout.now and playout.state == "stalled":
                playout.advance(at)  # the viewer may have left meanwhile
            if playout.state == "idle":
                self.requested = None
                playout.request(at)
        self._failing = True
        place = playout.media(at, track, kind, pts, dts, flags)
        if self._screen is not None and kind == "video" and place is not None:
            self._screen.add(place, at)

    def _segment(self, segment: Segment) -> None:
        """A segment is complete: its media is there now."""
        staged, self._staged = self._staged, []
        playout = self.playout
        times = [pts for _, _, pts, _, _ in staged if pts is not None]
        if times and playout.state in ("idle", "startup") and playout.edge is None:
            target = self._target or segment.duration
            ahead = max(0, self._edge - segment.sequence) if self._edge is not None else 0
            edge = min(times) + segment.duration + ahead * target
            if playout.state == "idle":
                playout.request(segment.at)
            playout.edge = edge - playout.player.behind * target if playout.player.behind else None
        for frame in staged:
            self._media(segment.at, *frame)

    def _playlist(self, playlist: Playlist) -> None:
        if playlist.target_duration:
            self._target = playlist.target_duration
            self.playout.tolerance = max(3.0, 5 * playlist.target_duration)
        if playlist.media_sequence is not None and playlist.segments:
            self._edge = playlist.media_sequence + playlist.segments - 1

    def _opened(self, opened: Opened) -> None:
        self._staged.clear()
        self._edge = None
        self._segmented = opened.protocol in SEGMENTED
        if self.playout.state in ("playing", "stalled"):
            self.playout.reopen(opened.at)
        if self.playout.state in ("playing", "stalled"):  # reopening takes time: the viewer may have left
            return
        self.playout.player = preset(self._player, opened.protocol)
        self.requested = opened.requested
        self.playout.request(opened.requested)

    def _lost(self, lost: Lost) -> None:
        self._staged.clear()
        if lost.clean:
            self.playout.stop(lost.at)
            self._failing = False
            return
        self.playout.advance(lost.at)
        if self.playout.state in ("idle", "startup"):
            self.playout.stop(lost.at)
            if self._failing and lost.reason != "stopped":  # by the agent: nobody failed
                self.failed = lost.at
