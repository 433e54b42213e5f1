"""The web application in front of a fleet that is played: `python -m tests.bench.page_server PORT STREAMS FOLDER`.

Every stream has an hour of history, a thumbnail (another one every 5 s while somebody looks, as workers make them) and
values that change each second as measured ones do; a tenth have something wrong, and every two seconds something begins
or ends. Sixty cases of evidence lie in FOLDER. Once a second it prints, as JSON, how late its event loop was at worst
and how many pages are followed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
from dataclasses import replace
from math import sin
from time import monotonic
from typing import TYPE_CHECKING

import cv2
import numpy as np

from qoe_agent import catalogue, clock
from qoe_agent.about import About
from qoe_agent.board import Board
from qoe_agent.config import Stream, Web
from qoe_agent.evidence.mark import mark, name
from qoe_agent.evidence.shelf import Shelf
from qoe_agent.exporter import Exporter
from qoe_agent.history import STEP, History
from qoe_agent.model import Incident, Sample
from qoe_agent.rollcall import Rollcall
from qoe_agent.sink import Key
from qoe_agent.thumbnails import Thumbnails
from qoe_agent.web.live import Live
from tests.test_exporter import Standin

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, NEWS, PICTURES = 360, 2, 5
"""Values of history; seconds between changes of state; seconds between two pictures of a stream."""
KINDS = ("stall", "black", "silence", "content_freeze", "av_offset")
CASES = 60


class Played:
    """The fleet as workers would tell of it."""

    def __init__(self, streams: int, folder: str) -> None:
        self.random = random.Random(7)
        self.board = Board(catalogue.metrics())
        Rollcall(self.board)
        self.metrics = {metric.name: metric for metric in self.board.declared()}
        self.keys = [Key(f"room-{number:04}") for number in range(streams)]
        self.history, self.until = History(self.board), float("-inf")
        self.thumbnails = Thumbnails(self.look)
        self.thumbnails.follow(Stream(name=key.stream, url="rtmp://h/live/x") for key in self.keys)
        self.pictures = [picture(number) for number in range(40)]
        self.shelf = Shelf(folder, 1 << 30, 1e9)
        for key in self.keys:
            self.board.add(key, {"group": f"group-{int(key.stream[-4:]) % 8}"})
        self.open: list[tuple[Key, Incident]] = []

    def look(self, until: float) -> None:
        self.until = until

    def values(self, number: int, now: float, seconds: float) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        """What a worker tells of a stream for so many seconds."""
        wave, noise = sin(now / 300 + number), self.random.random()
        yield "qoe_up", 1.0, ()
        yield "qoe_last_packet_timestamp_seconds", now, ()
        yield "qoe_video_width_pixels", 1280.0, ()
        yield "qoe_video_height_pixels", 720.0, ()
        yield "qoe_frame_rate", 30.0 if noise < 0.95 else 29.4, ("measured",)
        yield "qoe_received_bytes_total", seconds * (3e5 + 1e5 * wave + 2e4 * noise), ("video",)
        yield "qoe_received_bytes_total", seconds * 16e3, ("audio",)
        yield "qoe_packets_total", seconds * 30.0, ("video",)
        yield "qoe_latency_seconds", 1.4 + 0.3 * wave + 0.05 * noise, ("stamp", "transport")
        yield "qoe_latency_seconds", 2.4 + 0.3 * wave + 0.05 * noise, ("stamp", "playout")
        yield "qoe_av_offset_seconds", 0.02 * wave + 0.004 * noise, ("events",)
        yield "qoe_mos", 4.1 + 0.2 * wave, ("60s",)
        yield "qoe_loudness_lufs", -20.0 + 3.0 * wave + noise, ("short",)
        yield "qoe_buffer_seconds", 3.0 + noise, ()
        yield "qoe_watched_seconds_total", seconds, ()
        yield "qoe_stall_seconds_total", 0.4 * seconds if noise > 0.99 else 0.0, ()

    def tell(self, now: float, seconds: float) -> None:
        for number, key in enumerate(self.keys):
            for metric, value, labels in self.values(number, now, seconds):
                self.board.put(key, Sample(self.metrics[metric], value, labels), now)

    def past(self, now: float) -> None:
        """An hour, with incidents, and evidence of some."""
        for number in range(HOUR):
            at = now - STEP * (HOUR - number)
            self.tell(at, STEP)
            self.history.take(at)
        for number in range(len(self.keys)):
            start = now - self.random.uniform(60, 3600)
            kind = KINDS[number % len(KINDS)]
            self.board.put(self.keys[number], Incident(kind, start, start + 8.0, "warning"), now)
            if number < CASES:
                self.case(self.keys[number], kind, start)
        for key in self.keys[:: max(1, len(self.keys) // 20)]:
            self.begin(key, now)

    def case(self, key: Key, kind: str, start: float) -> None:
        marked, wall = mark(key.stream, "", kind, "", start), clock.wall(start)
        told = {"stream": key.stream, "incidents": [{"kind": kind, "mark": marked, "start": wall}]}
        files = {"case.json": json.dumps(told).encode(), "at.jpg": self.pictures[0]}
        self.shelf.put(name(key.stream, kind, marked, wall), files, wall)

    def begin(self, key: Key, now: float) -> None:
        incident = Incident(self.random.choice(KINDS), now, None, self.random.choice(("warning", "critical")))
        self.open.append((key, incident))
        self.board.put(key, incident, now)

    async def play(self) -> None:
        """A second at a time."""
        second = 0
        while True:
            await asyncio.sleep(1.0)
            now, second = clock.now(), second + 1
            self.tell(now, 1.0)
            if second % (2 * NEWS) == 0:
                key, incident = self.open.pop(0)
                self.board.put(key, replace(incident, end=now), now)
            elif second % NEWS == 0:
                self.begin(self.random.choice(self.keys), now)
            if now < self.until:
                for number in range(second % PICTURES, len(self.keys), PICTURES):
                    self.thumbnails.take(self.keys[number], now, self.pictures[(number + second) % len(self.pictures)])


def picture(number: int) -> bytes:
    """A JPEG of 240 x 135 with about as much in it as a live picture has."""
    coarse = np.random.default_rng(number).integers(0, 255, (20, 36, 3), np.uint8)
    made, data = cv2.imencode(".jpg", cv2.resize(coarse, (240, 135), interpolation=cv2.INTER_CUBIC), [1, 70])
    assert made
    return data.tobytes()


async def main(port: int, streams: int, folder: str) -> None:
    """Serve until killed."""
    played = Played(streams, folder)
    played.past(clock.now())
    agent = Standin(names=tuple((key, "up") for key in played.keys), evidence=played.shelf)
    agent.history, agent.thumbnails = played.history, played.thumbnails
    exporter = Exporter(played.board, agent, About(played.board), Web(listen=f"127.0.0.1:{port}"))
    await exporter.start()
    live = next(each for each in gc.get_objects() if isinstance(each, Live))
    tasks = [asyncio.create_task(each) for each in (played.play(), played.history.run(), played.thumbnails.run())]
    while not any(task.done() for task in tasks):
        worst, ends = 0.0, monotonic() + 1.0
        while monotonic() < ends:
            began = monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, monotonic() - began - 0.01)
        print(json.dumps({"lag": worst, "readers": live._readers}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
