"""What the whole agent costs on a fleet, beside a bare PyAV loop: `python -m tests.bench.bench_fleet [--streams 40]`.

Both pull the same live RTMP streams (1080p30, 4 Mb/s, see assets.py) from a local nginx and decode the same
pictures: a key frame every 5 s a stream (the default), then, in the second row, every key frame. They run in turns,
A B A B, because machines drift. CPU is user plus system time of the process and its children; memory is PSS.
nginx and the publishers count for neither. What libavformat pays depends on the server's chunk size, as it makes two
system calls a chunk. Goal: at most 0.5 times the CPU and 0.3 times the memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from time import monotonic
from typing import TYPE_CHECKING

import psutil

from tests.bench import assets
from tests.e2e import servers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable

WARM_UP = 40.0
"""Seconds before counting: imports, connections, first pictures, first searches, the packet ring."""
CPU_GOAL, MEMORY_GOAL = 0.5, 0.3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    cpu: float
    """CPU-seconds per stream-second."""
    memory: float
    """Bytes."""


async def cost(process: subprocess.Popen[bytes], streams: int, seconds: float) -> Cost:
    """Let it warm up, then measure it."""
    await asyncio.sleep(WARM_UP)
    before, began = _family(process.pid), monotonic()
    await asyncio.sleep(seconds)
    after, took = _family(process.pid), monotonic() - began
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    links = [link for one in family for link in one.net_connections("tcp") if link.status == "ESTABLISHED"]
    if len(links) < streams:
        raise SystemExit(f"only {len(links)} of {streams} pulls stand")
    return Cost((after.cpu - before.cpu) / (took * streams), after.memory)


def _family(pid: int) -> Cost:
    """CPU-seconds so far and memory of a process and its children."""
    parent = psutil.Process(pid)
    cpu = memory = 0.0
    for each in [parent, *parent.children(recursive=True)]:
        times = each.cpu_times()
        cpu += times.user + times.system
        memory += each.memory_full_info().pss
    times = parent.cpu_times()
    return Cost(cpu + times.children_user + times.children_system, memory)


@contextlib.asynccontextmanager
async def fleet(home: Path, streams: int, chunk: int = 4096) -> AsyncIterator[list[str]]:
    """nginx, and a publisher for each parameter set; yields the addresses to pull, each show as often as needed."""
    copies = assets.make()[:streams]
    async with servers.nginx(home / "nginx", chunk=chunk) as nginx, contextlib.AsyncExitStack() as publishers:
        urls = [nginx.rtmp(f"show-{number}") for number in range(len(copies))]
        for copy, url in zip(copies, urls, strict=True):
            options = ["-re", "-stream_loop", "-1", "-i", copy, "-c", "copy", "-f", "flv", url]
            await publishers.enter_async_context(servers.ffmpeg(*options, log=home / "ffmpeg.log"))
            await asyncio.sleep(0.1)  # spreads the key frames
        await asyncio.sleep(2.0)
        yield [urls[number % len(urls)] for number in range(streams)]


async def measure(home: Path, urls: list[str], every: float, rounds: int, seconds: float) -> dict[str, list[Cost]]:
    """The agent and the baseline in turns."""
    lines = ["web: {listen: '127.0.0.1:0'}", "defaults:", f"  pictures_every: {every:g}s", "streams:"]
    lines += [f"  - {{name: show-{number}, url: '{url}'}}" for number, url in enumerate(urls)]
    config = home / f"agent-{every:g}.yml"
    config.write_text("\n".join(lines) + "\n")
    python = sys.executable
    commands = {
        "qoe-agent": [python, "-m", "qoe_agent", "run", str(config)],
        "bare PyAV": [python, "-m", "tests.bench.baseline", f"{every:g}", *urls],
    }
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            print(f"  round {number + 1} of {rounds}: {name}", file=sys.stderr)
            async with servers.running(*command, log=home / f"{name}.log") as process:
                found[name].append(await cost(process, len(urls), seconds))
    return found


def _spread(costs: list[Cost], value: Callable[[Cost], float], unit: str, scale: float) -> str:
    all_ = [value(each) * scale for each in costs]
    return f"{mean(all_):.4g} {unit} ({min(all_):.4g} to {max(all_):.4g})"


def report(title: str, found: dict[str, list[Cost]]) -> None:
    """Print a row: both sides and their ratio."""
    print(title)
    for name, costs in found.items():
        cpu = _spread(costs, lambda each: each.cpu, "CPU-s per stream-s", 1)
        print(f"  {name:9}  {cpu},  {_spread(costs, lambda each: each.memory, 'MB', 1e-6)}")
    ours, theirs = found["qoe-agent"], found["bare PyAV"]
    cpu = mean(each.cpu for each in ours) / mean(each.cpu for each in theirs)
    memory = mean(each.memory for each in ours) / mean(each.memory for each in theirs)
    print(f"  ratio      {cpu:.2f} of the CPU (goal {CPU_GOAL}), {memory:.2f} of the memory (goal {MEMORY_GOAL})")


async def main() -> None:
    """Both rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="measured time of each run")
    parser.add_argument("--every", type=float, nargs="+", default=[5.0, 0.5], help="seconds between decoded key frames")
    parser.add_argument("--chunk", type=int, default=4096, help="the server's RTMP chunk size (nginx's default: 4096)")
    said = parser.parse_args()
    print(assets.describe())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with fleet(home, said.streams, said.chunk) as urls:
            for every in said.every:
                found = await measure(home, urls, every, said.rounds, said.seconds)
                what = "every key frame decoded" if every < 2 else f"a key frame decoded every {every:g} s"
                report(f"{said.streams} streams, {what}", found)
        print((home / "qoe-agent.log").read_text()[-2000:], file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
