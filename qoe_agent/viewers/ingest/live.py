"""Who watches now, and who has left: sessions as their events come. Time is an argument.

Events come late, twice and in any order: a session's state is that of its latest event by its own clock, and what comes
of before its leave does not bring it back. Who falls silent has left.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from qoe_agent.model import Sample
from qoe_agent.sink import Key
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.departures import SETTLES, Departed, Departures
from qoe_agent.viewers.ingest.messages import Messages
from qoe_agent.viewers.ingest.sums import Sums

if TYPE_CHECKING:
    from qoe_agent.sink import Sink
    from qoe_agent.viewers.events import ViewerEvent
    from qoe_agent.viewers.ingest.playing import Player

SILENCE = 90.0
"""Seconds of silence after which a session has left, at least."""
INTERVALS = 3.0
"""Of its intervals that a session may be silent."""
LONGEST = 600.0
"""Seconds that an interval is taken to be, at most."""
PATIENCE = 86_400.0
"""Seconds of silence of those whose leave a server will tell, and nobody says how often he hears of them."""
LEFT = 300.0
"""Seconds for which it is remembered, at least, that a session has left."""
BELIEVED = 3600.0
"""Seconds beyond which a stall or a startup is a clock that was set, or somebody who sleeps."""
UPDATES = 60.0
"""Interval of those who played before this process and are told of now and then, until it is seen."""
SERVERS = (None, "playing", "ended")
"""States that a server may tell of those whom it sends to."""
MOST_LEFT = 500_000
"""Sessions of which that is remembered, in each of two generations."""


class Session:
    """One who watches."""

    __slots__ = (
        "counted_ms", "interval", "last_ms", "offset_ms", "seen", "settled", "source", "speaks", "stall_ms", "started",
        "state", "stream", "told",
    )  # fmt: skip

    def __init__(self, source: str, stream: str, now: float, told: bool) -> None:
        self.source, self.stream, self.seen, self.told = source, stream, now, told
        self.settled = False
        """Whether it has watched for a minute."""
        self.speaks = False
        """Whether its player says more than a server would know: stalls are told then."""
        self.state = "unknown"
        self.last_ms = -1
        """Of the latest event, by the session's clock."""
        self.offset_ms: int | None = None
        """Our clock minus its, at most: what came fastest tells."""
        self.interval = 0.0
        self.stall_ms = -1
        """When the stall began that it is in, by its clock."""
        self.counted_ms = -1
        """When the latest stall began that was counted."""
        self.started = False
        """Whether its startup is known."""

    def deadline(self) -> float:
        """When it has left if nothing more comes."""
        silence = max(SILENCE, INTERVALS * self.interval)
        return self.seen + (PATIENCE if self.told and not self.interval else silence)


class Live:
    """The sessions of our streams."""

    def __init__(self, most: int, now: float, again: bool = False) -> None:
        """`again`: who watches was known to a process before this one, and will be only after some time."""
        self._most, self._began, self._again = most, now, again
        self._sums = Sums()
        self._messages = Messages(self._sums)
        self._sessions: dict[int, Session] = {}
        self._patient: dict[str, OrderedDict[int, None]] = {}
        """Sessions that need not be heard of for a day, by source."""
        self._watching: dict[str, int] = {}
        self._speaking: dict[str, int] = {}
        self._due: dict[int, list[int]] = {}
        self._settles: dict[int, list[int]] = {}
        self._departures = Departures(now)
        self._ticked = int(now)
        self._left: dict[int, int] = {}
        self._left_before: dict[int, int] = {}
        self._turned = now
        self.sums = self._sums

    def __len__(self) -> int:
        return len(self._sessions)

    def take(self, event: ViewerEvent, stream: str | None, now: float, told: bool = False) -> None:
        """An event that was not there before, of one of our streams; None: of that which its session had named.

        `told`: a server will say when the session ends.
        """
        name = hash((event.source, event.session))
        session = self._sessions.get(name)
        if session is None:
            session = self._open(name, event, stream, now, told) if stream else None
            if session is None:
                return
        elif stream and session.stream != stream:
            self._counted(session, -1)
            if session.settled:
                self._departures.unsettle(session.stream)
                self._departures.settle(stream)
            session.stream = stream
            self._counted(session, 1)
        self._note(session, event, now)
        if session.told and session.interval:
            self._impatient(name, session)
        if event.kind == "leave":
            self._close(name, session, "failed" if event.cause == "failed" else session.state, now)
            self._remember(name, event.at_ms if event.at_ms is not None else session.last_ms)

    def _open(self, name: int, event: ViewerEvent, stream: str, now: float, told: bool) -> Session | None:
        left = self._left.get(name, self._left_before.get(name))
        if left is not None and (event.at_ms is None or event.at_ms <= left):
            return None
        if len(self._sessions) >= self._most and not self._room(event.source, told):
            self._sums.count(meter.UNTRACKED)
            return None
        session = self._begin(name, Session(event.source, stream, now, told), now)
        if event.kind == "join" or (event.kind != "leave" and now - self._began > SILENCE):
            self._sums.count(meter.JOINS, stream)
        return session

    def _begin(self, name: int, session: Session, now: float) -> Session:
        self._sessions[name] = session
        self._wait(name, session, now)
        self._settles.setdefault(int(now + SETTLES) + 1, []).append(name)
        self._counted(session, 1)
        if session.told and not session.interval:
            self._patient.setdefault(session.source, OrderedDict())[name] = None
        return session

    def _counted(self, session: Session, by: int) -> None:
        self._watching[session.stream] = self._watching.get(session.stream, 0) + by
        if session.speaks:
            self._speaking[session.stream] = self._speaking.get(session.stream, 0) + by

    def _impatient(self, name: int, session: Session) -> None:
        if theirs := self._patient.get(session.source):
            theirs.pop(name, None)

    def _room(self, source: str, told: bool) -> bool:
        """Whether there is room for one of `source`: whose patient sessions fill more than half gives one of them."""
        most = max(self._patient, key=lambda each: len(self._patient[each]), default=None)
        if most is None or 2 * len(self._patient[most]) <= self._most or (told and most == source):
            return False
        name, _ = self._patient[most].popitem(last=False)
        session = self._sessions.pop(name)
        if session.settled:
            self._departures.unsettle(session.stream)
        self._counted(session, -1)
        self._sums.count(meter.UNTRACKED)
        return True

    def resume(self, source: str, who: Player, stream: str, interval: float, now: float) -> None:
        """He played when the process before this one ended."""
        name = hash((source, who.session))
        if name in self._sessions or len(self._sessions) >= self._most:
            return
        session = Session(source, stream, now, True)
        session.state = "ended" if who.ended else "playing"
        session.interval = interval or (UPDATES if who.updates else 0.0)
        self._begin(name, session, now)

    def _note(self, session: Session, event: ViewerEvent, now: float) -> None:
        if event.interval_ms:
            session.interval = min(LONGEST, event.interval_ms / 1000)
        elif event.kind == "heartbeat" and now - session.seen > 0.5:
            session.interval = min(LONGEST, max(now - session.seen, 0.8 * session.interval))
        session.seen = now
        at_ms = event.at_ms if event.at_ms is not None else event.received_ms
        offset = event.received_ms - at_ms
        if session.offset_ms is None or offset < session.offset_ms:
            session.offset_ms = offset
        if event.startup_ms is not None and not session.started:
            session.started = True
            if event.startup_ms <= BELIEVED * 1000:
                self._sums.observe(meter.STARTUP, session.stream, event.startup_ms / 1000)
        if event.kind == "stall" and event.stall_ms is not None:
            self._stalled(session, at_ms, event.stall_ms)
        if not session.speaks and (event.kind == "stall" or event.state not in SERVERS):
            session.speaks = True
            self._speaking[session.stream] = self._speaking.get(session.stream, 0) + 1
        if at_ms >= session.last_ms:
            self._move(session, event, at_ms)
        if event.message is not None:
            at = (at_ms + session.offset_ms) / 1000
            if event.kind == "message_sent":
                self._messages.sent(session.stream, event.message, at, now)
            elif event.kind == "message_shown":
                self._messages.shown(session.stream, event.message, at, now)

    def _move(self, session: Session, event: ViewerEvent, at_ms: int) -> None:
        """The session's latest event: its state is what that says."""
        session.last_ms = at_ms
        over = event.stall_ms is not None
        state = "stalled" if event.kind == "stall" and event.state is None and not over else event.state
        if state is None or event.kind == "leave" or (over and state == "stalled"):
            return
        if state == "stalled" and session.state != "stalled":
            session.stall_ms = at_ms
        elif state != "stalled" and session.stall_ms >= 0:
            self._stalled(session, session.stall_ms, at_ms - session.stall_ms)
        session.state = state

    def _stalled(self, session: Session, began_ms: int, lasted_ms: int) -> None:
        """A stall is over, as its length or the change of state after it tells: whichever comes first."""
        session.stall_ms = -1
        if began_ms != session.counted_ms and 0 <= lasted_ms <= BELIEVED * 1000:
            self._sums.observe(meter.STALL, session.stream, lasted_ms / 1000)
            session.counted_ms = began_ms

    def _wait(self, name: int, session: Session, now: float) -> None:
        """Look again when it may have left, or to see whether it is still there."""
        due = min(session.deadline(), now + LONGEST)
        self._due.setdefault(max(self._ticked, int(due)) + 1, []).append(name)

    def _close(self, name: int, session: Session, state: str, at: float) -> None:
        del self._sessions[name]
        self._impatient(name, session)
        if session.settled:
            self._departures.left(session.stream, at)
        self._counted(session, -1)
        self._sums.count(meter.EXITS, session.stream, (state,))

    def _remember(self, name: int, at_ms: int) -> None:
        if len(self._left) < MOST_LEFT:
            self._left[name] = at_ms

    def tick(self, now: float) -> None:
        """Look for those who fell silent."""
        while self._ticked < int(now):
            self._ticked += 1
            for name in self._settles.pop(self._ticked, ()):
                if (session := self._sessions.get(name)) and not session.settled:
                    session.settled = True
                    self._departures.settle(session.stream)
            for name in self._due.pop(self._ticked, ()):
                session = self._sessions.get(name)
                if session is None:
                    continue
                if session.deadline() <= now:
                    self._close(name, session, session.state, session.seen + session.interval / 2)
                else:
                    self._wait(name, session, now)
        self._messages.tick(now)
        if now - self._turned > LEFT:
            self._left, self._left_before, self._turned = {}, self._left, now

    def departed(self, now: float) -> list[Departed]:
        """Ten seconds that are complete by now, of each stream, once."""
        return self._departures.tick(now)

    def tell(self, sink: Sink, now: float) -> None:
        """Put what is known there. Streams of which no viewer was ever heard have no number."""
        self._sums.tell(sink, now)
        if self._again and now - self._began < SILENCE:
            return
        for stream, count in self._watching.items():
            sink.put(Key(stream), Sample(meter.SESSIONS, float(count)), now)
        for stream, count in self._speaking.items():
            sink.put(Key(stream), Sample(meter.SPEAKING, float(count)), now)

    def keep(self, names: frozenset[str]) -> None:
        """Only these streams are ours."""
        for name in [name for name, each in self._sessions.items() if each.stream not in names]:
            session = self._sessions.pop(name)
            self._impatient(name, session)
            if session.settled:
                self._departures.unsettle(session.stream)
        self._watching = {name: count for name, count in self._watching.items() if name in names}
        self._speaking = {name: count for name, count in self._speaking.items() if name in names}
