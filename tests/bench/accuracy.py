"""How far the agent is from the truth, by injected faults over a real nginx-rtmp: `python -m tests.bench.accuracy`.

Pauses (the media clock stands, or a backlog bursts afterwards), drops of the resolution and silences, over RTMP and
HLS. Truth: the player model on the publisher's packet log for stalls, what was injected for the others. Prints a
Markdown table: found of injected, and the largest and the mean error of start and duration, in seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from qoe_agent.demo.faults import Fault
from tests.e2e import servers, truth
from tests.e2e.publisher import Publisher

if TYPE_CHECKING:
    from qoe_agent.demo.faults import FaultKind
    from tests.e2e.servers import Watched

WARM_UP, AFTER = 3.0, 5.0
LEAST = 0.1
"""Stalls shorter than this are none (the probe's default)."""
NAMES = {"stall": "pause, media clock stands", "burst": "pause, then a burst", "resolution_drop": "resolution drop"}


@dataclass
class Tally:
    """What came of one kind of fault."""

    injected: int = 0
    seen: int = 0
    invented: int = 0
    starts: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)

    def take(self, seen: list[tuple[float, float]], true: list[tuple[float, float]]) -> None:
        """Pair what was seen with what was true, in order: (start, seconds) each."""
        self.injected += len(true)
        self.seen += min(len(seen), len(true))
        self.invented += max(0, len(seen) - len(true))
        for (start, seconds), (true_start, true_seconds) in zip(seen, true, strict=False):
            self.starts.append(start - true_start)
            self.lengths.append(seconds - true_seconds)


async def one(home: Path, transport: str, kind: FaultKind, seconds: float) -> tuple[Watched, list[tuple[float, float]]]:
    """One watch with one fault in it, and the truth about it."""
    async with servers.nginx(home) as nginx, contextlib.AsyncExitStack() as stack:
        hls = transport == "HLS"
        publisher = stack.enter_context(Publisher(nginx.rtmp("show", "hls" if hls else "live")))
        listing = stack.enter_context(truth.Listing(nginx.home / "hls/show.m3u8")) if hls else None
        url = nginx.playlist("show") if hls else nginx.rtmp("show")
        await servers.until(lambda: nginx.listed("show", 4) if hls else publisher.media > 1, "media")
        watching = asyncio.create_task(servers.watch(url, WARM_UP + seconds + AFTER))
        await asyncio.sleep(WARM_UP)
        publisher.inject(Fault(kind, 0.5, seconds))
        watched = await watching
        if kind in ("stall", "burst"):
            if listing:
                spans = truth.hls([publisher.log], listing.segments, nginx.served("show"))
            else:
                began = watched.document["started"] + (watched.value("qoe_play_start_seconds_sum") or 0) - 0.6
                spans = truth.rtmp(publisher.log, began)
            return watched, [(span.start, span.seconds) for span in spans if span.seconds >= LEAST]
        return watched, [(fault.start, fault.seconds or 0.0) for fault in publisher.injected]


def seen(watched: Watched, kind: FaultKind) -> list[tuple[float, float]]:
    """What the agent says of it: (start, seconds)."""
    if kind != "resolution_drop":
        name = "silence" if kind == "silence" else "stall"
        return [(one["start"], one["seconds"]) for one in watched.incidents(name)]
    changes = watched.incidents("resolution_change")
    return [(a["start"], b["start_pts"] - a["start_pts"]) for a, b in zip(changes[::2], changes[1::2], strict=False)]


async def run(times: int, seed: int) -> None:
    """Inject everything `times` times and print the table."""
    dice = random.Random(seed)
    print("| Transport | Fault | Found | Invented | Start: largest error | Duration: mean, largest error |")
    print("|---|---|---|---|---|---|")
    for transport in ("RTMP", "HLS"):
        for kind in ("stall", "burst", "resolution_drop", "silence"):
            tally = Tally()
            for _ in range(times):
                with tempfile.TemporaryDirectory() as home:
                    Path(home).chmod(0o755)
                    watched, true = await one(Path(home) / "nginx", transport, kind, dice.uniform(3.0, 6.0))
                tally.take(seen(watched, kind), true)
            start = max((abs(error) for error in tally.starts), default=float("nan"))
            lengths = tally.lengths or [float("nan")]
            print(
                f"| {transport} | {NAMES.get(kind, kind)} | {tally.seen} of {tally.injected} | {tally.invented} "
                f"| {start:.3f} s | {mean(lengths):+.3f} s, {max(map(abs, lengths)):.3f} s |",
                flush=True,
            )


def main() -> None:
    """Read the options and run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    if lacking := servers.missing():
        sys.exit(f"missing: {', '.join(lacking)}")
    asyncio.run(run(chosen.times, chosen.seed))


if __name__ == "__main__":
    main()
