"""The page that a camera films, in a real browser: its marks are ours, and they tell the agent's time."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING

import aiohttp
import cv2
import numpy as np
import pytest

from qoe_agent import clock
from qoe_agent.filming import Shown, film
from qoe_agent.maths import stamp, tone
from tests.e2e.browser import browse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from tests.e2e.browser import Page

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

DRAWN = """new Promise((done) => {
  const words = document.getElementById('words'), before = words.textContent;
  const look = () => words.textContent === before ? requestAnimationFrame(look) : done(words.textContent);
  look();
})"""
"""What the page says of itself when it has drawn its next mark."""
SAID = re.compile(r"± ([\d.]+) ms, a mark every ([\d.]+) ms")
TRIES = 20
"""Looks at the browser's clock, of which the quickest counts."""
SYNCHRONOUS = "document.getElementById('words').textContent.includes('±')"
LISTENS = """
  window.heard = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    const { contextTime, performanceTime } = this.context.getOutputTimestamp();
    heard.push({ when: performanceTime + (when - contextTime) * 1000, rate: this.buffer.sampleRate,
                 samples: Array.from(this.buffer.getChannelData(0)) });
    return start.call(this, when);
  };
"""
"""Notes what is played, and when by performance.now()."""


@pytest.fixture
async def page(servers_needed: None) -> AsyncIterator[str]:
    """The page's address."""
    stop, where = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(film("127.0.0.1:0", Shown("centre", None, -20.0), where.set_result, stop))
    yield await where
    stop.set()
    await serving


def read(png: bytes) -> stamp.Mark | None:
    shot = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    height, width = shot.shape
    side = min(width // (stamp.COLUMNS + 4), height // (stamp.ROWS + 4))
    x = round((width - (stamp.COLUMNS + 4) * side) / 2) + 2 * side
    y = round((height - (stamp.ROWS + 4) * side) / 2) + 2 * side
    return stamp.read(np.asarray(shot, np.uint8), stamp.boxed(x, y, side, width, height))


async def doubted(tab: Page) -> float:
    """Seconds by which the next mark may be off, by what the page says of its clock and of how long a mark stays."""
    said = SAID.search(await tab.run(DRAWN))
    assert said
    return 0.1 + sum(map(float, said.groups())) / 1000


async def test_the_filmed_page_shows_the_agents_time(page: str) -> None:
    async with browse(page) as tab:
        await tab.until(SYNCHRONOUS)
        counters = []
        for _ in range(10):
            before = clock.wall(clock.now())
            doubt = await doubted(tab)
            mark = read(await tab.picture())
            after = clock.wall(clock.now())
            assert mark is not None
            assert before - doubt <= mark.ms / 1000 <= after + doubt
            counters.append(mark.counter)
        assert counters == sorted(set(counters))
        assert tab.said == []


async def ahead(tab: Page) -> tuple[float, float]:
    """Seconds that asking for the browser's clock took, and the Unix time at which that clock was zero."""
    before = clock.wall(clock.now())
    at = await tab.run("performance.now()")
    after = clock.wall(clock.now())
    return after - before, (before + after) / 2 - at / 1000


async def test_the_page_plays_the_chirps_of_the_agents_time(page: str) -> None:
    async with browse(page) as tab:
        await tab.until(SYNCHRONOUS)
        await tab.run(LISTENS)
        await tab.run("document.body.click()")
        await tab.until("heard.length >= 12")
        heard = await tab.run("heard.slice(0, 12)")
        took, began = min([await ahead(tab) for _ in range(TRIES)])
        doubt = float(SAID.search(await tab.run(DRAWN))[1]) / 1000
        times, slack = [began + one["when"] / 1000 for one in heard], 0.03 + doubt + took / 2
        least, most = math.ceil((times[0] - slack) / tone.SLOT), math.floor((times[0] + slack) / tone.SLOT)
        assert any(
            all(
                abs(at - slot * tone.SLOT) < slack and plays(one, slot)
                for slot, (at, one) in enumerate(zip(times, heard, strict=True), first)
            )
            for first in range(least, most + 1)
        )


def plays(one: dict[str, Any], slot: int) -> bool:
    """Whether what was played is our chirp of that slot."""
    samples = np.array(one["samples"])
    ours = 0.1 * tone.chirp(int(tone.SEQUENCE[slot % tone.SLOTS]), np.arange(len(samples)) / one["rate"])
    return bool(np.abs(samples - ours).max() < 1e-4)


async def test_the_pages_code_is_ours_bit_for_bit(page: str) -> None:
    cases = [(1760000000123, 4711), (0, 0), (2**42 - 1, 65535), (1795308784618, 65536 + 3)]
    async with browse(page) as tab:
        for ms, counter in cases:
            shown = await tab.run(f"import('{page}marks.js').then((marks) => marks.bits({ms}, {counter}))")
            assert shown == stamp.bits(ms, counter).tolist()
        sequence = await tab.run(f"import('{page}marks.js').then((marks) => marks.SEQUENCE)")
        assert sequence == tone.SEQUENCE.tolist()


async def test_a_foreign_host_name_is_refused_and_nothing_else_is_served(page: str) -> None:
    async with aiohttp.ClientSession() as client:
        async with client.get(page, headers={"Host": "attacker.example"}) as answer:
            assert answer.status == 403
        async with client.get(f"{page}..%2f__init__.py") as answer:
            assert answer.status == 404
        async with client.get(page) as answer:
            assert answer.status == 200
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_any_other_address_than_loopback_gets_a_secret_path() -> None:
    stop, where = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(film("0.0.0.0:0", Shown("centre", None, -20.0), where.set_result, stop))
    url: str = (await where).replace("0.0.0.0", "127.0.0.1")
    async with aiohttp.ClientSession() as client:
        async with client.get(url) as answer:
            assert answer.status == 200
        async with client.get(url.rsplit("/", 2)[0] + "/") as answer:
            assert answer.status == 404
    stop.set()
    await serving
    assert len(url.rsplit("/", 2)[1]) >= 16
