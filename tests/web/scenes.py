"""Streams for pages: a board, an hour of history, and an agent that tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent import catalogue, clock
from qoe_agent.board import Board
from qoe_agent.history import SLOTS, STEP, History
from qoe_agent.model import Incident, Sample
from qoe_agent.sink import Key
from qoe_agent.web.stand import Scene
from tests.test_exporter import Standin

if TYPE_CHECKING:
    from qoe_agent.model import Severity

METRICS = {metric.name: metric for metric in catalogue.metrics()}


class Stage:
    """A scene whose streams do what the test says."""

    def __init__(self, *names: str | Key) -> None:
        self.keys = [name if isinstance(name, Key) else Key(name) for name in names]
        self.board, self.now = Board(catalogue.metrics()), clock.now()
        self.states = dict.fromkeys(self.keys, "up")
        for key in self.keys:
            self.board.add(key, {})
        self.agent = Standin(history=History(self.board))
        self.scene = Scene(self.board, self.agent)
        self.tell()

    def tell(self) -> None:
        """The agent names the streams and how they are."""
        self.agent.names = tuple(self.states.items())

    def state(self, name: str, state: str) -> None:
        """A stream is in another state."""
        self.states[Key(name)] = state
        self.tell()

    def put(self, name: str | Key, metric: str, value: float, *labels: str) -> None:
        """A sample."""
        key = name if isinstance(name, Key) else Key(name)
        self.board.put(key, Sample(METRICS[metric], value, labels), self.now)

    def wrong(self, name: str, kind: str, severity: Severity = "warning", start: float = -5, end: float = 0) -> None:
        """Something is wrong since `start`; `end` (below 0): it was over then."""
        told = Incident(kind, self.now + start, self.now + end if end else None, severity)
        self.board.put(Key(name), told, self.now)

    def hour(self, name: str, bytes_per_second: float = 1e6, gap: range = range(0), height: float = 1080) -> None:
        """An hour of history, in which nothing was known during the slots of `gap`."""
        for n in range(SLOTS):
            if n in gap:
                self.board.down(Key(name))
            else:
                self.put(name, "qoe_video_height_pixels", height)
            self.put(name, "qoe_up", 1.0)
            self.put(name, "qoe_received_bytes_total", bytes_per_second * STEP, "video")
            self.agent.history.take(self.now - (SLOTS - n) * STEP)
