"""A file through demuxer, decode policy, looks and probes as the agent would run them, but without waiting.

    seen = watch("clip.ts", "black", "content_freeze", decode="all")
    seen.of("black"), seen.gauges["qoe_si_ratio",], seen.history[...]

Time is the media's: a packet "arrives" at START plus its decoding time since the file's first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av

from qoe_agent.decode import Decoding
from qoe_agent.decode.lanes import Lane
from qoe_agent.model import Incident, Lost, Observation, Opened, Packet, Tick
from qoe_agent.probes import declarations
from qoe_agent.sources.tracks import Tracks
from tests.findings import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from qoe_agent.model import Finding, Format

START = 1000.0
"""When the first packet arrives, on the agent's clock."""


class Inline(Lane):
    """A lane without a thread: every job runs at once."""

    def __init__(self) -> None:
        super().__init__("inline")
        super().close()

    def put(self, job: Callable[[], None]) -> bool:
        job()
        return True


@dataclass(slots=True)
class Seen(Kept):
    """What came out: as `Kept`, and every gauge's values over time, and the observations."""

    history: dict[tuple[str, ...], list[tuple[float, float | None]]] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)


def watch(
    path: Path | str,
    *names: str,
    decode: str = "all",
    every: float = 5.0,
    options: dict[str, dict[str, Any]] | None = None,
    mapped: Callable[[Packet], Packet | None] | None = None,
) -> Seen:
    """Run the probes called `names` (all, if none is named) over a file.

    `options`: by probe, then option. `mapped` may change or drop (None) a packet on its way: damage, loss.
    """
    known = declarations()
    chosen = {name: known[name].make(**(options or {}).get(name, {})) for name in names or known}
    seen = Seen()
    pictures = {n: _bound(known[n].picture, p) for n, p in chosen.items() if known[n].picture}
    sounds = {n: _bound(known[n].sound, p) for n, p in chosen.items() if known[n].sound}

    def emit(one: Observation) -> None:
        seen.observations.append(one)
        for name, probe in chosen.items():
            if isinstance(one, known[name].sees):
                _take(seen, one.at, probe.feed(one))

    decoding = Decoding(
        Inline(), emit, lambda f, *args: f(*args), pictures=pictures, sounds=sounds, policy=decode, every=every
    )
    emit(Opened(START, START, "file"))
    at = play(demuxed(path, mapped), decoding, emit)
    emit(Tick(at))
    emit(Lost(at, "ended"))
    return seen


def play(stream: Iterable[Format | Packet], decoding: Decoding, emit: Callable[[Observation], None]) -> float:
    """Decode it all, with a Tick every second; the time of the next."""
    at = ticked = START
    for one in stream:
        at = max(at, one.at)
        while ticked + 1.0 <= at:
            ticked += 1.0
            emit(Tick(ticked))
        emit(one)
        if isinstance(one, Packet):
            decoding.packet(one)
        else:
            decoding.format(one)
    decoding.reset()
    return max(ticked + 1.0, at)


def demuxed(path: Path | str, mapped: Callable[[Packet], Packet | None] | None = None) -> Iterator[Any]:
    """Formats and Packets of a file, in file order."""
    tracks, first = Tracks(), None
    with av.open(str(path)) as container:
        for packet in container.demux():
            times = [t * float(packet.time_base) for t in (packet.dts, packet.pts) if t is not None]
            if first is None and times:
                first = times[0]
            for one in tracks.observe(packet, START + (times[0] - (first or 0.0) if times else 0.0)):
                changed = mapped(one) if mapped and isinstance(one, Packet) else one
                if changed is not None:
                    yield changed


def _bound(make: Callable[[Any], Any] | None, probe: Any) -> Callable[[], Any]:
    assert make is not None
    return lambda: make(probe)


def _take(seen: Seen, at: float, findings: Iterable[Finding]) -> None:
    for found in findings:
        if isinstance(found, Incident):
            seen.revise(at, found)
            continue
        seen.add(found)
        if found.metric.kind == "gauge":
            seen.history.setdefault((found.metric.name, *found.labels), []).append((at, found.value))
