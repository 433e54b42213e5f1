"""What the whole agent costs on a fleet, beside a bare PyAV loop: `python -m tests.bench.bench_fleet [--streams 40]`.

Both pull the same live RTMP streams (1080p30, 4 Mb/s, see assets.py) from a local nginx and decode the same
pictures: a key frame every 5 s a stream (the default), then, in the second row, every key frame. They run in turns,
A B A B, because machines drift. CPU is user plus system time of the process and its children; memory is PSS.
nginx and the publishers count for neither. What libavformat pays depends on the server's chunk size, as it makes two
system calls a chunk. Goal: at most 0.5 times the CPU and 0.3 times the memory.

With `--mixed` a third of the streams come by RTMP, a third by HTTP-FLV (`flv_server`), a third by HLS (nginx, segments
of 2 s); what the servers take is printed too. `--decode` is the agent's policy; with `adaptive` a third
loop decodes what that decodes: every key frame, and all pictures of two seconds in thirty.
Of the agent's own metrics the benchmark reads, once a second, how late its event loops were at worst, and at the end
what it left out.
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

from qoe_agent.decode.adaptive import BURST
from tests.bench import assets
from tests.e2e import servers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable

WARM_UP = 40.0
"""Seconds before counting: imports, connections, first pictures, first searches, the packet ring."""
CPU_GOAL, MEMORY_GOAL = 0.5, 0.3
LAG, SKIPPED, UP = "qoe_agent_lag_seconds", "qoe_agent_decode_skipped_total", "qoe_up"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    cpu: float
    """CPU-seconds per stream-second."""
    memory: float
    """Bytes."""
    lags: tuple[float, ...] = ()
    """How late an event loop was at worst, second by second (the agent's own word)."""
    skipped: float = 0.0
    """Decode work that it left out, by its own word."""


async def cost(process: subprocess.Popen[bytes], urls: list[str], seconds: float, port: int | None) -> Cost:
    """Let it warm up, then measure it. `port`: where the agent answers."""
    await asyncio.sleep(WARM_UP)
    before, began, lags = _family(process.pid), monotonic(), list[float]()
    while monotonic() - began < seconds:
        await asyncio.sleep(1.0)
        lags += _values(port, LAG) if port else []
    after, took = _family(process.pid), monotonic() - began
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    links = [link for one in family for link in one.net_connections("tcp") if link.status == "ESTABLISHED"]
    lasting = sum(not url.endswith(".m3u8") for url in urls)
    if len(links) < lasting or (port and sum(_values(port, UP)) < len(urls)):
        raise SystemExit(f"only {len(links)} of {lasting} pulls stand, or not all streams are up")
    skipped = sum(_values(port, SKIPPED)) if port else 0.0
    return Cost((after.cpu - before.cpu) / (took * len(urls)), after.memory, tuple(lags), skipped)


def _values(port: int, name: str) -> list[float]:
    """All series of a metric that the agent tells."""
    lines = servers.exposition(port).splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + "{", name + " "))]


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


@dataclass(frozen=True, slots=True)
class Fleet:
    """What there is to pull."""

    urls: list[str]
    """Each show as often as needed."""
    servers: list[int]
    """Process ids, publishers among them."""

    def cpu(self) -> float:
        """CPU-seconds that the servers took so far."""
        return sum(_family(each).cpu for each in self.servers)


@contextlib.asynccontextmanager
async def fleet(home: Path, streams: int, chunk: int = 4096, *, mixed: bool = False) -> AsyncIterator[Fleet]:
    """nginx, and a publisher for each parameter set."""
    copies = assets.make()[:streams]
    ways = ("live", "flv", "hls") if mixed else ("live",)
    async with (
        servers.nginx(home / "nginx", fragment=2, length=12, chunk=chunk) as nginx,
        contextlib.AsyncExitStack() as stack,
    ):
        port, by_flv, urls = servers.free_port(), [], []
        running = [int((nginx.home / "nginx.pid").read_text())]
        for number, copy in enumerate(copies):
            way = ways[number % len(ways)]
            if way == "flv":
                urls.append(f"http://127.0.0.1:{port}/{len(by_flv)}.flv")
                by_flv.append(str(copy))
                continue
            name = f"show-{number}"
            urls.append(nginx.playlist(name) if way == "hls" else nginx.rtmp(name))
            options = ["-re", "-stream_loop", "-1", "-i", copy, "-c", "copy", "-f", "flv", nginx.rtmp(name, way)]
            running.append((await stack.enter_async_context(servers.ffmpeg(*options, log=home / "ffmpeg.log"))).pid)
            await asyncio.sleep(0.1)  # spreads the key frames
        if by_flv:
            command = [sys.executable, "-m", "tests.bench.flv_server", str(port), *by_flv]
            running.append((await stack.enter_async_context(servers.running(*command, log=home / "flv.log"))).pid)
        await asyncio.sleep(8.0 if mixed else 2.0)
        yield Fleet([urls[number % len(urls)] for number in range(streams)], running)


async def measure(home: Path, urls: list[str], every: float, said: argparse.Namespace) -> dict[str, list[Cost]]:
    """The agent and the baseline in turns."""
    port = servers.free_port()
    lines = [f"web: {{listen: '127.0.0.1:{port}'}}", "defaults:", f"  pictures_every: {every:g}s"]
    lines += [f"  decode: {said.decode}", "streams:"]
    lines += [f"  - {{name: show-{number}, url: '{url}'}}" for number, url in enumerate(urls)]
    config = home / f"agent-{every:g}.yml"
    config.write_text("\n".join(lines) + "\n")
    python, bare = sys.executable, [sys.executable, "-m", "tests.bench.baseline"]
    commands = {
        "qoe-agent": [python, "-m", "qoe_agent", "run", str(config)],
        "bare PyAV": [*bare, f"{every:g}", "0", *urls],
    }
    if said.decode == "adaptive":
        commands["the same pictures"] = [*bare, "0", f"{BURST:g}", *urls]
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(said.rounds):
        for name, command in commands.items():
            print(f"  round {number + 1} of {said.rounds}: {name}", file=sys.stderr)
            async with servers.running(*command, log=home / f"{name}.log") as process:
                told = port if name == "qoe-agent" else None
                found[name].append(await cost(process, urls, said.seconds, told))
    return found


def _spread(costs: list[Cost], value: Callable[[Cost], float], unit: str, scale: float) -> str:
    all_ = [value(each) * scale for each in costs]
    return f"{mean(all_):.4g} {unit} ({min(all_):.4g} to {max(all_):.4g})"


def report(title: str, found: dict[str, list[Cost]]) -> None:
    """Print a row: both sides and their ratio."""
    print(title)
    for name, costs in found.items():
        cpu = _spread(costs, lambda each: each.cpu, "CPU-s per stream-s", 1)
        print(f"  {name:17}  {cpu},  {_spread(costs, lambda each: each.memory, 'MB', 1e-6)}")
    ours = found["qoe-agent"]
    for name in list(found)[1:]:
        cpu = mean(each.cpu for each in ours) / mean(each.cpu for each in found[name])
        memory = mean(each.memory for each in ours) / mean(each.memory for each in found[name])
        print(f"  of {name}: {cpu:.2f} of the CPU (goal {CPU_GOAL}), {memory:.2f} of the memory (goal {MEMORY_GOAL})")
    lags = sorted(lag for each in ours for lag in each.lags)
    late = f"{lags[int(0.99 * len(lags))] * 1e3:.0f} ms at the 99th percentile, {lags[-1] * 1e3:.0f} ms at worst"
    print(f"  event loops late (the worst of each second): {late}; left out: {max(each.skipped for each in ours):g}")


async def main() -> None:
    """Both rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="measured time of each run")
    parser.add_argument("--every", type=float, nargs="+", default=[5.0, 0.5], help="seconds between decoded key frames")
    parser.add_argument("--chunk", type=int, default=4096, help="the server's RTMP chunk size (nginx's default: 4096)")
    parser.add_argument("--mixed", action="store_true", help="RTMP, HTTP-FLV and HLS, a third each")
    parser.add_argument("--decode", default="keyframes", choices=["keyframes", "adaptive", "all"])
    said = parser.parse_args()
    print(assets.describe())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with fleet(home, said.streams, said.chunk, mixed=said.mixed) as made:
            for every in said.every:
                began, cpu = monotonic(), made.cpu()
                found = await measure(home, made.urls, every, said)
                what = "every key frame decoded" if every < 2 else f"a key frame decoded every {every:g} s"
                report(f"{said.streams} streams, {said.decode}, {what}", found)
                print(f"  servers    {(made.cpu() - cpu) / (monotonic() - began):.2f} cores, publishers included")
        print((home / "qoe-agent.log").read_text()[-2000:], file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
