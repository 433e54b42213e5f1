"""What the death of a worker process costs: `python -m tests.bench.bench_workers [--streams 20]`.

Live RTMP streams from a local nginx, the agent with two workers, its /metrics read five times a second. One worker is
killed (SIGKILL), later one is stopped (SIGSTOP, a hang). For each: how long until all its streams are measured again
(`qoe_up` is back and their packets count on), and the longest time in which any stream of the other worker counted none
(it is told once a second). Goals: 5 s, 10 s, and no gap.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import aiohttp
import psutil

from tests.bench.bench_fleet import fleet
from tests.e2e import servers

SETTLE = 15.0
"""Seconds before and between the faults."""
LOOK = 0.2
PATIENCE = 30.0
UP = re.compile(r'^qoe_up\{stream="([^"]+)"\} 1\.0$', re.MULTILINE)
PACKETS = re.compile(r'^qoe_packets_total\{stream="([^"]+)",track="video"\} ([\d.e+]+)$', re.MULTILINE)


class Seen(NamedTuple):
    """One scrape."""

    at: float
    took: float
    packets: dict[str, float]
    """Video packets so far, of streams that are up."""


async def scrape(http: aiohttp.ClientSession, url: str) -> Seen:
    began = monotonic()
    async with http.get(url) as answer:
        text = await answer.text()
    up = set(UP.findall(text))
    now = monotonic()
    return Seen(now, now - began, {name: float(n) for name, n in PACKETS.findall(text) if name in up})


async def fault(http: aiohttp.ClientSession, url: str, agent: psutil.Process, what: signal.Signals, count: int) -> str:
    """Do it to one worker and watch until all is well again."""
    before = await scrape(http, url)
    os.kill(agent.children()[0].pid, what)
    began = monotonic()
    gone: set[str] = set()
    last = {name: (began, packets) for name, packets in before.packets.items()}
    longest, slowest = 0.0, 0.0
    while monotonic() - began < PATIENCE:
        await asyncio.sleep(LOOK)
        seen = await scrape(http, url)
        slowest = max(slowest, seen.took)
        gone |= before.packets.keys() - seen.packets.keys()
        for name, packets in seen.packets.items():
            if packets > last[name][1]:
                last[name] = seen.at, packets
        others = [seen.at - at for name, (at, _) in last.items() if name not in gone]
        longest = max(longest, *others) if others and gone else longest
        back = len(seen.packets) == count and all(at > began for at, _ in last.values())
        if gone and back and all(seen.packets[name] > before.packets[name] for name in gone):
            return (
                f"{what.name}: {len(gone)} streams measured again after {seen.at - began:.1f} s; the others silent "
                f"for {longest:.1f} s at most; slowest scrape {1000 * slowest:.0f} ms"
            )
    return f"{what.name}: not over after {PATIENCE:g} s: {len(gone)} gone, {len(seen.packets)} of {count} up"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), servers.free_port()
        async with fleet(home, said.streams) as made, aiohttp.ClientSession() as http:
            lines = [f"web: {{listen: '127.0.0.1:{port}'}}", "agent: {workers: 2}", "streams:"]
            lines += [f"  - {{name: show-{number}, url: '{url}'}}" for number, url in enumerate(made.urls)]
            config = home / "agent.yml"
            config.write_text("\n".join(lines) + "\n")
            command = [sys.executable, "-m", "qoe_agent", "run", str(config)]
            async with servers.running(*command, log=home / "agent.log") as process:
                for what in (signal.SIGKILL, signal.SIGSTOP):
                    await asyncio.sleep(SETTLE)
                    url = f"http://127.0.0.1:{port}/metrics"
                    print(await fault(http, url, psutil.Process(process.pid), what, said.streams), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
