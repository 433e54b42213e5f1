"""What a running agent says of latency, second by second, beside when FFmpeg's own client had the same pictures."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import av

from tests.e2e import servers

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Client:
    """libavformat's client on the same stream: notes when each picture was there. Use as a context manager."""

    def __init__(self, url: str) -> None:
        self.seen: list[tuple[float, float]] = []
        """Unix time and media time."""
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._run, name="client")

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._stop.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        with av.open(self._url, options={"rtmp_live": "live"}, timeout=10.0) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    self.seen.append((time.time(), float(packet.pts * packet.time_base)))
                if self._stop.is_set():
                    return

    @property
    def settled(self) -> bool:
        """Whether it has had three seconds to work off what it probed."""
        return bool(self.seen) and time.time() - self.seen[0][0] > 3.0

    def latency(self, captured: Mapping[float, float], since: float, until: float) -> float | None:
        """The median over the pictures that came in this time."""
        late = [at - captured[round(pts, 3)] for at, pts in self.seen if since < at <= until]
        return median(late) if late else None
