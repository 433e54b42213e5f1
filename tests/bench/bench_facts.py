"""How many viewer events a second one process takes in and has on disk before it says so.

`python -m tests.bench.bench_facts [FOLDER] [--seconds 4] [--concurrency 64]`: parsed bodies of plain JSON events go
through validation, pseudonyms and the log in one process: 20 events to a body, then singly; so many bodies are under
way at once. Beside it the disk's own `fdatasync` (4 KB appended, p50 and p99), and what compaction makes of the log.
CPU is that of the process, its threads included; "a core" divides by it. Without HTTP: that costs extra. Goals: 20,000
events a second and core at 20 a body, 3,000 single bodies.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from qoe_agent.viewers.events import encoded
from qoe_agent.viewers.facts import compaction, parts
from qoe_agent.viewers.facts.log import Log
from qoe_agent.viewers.plain import read
from qoe_agent.viewers.pseudonyms import Key, Ring

RING = Ring([Key(1, b"1" * 32)])
AT = 1_800_014_400.0
SESSION = b"550e8400-e29b-41d4-a716-446655440000"


def body(number: int, events: int) -> bytes:
    """What a player sends."""
    said: list[dict[str, Any]] = [
        {"kind": "heartbeat", "session": SESSION.decode(), "sn": each, "at": AT + each, "user": f"user-{number % 5000}",
         "stream": "show", "state": "playing", "height": 720, "bytes_per_second": 500_000, "latency_seconds": 2.5,
         "cdn": "one", "region": "eu", "device": "tv"}
        for each in range(events)
    ]  # fmt: skip
    return to_json(said)


def sync_latency(folder: Path, count: int = 200) -> tuple[float, float]:
    """Median and 99th percentile of appending 4 KB and syncing, in seconds."""
    taken = []
    with open(folder / "probe", "wb", buffering=0) as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    (folder / "probe").unlink()
    taken.sort()
    return taken[count // 2], taken[count * 99 // 100]


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def durable(folder: Path, events: int, concurrency: int, seconds: float) -> None:
    """Take in bodies for some time."""
    log, bodies = Log(folder), 0
    waits: list[float] = []
    until, begun, used = time.perf_counter() + seconds, time.perf_counter(), cpu()
    pool = [body(number, events) for number in range(1000)]

    async def sender() -> None:
        nonlocal bodies
        while (came := time.perf_counter()) < until:
            bodies += 1
            sent = pool[bodies % len(pool)].replace(
                SESSION, b"%s-%029x" % (b"single" if events == 1 else b"twenty", bodies)
            )
            found, faults = read(from_json(sent), "web", int(AT * 1000), RING)
            assert len(found) == events, faults
            await log.append([encoded(found)])
            waits.append(time.perf_counter() - came)

    await asyncio.gather(*(sender() for _ in range(concurrency)))
    took, used = time.perf_counter() - begun, cpu() - used
    await log.close()
    waits.sort()
    print(
        f"{events:2} a body, {concurrency} at once: {bodies / took:,.0f} bodies/s, {bodies * events / took:,.0f}"
        f" events/s ({bodies / used:,.0f} bodies, {bodies * events / used:,.0f} events a core), acknowledged within"
        f" {waits[len(waits) // 2] * 1000:.1f} ms (median), {waits[len(waits) * 99 // 100] * 1000:.1f} ms (99 %)"
    )


def compacted(folder: Path) -> None:
    """Move the log to Parquet."""
    size = sum(path.stat().st_size for path in (folder / "log").iterdir())
    begun, used = time.perf_counter(), cpu()
    with compaction.owning(folder):
        done = compaction.compact(folder)
    took, used = time.perf_counter() - begun, cpu() - used
    parquet = sum(part.path.stat().st_size for part in parts.listed(folder))
    events = done.events + done.repeated
    print(
        f"compaction: {events:,} events ({done.repeated:,} of them repeated) in {took:.1f} s, {used:.1f} s of CPU"
        f" ({events / used:,.0f} events a core second); {size >> 20} MB of log became {parquet / 1e6:.1f} MB; peak"
        f" memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB"
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--concurrency", type=int, default=64)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        middle, slow = sync_latency(Path(home))
        print(f"fdatasync of 4 KB: {middle * 1000:.2f} ms (median), {slow * 1000:.2f} ms (99 %)")
        for events in (20, 1):
            asyncio.run(durable(Path(home), events, given.concurrency, given.seconds))
        compacted(Path(home))


if __name__ == "__main__":
    main()
