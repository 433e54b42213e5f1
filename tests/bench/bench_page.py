"""What the page costs with many streams: `python -m tests.bench.bench_page [--streams 200] [--seconds 30]`.

The real web application with a fleet that is played to it (`page_server`), in a process of its own. First the first
view of `/`: by plain HTTP, and in headless Chromium from the start of the navigation to its load event and its largest
paint, a fresh browser (nothing cached) each time. Then the process's CPU time while nobody looks, with one page open
and with five (windows of a real browser, thumbnails and all); the difference is what the updates cost. The goals: the
first view within a second, updates below 5 % of a core.

`--history` measures the memory of an hour's history instead.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import tracemalloc
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import psutil

from tests.bench.page_server import HOUR, Played
from tests.e2e import browser, servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROUNDS, OPEN = 5, [0, 1, 5]
"""First views; pages that are open."""
SETTLE, PATIENCE = 8.0, 60.0
"""Seconds before counting, and until the server must answer."""
PAINTED = """new Promise(done => {
  const load = performance.getEntriesByType('navigation')[0];
  new PerformanceObserver(list => done({
    first: load.responseEnd, load: load.loadEventEnd, paint: list.getEntries().at(-1).startTime,
    tiles: document.querySelectorAll('.tile').length,
    pictures: [...document.images].filter(each => each.naturalWidth).length,
  })).observe({type: 'largest-contentful-paint', buffered: true});
})"""


class Server(NamedTuple):
    """The process that serves."""

    url: str
    process: psutil.Process
    told: list[dict[str, float]]
    """What it printed lately."""

    def cpu(self) -> float:
        """CPU-seconds so far."""
        times = self.process.cpu_times()
        return times.user + times.system


@contextlib.asynccontextmanager
async def serving(streams: int, folder: str) -> AsyncIterator[Server]:
    """Begin it, and wait until it answers."""
    port = servers.free_port()
    command = ["-m", "tests.bench.page_server", str(port), str(streams), folder]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    made = Server(f"http://127.0.0.1:{port}", psutil.Process(process.pid), [])
    reading = asyncio.create_task(_read(process, made.told))
    try:
        async with asyncio.timeout(PATIENCE):
            while not made.told:
                assert process.returncode is None, "the server has ended"
                await asyncio.sleep(0.1)
        yield made
    finally:
        reading.cancel()
        process.kill()
        await process.wait()


async def _read(process: asyncio.subprocess.Process, told: list[dict[str, float]]) -> None:
    assert process.stdout
    while line := await process.stdout.readline():
        told.append(json.loads(line))


async def by_http(url: str) -> dict[str, float]:
    """The page and nothing else: seconds until it is whole, and its size."""
    took, headers = [], {"Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        for _ in range(2 * ROUNDS):
            began = perf_counter()
            async with client.get(url, headers=headers) as answer:
                size = len(await answer.read())
                assert answer.status == 200
            took.append(perf_counter() - began)
            await asyncio.sleep(1.2)  # so that it is rendered anew
    return {"ms": median(took) * 1e3, "worst_ms": max(took) * 1e3, "bytes": size}


async def first_view(url: str) -> dict[str, Any]:
    """In a browser that has never been there."""
    async with browser.browse(f"{url}/-/healthy") as page:
        await page.ask("Page.navigate", url=url)
        await page.until("location.pathname == '/' && document.readyState == 'complete'")
        await page.until("[...document.images].some(each => each.naturalWidth) || !document.images.length")
        seen: dict[str, Any] = await page.run(PAINTED)
        return seen


async def following(server: Server, pages: int, seconds: float) -> dict[str, float]:
    """Cores that the server takes while so many pages are open."""
    async with contextlib.AsyncExitStack() as stack:
        if pages:
            first = await stack.enter_async_context(browser.browse(server.url))
            for _ in range(pages - 1):  # windows: what nobody sees is not followed
                await first.ask("Target.createTarget", url=server.url, newWindow=True)
        await asyncio.sleep(SETTLE)
        server.told.clear()
        cpu, began = server.cpu(), perf_counter()
        await asyncio.sleep(seconds)
        used, took = server.cpu() - cpu, perf_counter() - began
        readers = {each["readers"] for each in server.told}
        assert readers == {pages}, f"{readers} pages are followed, not {pages}"
    return {"cores": used / took, "lag_ms": max(each["lag"] for each in server.told) * 1e3}


def history(streams: int) -> dict[str, float]:
    """Memory of an hour, and what taking it costs."""
    with tempfile.TemporaryDirectory() as folder:
        played = Played(streams, folder)
        played.tell(0.0, 1.0)
        took = []
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(3):
            played.history.take(10.0 * number)
        memory = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        for number in range(HOUR):
            began = perf_counter()
            played.history.take(1000.0 + 10.0 * number)
            took.append(perf_counter() - began)
        measures = sum(bool(played.history.of(played.keys[0], each)) for each in played.history.measures())
        return {"streams": streams, "measures": measures, "MB": memory / 1e6, "take_ms": median(took) * 1e3}


async def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pages", type=int, nargs="+", default=OPEN, help="how many are open")
    parser.add_argument("--history", action="store_true")
    said = parser.parse_args()
    if said.history:
        for streams in (200, 1000):
            print(_rounded(history(streams)))
        return
    with tempfile.TemporaryDirectory() as folder:
        async with serving(said.streams, folder) as server:
            print("load of the machine before:", psutil.getloadavg())
            print("by HTTP:", _rounded(await by_http(server.url)))
            views = [await first_view(server.url) for _ in range(ROUNDS)]
            for each in views:
                print("first view in Chromium, ms:", _rounded(each))
            print("largest paint, median ms:", round(median(each["paint"] for each in views)))
            alone = 0.0
            for pages in said.pages:
                found = await following(server, pages, said.seconds)
                alone = alone if pages else found["cores"]
                print(
                    f"{pages} pages open: {_rounded(found)}, updates {100 * (found['cores'] - alone):.1f} % of a core"
                )


def _rounded(found: dict[str, Any]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in found.items()}


if __name__ == "__main__":
    asyncio.run(main())
