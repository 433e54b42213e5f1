"""How each stream stands now: what pages and their event streams are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from qoe_agent import clock
from qoe_agent.history import GAUGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qoe_agent.board import Board, Known
    from qoe_agent.evidence.shelf import Shelf
    from qoe_agent.history import History
    from qoe_agent.model import Incident, Severity
    from qoe_agent.sink import Key
    from qoe_agent.thumbnails import Thumbnails

MOODS = ("down", "faulty", "unknown", "ended", "up")
"""How a stream may stand, the worst first."""
_MOODS = {"up": "up", "connecting": "unknown", "waiting": "unknown", "stopped": "unknown", "ended": "ended"}
OLD = 30.0
"""Seconds after which a picture does not show any more how a stream is that is up."""
WEIGHTS = {"critical": 0, "warning": 1, "info": 2}
"""Severities, the worst first."""
GONE = ("lost", "ended")
"""Incidents that are none of a stream that is not expected to be there."""


class Told(Protocol):
    """What whoever is told of incidents is told."""

    def severity(self, stream: str, incident: Incident) -> Severity:
        """How bad an incident of that stream is; no stream: of the agent itself."""

    def quiet(self, stream: str) -> str:
        """Why nothing new is told of the stream now: maintenance, unexpected; empty if it is."""


class Source(Protocol):
    """What the pages need of the agent."""

    @property
    def alerts(self) -> Told:
        """How bad things are, by the configuration."""

    @property
    def history(self) -> History:
        """The last hour of every stream."""

    @property
    def evidence(self) -> Shelf | None:
        """Where evidence is kept; None: nowhere."""

    @property
    def thumbnails(self) -> Thumbnails:
        """Small pictures."""

    def streams(self) -> Iterable[tuple[Key, str]]:
        """Each stream and its state in a word."""

    def share(self) -> str:
        """Which part of the streams this agent has; empty if all."""

    def exits(self, key: Key) -> Mapping[tuple[str, float], tuple[float, float]]:
        """Of incidents of that pull, by kind and start: how many viewers left, and how many would have as usual."""

    def zone(self) -> str:
        """The time zone in which people are told."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One stream now."""

    key: Key
    state: str
    """In a word: `up`, or why it is not."""
    wrong: tuple[Incident, ...]
    """What is open, the worst first; mere information left out."""
    quiet: str = ""
    """Why nothing new is told of it: maintenance, unexpected; empty if it is."""

    @property
    def mood(self) -> str:
        """One of `MOODS`."""
        mood = _MOODS.get(self.state, "down")
        if mood != "up" and self.quiet == "unexpected":
            return "ended"
        if mood != "up" and any(one.kind in GONE for one in self.wrong):
            return "down"  # it should be there
        return "faulty" if mood == "up" and self.wrong else mood

    @property
    def bad(self) -> bool:
        """Whether somebody should look."""
        return self.mood in ("down", "faulty")

    @property
    def rank(self) -> tuple[int, int, str]:
        """Its place among others, the worst first."""
        worst = WEIGHTS[self.wrong[0].severity] if self.wrong else len(WEIGHTS)
        return MOODS.index(self.mood), worst, self.key.shown


class Scene:
    """All streams now."""

    def __init__(self, board: Board, source: Source) -> None:
        self.board, self.source = board, source
        self._open: dict[Key | None, dict[tuple[str, str, float], Incident]] = {}
        self._why: dict[Key, str] = {}
        """Why streams are not up, for as long as they are tried again."""
        for known in board.incidents():
            self._told(known.key, known.incident, known.revision)
        board.listen(self._told)

    def _told(self, key: Key | None, incident: Incident, _: int) -> None:
        """An incident is new or has changed."""
        identity = (incident.kind, incident.key, incident.start)
        if incident.end is None:
            self._open.setdefault(key, {})[identity] = incident
        elif key in self._open:
            self._open[key].pop(identity, None)
            if not self._open[key]:
                del self._open[key]

    def wrong(self, key: Key | None) -> tuple[Incident, ...]:
        """What is open of a stream, or of the agent itself."""
        found = [self._weighed(key, one) for one in list(self._open.get(key, {}).values())]
        return tuple(sorted((one for one in found if one.severity != "info"), key=_worst))

    def _weighed(self, key: Key | None, one: Incident) -> Incident:
        """With the severity that it is told with; of a show that is over, nobody knows later whether it was to be."""
        alerts, stream = self.source.alerts, key.stream if key else ""
        severity = one.severity if one.kind == "ended" and one.end is not None else alerts.severity(stream, one)
        if one.kind in GONE and one.end is None and alerts.quiet(stream) == "unexpected":
            severity = "info"
        return one if severity == one.severity else replace(one, severity=severity)

    def incidents(self, key: Key) -> list[Known]:
        """What is known of a stream's incidents, each as bad as it is told."""
        return [known._replace(incident=self._weighed(key, known.incident)) for known in self.board.incidents(key)]

    def stand(self, key: Key, state: str) -> Stand:
        """A stream that is in that state."""
        return Stand(key, state, self.wrong(key), self.source.alerts.quiet(key.stream))

    def stands(self) -> Iterator[Stand]:
        """Each stream."""
        states = dict(self.source.streams())
        why = {key: self._why.get(key, state) if state == "connecting" else state for key, state in states.items()}
        self._why = {key: state for key, state in why.items() if state != "up"}
        return (self.stand(key, state) for key, state in why.items())

    def find(self, shown: str, rendition: str = "") -> Stand | None:
        """The stream of that name (or as people see it: stream/rendition)."""
        called = None
        for stand in self.stands():
            if stand.key == (shown, rendition):
                return stand
            if not rendition and stand.key.shown == shown:
                called = stand
        return called

    def now(self, key: Key) -> Mapping[str, float]:
        """What is measured of a stream now."""
        return self.source.history.now(key)

    def stalls(self, key: Key, since: float) -> int:
        """How many stalls of a stream are known that lasted beyond then."""
        found = [one.incident for one in self.board.incidents(key) if one.incident.kind == "stall"]
        return sum(one.end is None or one.end > since for one in found)

    def taken(self, stand: Stand) -> float | None:
        """When its latest picture arrived; None: there is none, or it does not show how a stream is that is up."""
        found = self.source.thumbnails.of(stand.key)
        return found.at if found and (stand.state != "up" or clock.now() - found.at <= OLD) else None

    def method(self, key: Key) -> str:
        """How its latency is known; empty if it is not."""
        names = GAUGES["latency"]
        found = self.board.readings(names, key).get(key, [])
        return next((name[1][0] for name, one in zip(names, found, strict=False) if one is not None), "")


def _worst(one: Incident) -> tuple[int, float]:
    return WEIGHTS[one.severity], one.start
