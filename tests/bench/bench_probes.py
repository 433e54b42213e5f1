"""What a packet costs in all default probes: `python -m tests.bench.bench_probes`.

A minute of a synthetic RTMP stream (30 fps, AAC) with its Ticks; the best of several rounds, for all probes together
and for each alone. Making the observations is not counted.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from qoe_agent.model import Packet
from qoe_agent.probes import declarations
from tests.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.model import Observation
    from qoe_agent.probes import Declaration

SECONDS = 60.0
ROUNDS = 5


def feed(chosen: Sequence[Declaration], seen: Sequence[Observation]) -> float:
    """Seconds that these probes take for all of it, each getting what it wants to see."""
    routes: dict[type, list[object]] = {}
    for declared in chosen:
        take = declared.make().feed
        for kind in declared.sees:
            routes.setdefault(kind, []).append(take)
    started = perf_counter()
    for each in seen:
        for take in routes.get(type(each), ()):
            for _ in take(each):  # type: ignore[operator]  # a bound feed
                pass
    return perf_counter() - started


def main() -> None:
    """Print microseconds a packet."""
    known = declarations()
    packets = 0
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        seen = Script(protocol="rtmp").open().play(SECONDS).run().observations
        packets = sum(isinstance(each, Packet) for each in seen)
        for name, chosen in {"all": list(known.values()), **{name: [one] for name, one in known.items()}}.items():
            best[name] = min(best.get(name, float("inf")), feed(chosen, seen) / packets)
    print(f"{packets} packets of a {SECONDS:g} s stream")
    for name, seconds in sorted(best.items(), key=lambda item: -item[1]):
        print(f"  {name:12} {seconds * 1e6:6.2f} µs a packet")


if __name__ == "__main__":
    main()
