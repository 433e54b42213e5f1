"""How long it takes from a fault in a live stream until a real Alertmanager has the alert, and until it is over there.

`python -m tests.bench.bench_alerts [ROUNDS] [--ways flv hls adaptive keyframes]`: the demo's origin, the agent as a
daemon, and Debian's prometheus-alertmanager. For pictures and sound it counts from the first faulty frame that leaves
the origin, for stalls from when the player ran dry; beyond `for`, and beyond `resolve_after` after the first good
frame. Both are to be at most two seconds over HTTP-FLV where all is decoded (`flv`); over HLS (`hls`) a segment and a
poll more, and where less is decoded (`adaptive`, `keyframes`) the window of the detector.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent.demo.origin import SEGMENT, Origin
from qoe_agent.demo.programme import Programme
from tests.e2e import alerted, servers

if TYPE_CHECKING:
    from qoe_agent.demo.faults import FaultKind

RULE = 1.0
MOST = 2.0
"""Seconds beyond `for`, or `resolve_after`, that are promised."""
POLL = SEGMENT
WINDOWS = {"adaptive": 2.0, "keyframes": 14.0}
"""Seconds that detectors may need besides: a group of pictures, or eight seconds of it and two decoded pictures."""
WAYS = {
    "flv": ("flv", "all", MOST),
    "hls": ("m3u8", "all", MOST + SEGMENT + POLL),
    "adaptive": ("flv", "adaptive", MOST + WINDOWS["adaptive"]),
    "keyframes": ("flv", "keyframes", MOST + WINDOWS["keyframes"]),
}
"""Ending of the address, decode policy, seconds that are promised."""
HABITS = {("keyframes", "standing")}
"""What detectors take for a habit when it comes again and again."""
PAUSES = {"keyframes": 40.0}
"""Seconds between two kinds of faults, where they are not five."""
LONGER = {("keyframes", "black"): 22.0, ("keyframes", "standing"): 22.0, ("hls", "stall"): 14.0}
"""Seconds of a fault, where it takes more than below to be one: a player of HLS has six seconds in store."""
CASES: tuple[tuple[FaultKind, str, float], ...] = (
    ("black", "QoeBlack", 3.0), ("standing", "QoeContentFreeze", 4.0), ("silence", "QoeSilence", 5.0),
    ("stall", "QoeStall", 5.0),
)  # fmt: skip
CONFIG = f"""
defaults:
  alerts:
    rules:
      black: {{for: {RULE}, resolve_after: {RULE}, merge: 0}}
      content_freeze: {{for: {RULE}, resolve_after: {RULE}, merge: 0}}
      silence: {{for: 2s, resolve_after: {RULE}, merge: 0}}
      stall: {{for: {RULE}, resolve_after: {RULE}, merge: 0}}
      freeze: {{severity: info}}
"""
LASTING = {"silence": 2.0}
"""`for`, where it is not RULE: a silence is one only after two seconds."""


async def main(rounds: int, ways: list[str]) -> bool:
    """Measure; whether it is prompt enough."""
    origin = Origin(Programme(width=320, height=180))
    base = await origin.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return all([await measured(origin, base, Path(folder) / way, rounds, way) for way in ways])
    finally:
        await origin.stop()


async def measured(origin: Origin, base: str, home: Path, rounds: int, way: str) -> bool:
    """All faults in turn."""
    good, (ending, decode, most) = True, WAYS[way]
    home.mkdir()
    async with servers.alertmanager(home / "am") as manager:
        more = f'alerts: {{alertmanagers: [{{url: "{manager}"}}]}}\n{CONFIG}'
        async with servers.agent(home / "agent", {"show": f"{base}/live/show.{ending}"}, decode, more) as agent:
            await servers.until(lambda: 'qoe_buffer_seconds{stream="show"}' in servers.exposition(agent.port), "media")
            print(
                f"{way}: seconds beyond `for` and `resolve_after`, {rounds} faults of each kind (median, worst)",
                flush=True,
            )
            for kind, name, seconds in CASES:
                if (way, kind) in HABITS:
                    continue
                seconds = LONGER.get((way, kind), seconds)
                await asyncio.sleep(PAUSES.get(decode, 5.0))  # until detectors no longer compare with what was wrong
                fired, over, missed = list[float](), list[float](), 0
                while len(fired) < rounds and missed < rounds:
                    try:
                        told = await alerted.tell(origin, manager, kind, seconds, name)
                    except TimeoutError:  # not found, or the agent was overloaded and does not vouch for it
                        missed += 1
                        print("\n".join(agent.told().splitlines()[-4:]), flush=True)
                        continue
                    began = told.incident if kind == "stall" else told.began
                    fired.append(told.fired - began - LASTING.get(kind, RULE))
                    over.append(told.resolved - told.ended - RULE)
                good = good and not missed and max(fired + over) <= most
                if not fired:
                    continue
                print(
                    f"{name:17} fires {statistics.median(fired):5.2f} {max(fired):5.2f}   "
                    f"over {statistics.median(over):5.2f} {max(over):5.2f}{f'   not told: {missed}' if missed else ''}",
                    flush=True,
                )
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["flv"])
    said = parser.parse_args()
    sys.exit(0 if asyncio.run(main(said.rounds, said.ways)) else 1)
