"""The player that we pretend to be: media and time go in, playing and running dry come out.

One state machine (startup → playing ⇄ stalled, idle before and after) driven by events; the instant at which the
buffer runs dry is computed, not polled. Stalls count as CTA-2066 says: not startup, and not skips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from qoe_agent.maths.tracks import EPSILON, Track
from qoe_agent.model import DISCONTINUITY, IDR, KEY, RECOVERY

if TYPE_CHECKING:
    from qoe_agent.maths.players import Player

EventKind: TypeAlias = Literal["play", "stall", "resume", "skip", "give_up", "stop"]
State: TypeAlias = Literal["idle", "startup", "playing", "stalled"]


WAIT = 3.0
"""Seconds that a start waits for a track that is announced but does not come."""
KEYLESS = 10.0
"""Seconds after which a stream without key frames is taken from any frame (intra refresh)."""
APART = 10.0
"""Tracks that begin further apart than this share no timeline; the player follows the picture."""


class Event(NamedTuple):
    """Something happened at the player."""

    kind: EventKind
    at: float
    media: float
    """Playhead on the player's timeline after it."""
    pts: float
    """The same place in the stream's own timestamps."""
    skipped: float = 0.0
    """Media that a skip passed over."""


class Playout:
    """One viewer's player on one stream. Feed in order of time; `events` fills, the owner empties it."""

    # fmt: off
    __slots__ = (
        "_base", "_dry", "_head", "_keyed_from", "_rejoining", "_since", "_waiting_from", "edge", "events", "give_up",
        "now", "player", "seconds", "state", "tolerance", "tracks",
    )
    # fmt: on

    def __init__(self, player: Player, give_up: float = 30.0) -> None:
        self.player = player
        self.give_up = give_up
        self.state: State = "idle"
        self.now = float("-inf")
        """The latest time seen; stands while idle."""
        self.seconds: dict[State, float] = {"startup": 0.0, "playing": 0.0, "stalled": 0.0}
        """Wall time spent in each state."""
        self.events: list[Event] = []
        self.tracks: dict[int, Track] = {}
        self.edge: float | None = None
        """Where the player wants to begin, on the stream's timeline; None: with the first picture."""
        self.tolerance = 3.0
        """Seconds by which media time may differ from arrival after a reconnect and still be the same timeline."""
        self._clear()

    def _clear(self) -> None:
        self.tracks.clear()
        self.edge = None
        self._head = 0.0  # the playhead while it stands
        self._base = 0.0  # wall time minus playhead while it moves
        self._dry = float("-inf")  # nothing can run dry before this
        self._since = 0.0
        self._waiting_from: float | None = None
        self._keyed_from: float | None = None
        self._rejoining = False

    def request(self, at: float) -> None:
        """The viewer presses play; not before an earlier viewing was over."""
        self._clear()
        self.state, self.now = "startup", max(at, self.now)

    def expect(self, track: int, kind: str) -> None:
        """A track is announced: a start waits for it for a while."""
        known = self.tracks.get(track)
        if known is None or known.kind != kind:
            self.tracks[track] = Track(kind)

    def reopen(self, at: float) -> None:
        """A new connection: the timeline may go on or begin anew."""
        self.advance(at)
        self._keyed_from = None
        self._rejoining = True
        for track in self.tracks.values():
            track.keyed = False
            track.fresh = True

    def media(
        self, at: float, number: int, kind: str, pts: float | None, dts: float | None, flags: int
    ) -> float | None:
        """A frame is there to be played; returns its place on the player's timeline, None if it has none."""
        if at > self._dry:
            self.advance(at)
        track = self.tracks.get(number)
        if track is None or track.kind != kind:
            track = self.tracks[number] = Track(kind)
        if not track.keyed and not self._begin(track, at, flags):
            return None
        when = dts if dts is not None else pts
        if when is None:
            when = track.follows()
            if when is None:
                return None
        if track.fresh:
            self._join(track, at, when, pts)
        place = track.take(at, when, pts, self.player.max_gap, flags & DISCONTINUITY != 0, self.tracks)
        if self.state != "playing":
            self._try(at)
        elif self.player.chase is not None and track.end - (at - self._base) > self.player.chase:
            self._chase(at)
        return place

    def advance(self, at: float) -> None:
        """Time has come to `at`."""
        if at <= self.now:
            return
        while self.state == "playing":
            head = self._playhead(self.now)
            for track in self.tracks.values():
                track.prune(head)
            limit = self._limit(head)
            self._dry = limit + self._base
            if at <= self._dry:
                break
            dry = max(self.now, self._dry)
            self._pass(dry)
            self._head = limit
            if not self._hop(dry, EPSILON):
                self.state, self._since = "stalled", dry
                self._log("stall", dry)
        if self.state == "stalled" and at >= self._since + self.give_up:
            self._pass(self._since + self.give_up)
            self._log("give_up", self.now)
            self._idle()
        self._pass(at)

    def stop(self, at: float) -> None:
        """The show is over, or the viewer is gone."""
        self.advance(at)
        if self.state != "idle":
            self._head = self._playhead(self.now)
            self._log("stop", self.now)
            self._idle()

    @property
    def playhead(self) -> float:
        """Where the player is on its own timeline."""
        return self._playhead(self.now)

    @property
    def buffered(self) -> float | None:
        """Seconds that can be played without anything more; None unless playing or stalled."""
        if self.state not in ("playing", "stalled"):
            return None
        return max(0.0, self._limit(self.playhead) - self.playhead)

    def raw(self, media: float) -> float:
        """The stream's own timestamp of a place on the player's timeline."""
        leading = self._leading()
        return media - leading.shift if leading else media

    def _playhead(self, at: float) -> float:
        return at - self._base if self.state == "playing" else self._head

    def _log(self, kind: EventKind, at: float, skipped: float = 0.0) -> None:
        self.events.append(Event(kind, at, self._head, self.raw(self._head), skipped))

    def _pass(self, at: float) -> None:
        if self.state != "idle" and at > self.now:
            self.seconds[self.state] += at - self.now
            self.now = at

    def _idle(self) -> None:
        self._clear()
        self.state = "idle"

    def _leading(self) -> Track | None:
        """The track that the player goes by: video if there is any."""
        begun = [track for track in self.tracks.values() if track.ranges]
        return next((track for track in begun if track.kind == "video"), begun[0] if begun else None)

    def _begin(self, track: Track, at: float, flags: int) -> bool:
        """Whether `track` may be decoded from a frame with these flags on."""
        if track.kind == "video" and not flags & (KEY | IDR | RECOVERY):
            if self._keyed_from is None:
                self._keyed_from = at
            if at - self._keyed_from < KEYLESS:
                return False
        track.keyed = True
        return True

    def _join(self, track: Track, at: float, when: float, pts: float | None) -> None:
        """The first frame of a track on a new connection: the same timeline, or one to be moved behind ours?"""
        if self._rejoining:
            self._rejoining = False
            placed = [other for other in self.tracks.values() if other.ranges]
            kept = any(other.fits(at, when, self.tolerance) for other in placed)
            if placed and not kept:
                end = max(max(other.end for other in placed), self.playhead)
                for other in self.tracks.values():
                    other.shift = end - (when if pts is None else pts)
        track.rejoin(when, pts, self.player.max_gap)

    def _limit(self, head: float) -> float:
        """Up to where the player can play from `head` on."""
        ends = [end for track in self.tracks.values() if (end := track.covers(head)) is not None]
        if not ends:
            return head
        best = max(ends)
        return max(head, min(end for end in ends if end >= best - Track.VANISHED))

    def _try(self, at: float) -> None:
        """More media came while the player stands: can it play?"""
        if self.state == "idle":
            return
        if at > self.now:
            self.advance(at)
        if self.state == "startup":
            self._try_start(self.now)
        elif self.state == "stalled" and (
            self._limit(self._head) - self._head >= self.player.resume - EPSILON
            or self._hop(self.now, self.player.resume)
        ):
            self._go("resume", self.now)

    def _try_start(self, at: float) -> None:
        leading = self._leading()
        if leading is None:
            return
        if self._waiting_from is None:
            self._waiting_from = at
        begun = [track for track in self.tracks.values() if track.ranges]
        if len(begun) < len(self.tracks) and at - self._waiting_from < WAIT:
            return
        first = leading.begins
        first = max(track.begins for track in begun if abs(track.begins - first) <= APART)
        if self.edge is not None:
            first = self.edge + leading.shift
            for track in begun:
                track.stretch(first)
        if self._limit(first) - first >= self.player.start - EPSILON:
            self._head = first
            self._go("play", at)

    def _go(self, kind: Literal["play", "resume"], at: float) -> None:
        self.state, self._base = "playing", at - self._head
        self._dry = float("-inf")
        self._log(kind, at)

    def _hop(self, at: float, need: float) -> bool:
        """Skip a hole (or what lies before it, if too little to play) once enough lies behind it."""
        head = self._head
        limit = self._limit(head)
        here = ((track, track.covers(head)) for track in self.tracks.values())
        closing = [track for track, end in here if end is not None and end <= limit + EPSILON]
        goals = [goal for track in closing if (goal := track.after(head)) is not None]
        if not goals or len(goals) < len(closing):
            return False
        goal = max(goals)
        if self._limit(goal) - goal < need - EPSILON:
            for track in closing:
                track.forget_short(head)
            return False
        self._skip(at, goal)
        return True

    def _skip(self, at: float, goal: float) -> None:
        skipped, self._head = goal - self._head, goal
        self._base, self._dry = at - goal, float("-inf")
        self._log("skip", at, skipped)

    def _chase(self, at: float) -> None:
        self.advance(at)
        if self.state != "playing":
            return
        self._head = self._playhead(at)
        limit = self._limit(self._head)
        if self.player.chase is not None and limit - self._head > self.player.chase:
            self._skip(at, limit - self.player.target)
