"""What takes minutes, in a moment: observations of two minutes through all probes and the board, as an exposition.

Also one incident of every kind, as the agent tells of them. Its streams are watched from the vantage point `replay`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from qoe_agent import catalogue
from qoe_agent.board import Board
from qoe_agent.maths.hearing import Hearing
from qoe_agent.maths.leaving import SLOT
from qoe_agent.model import Incident, Opened, Picture, Sound, Tick
from qoe_agent.probes import declarations
from qoe_agent.rollcall import Rollcall
from qoe_agent.sink import Key
from qoe_agent.viewers.exodus import Exodus
from qoe_agent.viewers.ingest.departures import Departed
from tests.bitstream.test_capture import OBS
from tests.probes.test_av_offset import stream as stamped
from tests.probes.test_flash import flashing
from tests.probes.test_latency import marked, published, script
from tests.probes.test_loudness import RATE, heard, tone
from tests.probes.test_resolution import HALF, said, show
from tests.script import jitter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Observation


def exposition() -> bytes:
    """What an agent would export after it saw all that."""
    board = Board(catalogue.metrics(), {"region": "eu", "vantage": "replay"})
    Rollcall(board)
    for name, observations in _streams().items():
        key = Key(name)
        board.add(key, {})
        _feed(board, key, observations)
        for kind in catalogue.kinds() if name == "long" else ():
            board.put(key, Incident(kind, 1.0, None, "warning"), 1.0)
    _viewers(board)
    return board.render()


def _viewers(board: Board) -> None:
    """Half an hour of a thousand viewers of one stream, and an incident."""
    key, exodus = Key("watched"), Exodus(board, lambda name: True)
    board.add(key, {})
    board.put(key, Incident("stall", 1200.0, 1210.0, "critical"), 1210.0)
    exodus.take(Departed("watched", SLOT * n, 1000.0 * SLOT, 7.0) for n in range(180))


def _streams() -> dict[str, Iterable[Observation]]:
    steady = script(jitter=jitter(1, 0.02)).open(0.0).play(130).run().observations
    brief = script().open(0.0).play(10).run().observations
    music = [(0.0, tone(12, -23)), (12.0, tone(12, -33))]
    return {
        "long": marked(steady, published),
        "hole": script().open(0.0).play(10).stop(5).drop().play(10).run().observations,
        "even": _sound(80),
        "late": stamped(20, lambda _: 0.1),
        "future": marked(brief, lambda pts: published(pts) + 5.0),
        "obs": marked(brief, published, lambda time: OBS),
        "music": heard(*music),
        "looked": _looked(),
        "scaled": chain(show(said(HALF), said(HALF), said(HALF), said(HALF)), [Tick(30.0)]),
    }


def _looked() -> Iterator[Observation]:
    """What only an agent sees that has time for every picture."""
    for seen in (*flashing([], pumping=dict.fromkeys(range(2, 8), 0.05)), Tick(111.0)):
        if isinstance(seen, Picture):
            seen.looks["interlace"] = (False, "whole")
        yield seen


def _sound(seconds: int) -> Iterator[Observation]:
    hearing, piece = Hearing(), tone(1, -23)
    yield Opened(0.0, 0.0, "rtmp")
    for second in range(seconds):
        at = second + 1.0
        yield Sound(at, 1, float(second), 1.0, RATE, 2, at, {"sound": hearing.hear(piece, RATE, float(second))})
        yield Tick(at)


def _feed(board: Board, key: Key, observations: Iterable[Observation]) -> None:
    known = declarations()
    probes = {name: declared.make() for name, declared in known.items()}
    for seen in observations:
        for name, probe in probes.items():
            if isinstance(seen, known[name].sees):
                for finding in probe.feed(seen):
                    board.put(key, finding, seen.at)
