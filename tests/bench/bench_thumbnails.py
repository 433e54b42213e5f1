"""What thumbnails cost: `python -m tests.bench.bench_thumbnails [--streams 20] [--rounds 2] [--seconds 30]`.

First how long one takes to make, of decoded key frames of the asset (1080p) whose looks have seen them. Then the whole
agent on live RTMP streams from a local nginx, key frames decoded every 5 s (the default), in turns: nobody looks; every
10 s somebody asks for one, so that they are made of all streams.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from statistics import mean, median
from time import thread_time
from typing import Any

import aiohttp
import av

from qoe_agent.decode.frames import view_of
from qoe_agent.decode.snapshots import jpeg
from tests.bench import assets
from tests.bench.bench_fleet import Cost, cost, fleet
from tests.e2e import servers

AGAIN = 10.0
"""Seconds between two times that somebody asks."""
FRAMES = 40


def one(path: Path) -> tuple[float, float]:
    """Milliseconds of CPU to make one, and its bytes."""
    took, sizes = [], []
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        track.codec_context.skip_frame = "NONKEY"
        for frame, _ in zip(container.decode(track), range(FRAMES), strict=False):
            view = view_of(frame, 0.0, follows=False)
            _ = view.tiny
            began = thread_time()
            sizes.append(len(jpeg(frame, view)))
            took.append(thread_time() - began)
    return median(took) * 1e3, mean(sizes)


async def look(port: int, names: list[str], seen: dict[str, int]) -> None:
    """Ask for all of them, now and then; note whose came."""
    async with aiohttp.ClientSession() as client:
        while True:
            for name in names:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"http://127.0.0.1:{port}/thumbnails", params={"stream": name}) as answer:
                        seen[name] = len(await answer.read()) if answer.status == 200 else 0
            await asyncio.sleep(AGAIN)


async def measure(home: Path, urls: list[str], said: argparse.Namespace) -> dict[str, list[Cost]]:
    """With and without somebody who looks, in turns."""
    port, names = servers.free_port(), [f"show-{number}" for number in range(len(urls))]
    lines = [f"web: {{listen: '127.0.0.1:{port}'}}", "streams:"]
    lines += [f"  - {{name: {name}, url: '{url}'}}" for name, url in zip(names, urls, strict=True)]
    (home / "agent.yml").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "qoe_agent", "run", str(home / "agent.yml")]
    found: dict[str, list[Cost]] = {"nobody looks": [], "somebody looks": []}
    for _ in range(said.rounds):
        for who, costs in found.items():
            seen: dict[str, int] = {}
            async with servers.running(*command, log=home / "agent.log") as process:
                looking = asyncio.create_task(look(port, names, seen)) if who == "somebody looks" else None
                costs.append(await cost(process, urls, said.seconds, port))
                if looking:
                    looking.cancel()
                    assert all(seen.get(name) for name in names), "not all streams had a thumbnail"
    return found


async def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="measured time of each run")
    said = parser.parse_args()
    took, size = one(assets.make()[0])
    print(f"one: {took:.2f} ms of CPU, {size / 1e3:.1f} kB")
    with tempfile.TemporaryDirectory() as folder:
        async with fleet(Path(folder), said.streams) as made:
            found: dict[str, Any] = await measure(Path(folder), made.urls, said)
    for who, costs in found.items():
        each = ", ".join(f"{run.cpu * 1e3:.2f}" for run in costs)
        memory = mean(run.memory for run in costs)
        print(f"{who}: {each} ms of CPU a second and stream, {memory / 1e6:.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
