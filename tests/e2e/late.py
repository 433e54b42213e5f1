"""What a running agent says of latency, second by second, beside when FFmpeg's own client had the same pictures."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, ClassVar

import av

from tests.e2e import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path
    from typing import Any, Self

SLEEPER = """
import time
while True:
    due = time.time() + 0.01
    time.sleep(0.01)
    now = time.time()
    print(now, now - due, flush=True)
"""
AGO = 2.3
"""Seconds that what a look sees may be old: a Tick lies a quarter of a second behind, a look up to a second after."""
_SAMPLE = re.compile(r"^(qoe_\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Second:
    """One look at the agent's numbers."""

    at: float
    """Unix time."""
    values: Mapping[str, float]
    """`qoe_latency_seconds{method="sei",stage="transport"}`: the stream's label is left out."""

    def value(self, name: str, **labels: str) -> float | None:
        """A number, if it is there."""
        inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return self.values.get(f"{name}{{{inner}}}")


def look(port: int) -> Second:
    """What the agent exports now."""
    text = servers.exposition(port)
    found = {}
    for name, labels, value in _SAMPLE.findall(text):
        inner = ",".join(pair for pair in labels.split(",") if not pair.startswith("stream="))
        found[f"{name}{{{inner}}}"] = float(value)
    return Second(time.time(), found)


async def follow(port: int, seconds: int) -> list[Second]:
    """A look each second."""
    found = []
    for _ in range(seconds):
        await asyncio.sleep(1.0)
        found.append(await asyncio.to_thread(look, port))
    return found


class Sleeper:
    """A program that does nothing but sleep: by how much it is woken late, any other is, on the same machine."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def late(self, at: float, ago: float = AGO) -> float:
        """The most seconds by which it was woken late until `at`, since `ago` seconds before."""
        woken = (tuple(map(float, line.split())) for line in self._log.read_text().splitlines(keepends=True)
                 if line.endswith("\n"))  # fmt: skip
        return max((late for when, late in woken if when > at - ago and when - late < at), default=0.0)


@contextlib.asynccontextmanager
async def sleeper(log: Path) -> AsyncIterator[Sleeper]:
    """One that sleeps until the block is left."""
    async with servers.running(sys.executable, "-S", "-c", SLEEPER, log=log):
        await servers.until(log.read_text, "a sleeper")
        yield Sleeper(log)


class Pull(ABC):
    """Another way to the truth: libavformat pulls the same stream in a thread. Use as a context manager."""

    options: ClassVar[Mapping[str, str]] = {"rtmp_live": "live"}

    def __init__(self, url: str) -> None:
        self.seen: list[tuple[float, float]] = []
        """Unix time of arrival, and what `takes` makes of each packet."""
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._run, name="pull")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._stop.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        with av.open(self._url, options=dict(self.options), timeout=servers.ANSWER) as container:
            container.streams.video[0].codec_context.thread_count = 1  # no frames held back
            for packet in container.demux(video=0):
                came = time.time()
                self.seen += [(came, value) for value in self.takes(packet, came)]
                if self._stop.is_set():
                    return

    @abstractmethod
    def takes(self, packet: av.Packet[Any], came: float) -> Iterable[float]:
        """What a packet is worth noting for."""


class Client(Pull):
    """Notes when each picture, by its media time, was there."""

    def takes(self, packet: av.Packet[Any], came: float) -> Iterable[float]:
        """Its media time."""
        if packet.pts is not None and packet.time_base is not None:
            yield float(packet.pts * packet.time_base)

    @property
    def settled(self) -> bool:
        """Whether it has had three seconds to work off what it probed."""
        return bool(self.seen) and time.time() - self.seen[0][0] > 3.0

    def latency(self, captured: Mapping[float, float], since: float, until: float) -> float | None:
        """The median over the pictures that came in this time."""
        late = [at - captured[round(pts, 3)] for at, pts in self.seen if since < at <= until]
        return median(late) if late else None
