"""What the board and a scrape cost for a large fleet: `python -m tests.bench.bench_board [STREAMS]`.

About 90 series a stream; every put changes its value, so that every family is written anew at each scrape.
"""

from __future__ import annotations

import asyncio
import json
import sys
from statistics import median
from time import perf_counter

import aiohttp

from qoe_agent.about import About
from qoe_agent.board import Board
from qoe_agent.config import Web
from qoe_agent.exporter import Exporter
from qoe_agent.model import Metric, Sample
from qoe_agent.sink import Key
from tests.test_exporter import Standin

GAUGES = [Metric(f"qoe_gauge_{n}_seconds", "gauge", "A gauge.", ("track",)) for n in range(38)]
COUNTERS = [Metric(f"qoe_counter_{n}_total", "counter", "A counter.", ("track",)) for n in range(30)]
HISTOGRAMS = [
    Metric(f"qoe_histogram_{n}_seconds", "histogram", "A histogram.", buckets=(0.2, 0.4, 0.6, 1, 2, 4, 8))
    for n in range(2)
]
METRICS = [*GAUGES, *COUNTERS, *HISTOGRAMS, Metric("qoe_last_packet_timestamp_seconds", "gauge", "When.", kept=True)]
SERIES = len(METRICS) - len(HISTOGRAMS) + 10 * len(HISTOGRAMS) + 1
ROUNDS = 5


def fill(board: Board, keys: list[Key], value: float) -> float:
    """Put a new value into every series; returns the microseconds a put took."""
    labels = ("video",)
    started = perf_counter()
    for key in keys:
        for metric in METRICS:
            board.put(key, Sample(metric, value, labels if metric.labels else ()), value)
    return (perf_counter() - started) / (len(keys) * len(METRICS)) * 1e6


async def lag(worst: list[float]) -> None:
    """Note the longest time that the event loop could not turn."""
    while True:
        started = perf_counter()
        await asyncio.sleep(0.001)
        worst[0] = max(worst[0], perf_counter() - started - 0.001)


async def measure(streams: int) -> dict[str, float]:
    """Puts, scrapes from scratch and scrapes of what did not change, through HTTP with gzip."""
    board = Board(METRICS)
    keys = [Key(f"room-{n:05}") for n in range(streams)]
    for key in keys:
        board.add(key, {"protocol": "rtmp", "group": "games"})
    first = fill(board, keys, 0.5)
    exporter = Exporter(board, Standin(names=()), About(board), Web(listen="127.0.0.1:0"))
    url = await exporter.start()
    puts, writes, scrapes, cached, worst = [], [], [], [], [0.0]
    async with aiohttp.ClientSession(auto_decompress=False) as client:

        async def scrape() -> tuple[float, int]:
            started = perf_counter()
            async with client.get(f"{url}/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
                size = len(await answer.read())
            return perf_counter() - started, size

        watching = asyncio.create_task(lag(worst))
        for n in range(ROUNDS):
            puts.append(fill(board, keys, n + 1.2345678))
            started = perf_counter()
            plain = len(board.render())
            writes.append(perf_counter() - started)
            fill(board, keys, n + 1.7654321)
            await asyncio.sleep(0.01)
            worst[0] = 0.0
            seconds, packed = await scrape()
            scrapes.append((seconds, worst[0]))
            cached.append((await scrape())[0])
        watching.cancel()
    await exporter.stop()
    return {
        "streams": streams,
        "series": streams * SERIES,
        "first_put_us": first,
        "put_us": median(puts),
        "write_ms": median(writes) * 1e3,
        "write_us_a_series": median(writes) / (streams * SERIES) * 1e6,
        "scrape_gzip_ms": median(seconds for seconds, _ in scrapes) * 1e3,
        "scrape_unchanged_ms": median(cached) * 1e3,
        "loop_lag_in_scrape_ms": median(late for _, late in scrapes) * 1e3,
        "bytes": plain,
        "bytes_gzip": packed,
    }


if __name__ == "__main__":
    result = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
    print(json.dumps({name: round(value, 2) for name, value in result.items()}, indent=2))
