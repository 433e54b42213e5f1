"""How many viewer events a second one process takes in over HTTP and has on disk before it says so.

`python -m tests.bench.bench_ingest [FOLDER] [--seconds 5] [--connections 64]`: the agent's own process for viewers'
events, asked over loopback by connections that are kept open: plain JSON events and CMCD event reports, 20 to a body
and singly. CPU is that of the process that takes them in, its threads included (who asks is another process); "a core"
divides by it. Every acknowledged event is counted in the folder afterwards. Goals: 20,000 events a second and core at
20 a body, 3,000 single requests.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from pyarrow import parquet

from qoe_agent import config
from qoe_agent.board import Board
from qoe_agent.viewers.facts.reading import snapshot
from qoe_agent.viewers.ingest.keeper import Keeper
from tests.bench.bench_facts import AT, SESSION, body, sync_latency

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

KEY = "pk-bench-0123456789"
REPORT = (
    'bl=(2000),br=(3000;v 164;a),bsa=(2),cid="show",com.qoe-arm="hd",com.qoe-user="user-%d",e=t,ltc=3200,'
    'mtp=(12000),pt=%d,sf=h,sid="%s",sn=%d,st=l,sta=p,ts=%d,v=2'
)


def reports(number: int, events: int) -> bytes:
    """The same as CMCD."""
    at = int(AT * 1000)
    return "\n".join(REPORT % (number % 5000, at, SESSION.decode(), each, at + each) for each in range(events)).encode()


def requests(what: str, events: int) -> list[bytes]:
    """Whole requests, of which each sender changes the session."""
    make, kind = (body, "application/json") if what == "events" else (reports, "application/cmcd")
    found = []
    for number in range(200):
        sent = make(number, events)
        head = (f"POST /in/{KEY}/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(sent)}\r\n\r\n")  # fmt: skip
        found.append(head.encode() + sent)
    return found


def ask(said: Connection, port: int, what: str, events: int, connections: int, seconds: float, run: int) -> None:
    """Send as fast as it goes; tells how many were acknowledged, and how long each took."""
    said.send(asyncio.run(_ask(port, what, events, connections, seconds, run)))


async def _ask(port: int, what: str, events: int, connections: int, seconds: float, run: int) -> list[float]:
    pool, waits = requests(what, events), list[float]()
    count = 0
    until = time.perf_counter() + seconds

    async def sender() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (came := time.perf_counter()) < until:
            count += 1
            writer.write(pool[count % len(pool)].replace(SESSION, b"%03d-%032x" % (run, count)))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 204"), head
            waits.append(time.perf_counter() - came)
        writer.close()

    await asyncio.gather(*(sender() for _ in range(connections)))
    return waits


async def measured(folder: Path, given: argparse.Namespace) -> int:
    """All kinds of load, one after the other; returns how many events were acknowledged."""
    text = f"""ingest: {{listen: '127.0.0.1:0', folder: {folder}, sources: [{{name: bench, keys: [{KEY}]}}]}}
streams: [{{name: show, url: 'rtmp://h/live/show'}}]"""
    keeper = Keeper(Board(), config.parse(text, "agent.yml", {}), lambda _: True)
    port = int(keeper.bind().rsplit(":", 1)[1])
    task = asyncio.create_task(keeper.run())
    acknowledged = 0
    for run, (what, events) in enumerate((w, n) for n in (20, 1) for w in ("events", "cmcd")):
        for seconds in (1.0, given.seconds):  # the first warms up
            ear, mouth = multiprocessing.Pipe(duplex=False)
            asker = multiprocessing.Process(
                target=ask, args=(mouth, port, what, events, given.connections, seconds, run * 2 + (seconds == 1.0))
            )
            asker.start()
            while keeper.pid is None:
                await asyncio.sleep(0.05)
            process = psutil.Process(keeper.pid)
            before, begun = process.cpu_times(), time.perf_counter()
            waits: Any = await asyncio.to_thread(ear.recv)
            after, took = process.cpu_times(), time.perf_counter() - begun
            asker.join()
            acknowledged += len(waits) * events
        used = after.user + after.system - before.user - before.system
        waits.sort()
        count, total = len(waits), len(waits) * events
        print(
            f"{what:6} {events:2} a body: {count / took:,.0f} requests/s, {total / took:,.0f} events/s"
            f" ({count / used:,.0f} requests, {total / used:,.0f} events a core), acknowledged within"
            f" {waits[count // 2] * 1000:.1f} ms (median), {waits[count * 99 // 100] * 1000:.1f} ms (99 %); memory"
            f" {process.memory_info().rss >> 20} MB"
        )
    task.cancel()
    await asyncio.wait({task})
    return acknowledged


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--connections", type=int, default=64)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        middle, slow = sync_latency(Path(home))
        print(f"fdatasync of 4 KB: {middle * 1000:.2f} ms (median), {slow * 1000:.2f} ms (99 %)")
        folder = Path(home) / "facts"
        acknowledged = asyncio.run(measured(folder, given))
        with snapshot(folder) as facts:
            found = facts.logged.num_rows + sum(parquet.read_metadata(path).num_rows for path in facts.files)
        print(f"{acknowledged:,} events were acknowledged, {found:,} are on disk")


if __name__ == "__main__":
    main()
