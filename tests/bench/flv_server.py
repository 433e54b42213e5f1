"""Live HTTP-FLV out of files, for benchmarks: `python -m tests.bench.flv_server PORT FILE…` serves /0.flv, /1.flv, ….

Each file is played in real time over and over, its times going on; whoever comes gets the header, the sequence headers
and everything from the next key frame on. Tags are sent as they fall due, 25 times a second.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from aiohttp import web

STEP = 0.04
SCRIPT = 18


class Tag(NamedTuple):
    """A tag of the file, without its time."""

    at: int
    """Milliseconds."""
    kind: int
    body: bytes

    def written(self, shift: int) -> bytes:
        """As it goes over the wire, `shift` milliseconds later than in the file."""
        at = self.at + shift
        stamp = (at & 0xFFFFFF).to_bytes(3, "big") + bytes([at >> 24 & 0xFF])
        head = bytes([self.kind]) + len(self.body).to_bytes(3, "big") + stamp + bytes(3)
        return head + self.body + (11 + len(self.body)).to_bytes(4, "big")

    @property
    def heads(self) -> bool:
        """A sequence header (AVC or AAC)."""
        return self.kind != SCRIPT and self.body[1] == 0

    @property
    def key(self) -> bool:
        """A key frame of video."""
        return self.kind == 9 and self.body[0] >> 4 == 1 and not self.heads


class Show:
    """A file that is played."""

    def __init__(self, path: Path) -> None:
        data, place, self._tags = path.read_bytes(), 13, list[Tag]()
        while place + 11 <= len(data):
            size = int.from_bytes(data[place + 1 : place + 4], "big")
            at = int.from_bytes(data[place + 4 : place + 7], "big") | data[place + 7] << 24
            self._tags.append(Tag(at, data[place], data[place + 11 : place + 11 + size]))
            place += 15 + size
        self._heads = [tag for tag in self._tags if tag.heads]
        self._tags = [tag for tag in self._tags if not tag.heads and tag.kind != SCRIPT]
        self._length = round(max(tag.at for tag in self._tags if tag.kind == 9) + 1000 / 30)
        self._waiting: list[web.StreamResponse] = []
        self._viewers: list[web.StreamResponse] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A viewer."""
        response = web.StreamResponse(headers={"Content-Type": "video/x-flv"})
        await response.prepare(request)
        await response.write(b"FLV\1\5\0\0\0\x09\0\0\0\0" + b"".join(tag.written(0) for tag in self._heads))
        self._waiting.append(response)
        while True:
            await asyncio.sleep(3600)

    async def play(self, began: float) -> None:
        """Until cancelled."""
        turn = 0
        while True:
            place, shift = 0, turn * self._length
            while place < len(self._tags):
                due = (monotonic() - began) * 1000 - shift
                while place < len(self._tags) and self._tags[place].at <= due:
                    tag = self._tags[place]
                    if tag.key and self._waiting:
                        self._viewers += self._waiting
                        self._waiting = []
                    await self._send(tag.written(shift))
                    place += 1
                await asyncio.sleep(STEP)
            turn += 1

    async def _send(self, data: bytes) -> None:
        for viewer in self._viewers[:]:
            try:
                await viewer.write(data)
            except ConnectionError:
                self._viewers.remove(viewer)


async def main() -> None:
    """Serve until killed."""
    shows = [Show(Path(path)) for path in sys.argv[2:]]
    application = web.Application()
    for number, show in enumerate(shows):
        application.router.add_get(f"/{number}.flv", show.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    began = monotonic()
    await asyncio.gather(*(show.play(began + 0.1 * number) for number, show in enumerate(shows)))


if __name__ == "__main__":
    asyncio.run(main())
