"""Viewers who come, stall, write to each other and go, second by second: plain events to a real agent."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "web-0123456789abcdef"
"""The key of the source that they write to."""
EVERY = 0.5


@contextlib.asynccontextmanager
async def audience(port: int, stream: str) -> AsyncIterator[None]:
    """They come and go until the context ends; one never ends what he says."""
    going = asyncio.create_task(_go(f"http://127.0.0.1:{port}/in/{KEY}", stream))
    _, slow = await asyncio.open_connection("127.0.0.1", port)
    slow.write(f"POST /in/{KEY}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 9\r\n\r\n".encode())
    yield
    slow.close()
    with contextlib.suppress(OSError):
        await slow.wait_closed()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


async def _go(base: str, stream: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http:
        for number in count():
            body = _events(number, stream, clock.wall(clock.now()))
            for url, sent in ((f"{base}/events", body), (f"{base}/events", body), (f"{base}/nowhere", [])):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):  # its process may be away just now
                    await (await http.post(url, json=sent)).read()
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await (await http.post(f"{base}/events", data=b"no JSON")).read()
            await asyncio.sleep(EVERY)


def _events(number: int, stream: str, now: float) -> list[dict[str, Any]]:
    """Of this moment: four sessions that live for some seconds each, and one of a stream that nobody knows."""
    found = []
    for age, (kind, more) in enumerate((
        ("join", {"startup_seconds": 0.4}),
        ("heartbeat", {"state": "playing", "interval_seconds": 5.0}),
        ("stall", {"state": "stalled"}),
        ("heartbeat", {"state": "playing"}),
        ("message_sent", {"message": f"m{number - 4}"}),
        ("message_shown", {"message": f"m{number - 5}"}),
        ("stall", {"state": "stalled"}),
        ("leave", {"cause": "quit"}),
    )):  # fmt: skip
        if number >= age:
            found.append({"kind": kind, "session": f"s{number - age}", "stream": stream, "at": now, **more})
    for late in range(4):
        found.append({"kind": "join", "session": f"t{number}-{late}", "stream": stream, "at": now})
    found.append({"kind": "heartbeat", "session": "elsewhere", "stream": "not-ours", "at": now})
    return found
