"""`qoe-agent demo`: the whole agent on an embedded live stream, faults included; needs nothing but Python."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from qoe_agent import clock
from qoe_agent import config as configuration
from qoe_agent.daemon import Daemon
from qoe_agent.demo.compare import compare, table
from qoe_agent.demo.faults import DEFAULT, DEFAULT_PERIOD
from qoe_agent.demo.origin import Origin
from qoe_agent.report import terminal
from qoe_agent.sink import Key
from qoe_agent.viewers.audience import crowd

if TYPE_CHECKING:
    from rich.console import RenderableType

    from qoe_agent.demo.compare import Row
    from qoe_agent.viewers.shapes import Cost

STREAMS = ("flv", "hls")
"""The demo's streams; the one origin is pulled both ways."""
REFRESH = 0.5
"""Seconds between two looks."""


async def demonstrate(seconds: float | None) -> int:
    """Run the demo for `seconds`, or until interrupted; exit status 1 if a fault that is over was not found."""
    screen, stop = Console(), asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    clock.trust(0.0, 0.0)  # one program at both ends
    origin = Origin()
    origin.schedule(DEFAULT, DEFAULT_PERIOD)
    base = await origin.start()
    daemon = Daemon(_configuration(base), None, {})
    try:
        where = await daemon.start()
        screen.print(f"page {where}/, metrics {where}/metrics; Ctrl-C ends it")
        screen.print(f"origin {base}/live/show.flv and .m3u8")
        await _show(screen, origin, daemon, seconds, stop)
    finally:
        await daemon.stop()
        await origin.stop()
    return 1 if any(row.missed for rows in _rows(origin, daemon).values() for row in rows) else 0


def _configuration(base: str) -> configuration.Config:
    """The demo's configuration, as a user would write it."""
    streams = [
        {"name": "flv", "url": f"{base}/live/show.flv", "join": {"every": "10s"}, "decode": "all"},
        {"name": "hls", "url": f"{base}/live/show.m3u8", "join": {"every": "20s"}, "decode": "all"},
    ]
    settings = {"agent": {"workers": 0}, "web": {"listen": "127.0.0.1:0"}, "streams": streams}
    return configuration.parse(json.dumps(settings), "demo", {})


async def _show(screen: Console, origin: Origin, daemon: Daemon, seconds: float | None, stop: asyncio.Event) -> None:
    """Draw until it is over: live on a terminal, else each fault once it is settled."""
    ends, audience = None if seconds is None else clock.now() + seconds, _Audience(origin)
    with Live(console=screen, auto_refresh=False) if screen.is_terminal else _Quiet() as live:
        while not stop.is_set() and not origin.over and (ends is None or clock.now() < ends):
            await audience.look(_rows(origin, daemon)[STREAMS[0]])
            live.update(_drawn(origin, daemon, audience), refresh=True)
            try:
                await asyncio.wait_for(stop.wait(), REFRESH)
            except TimeoutError:
                continue
    if not screen.is_terminal:
        screen.print(_drawn(origin, daemon, audience))


class _Quiet:
    """A screen that cannot be redrawn: nothing until the end."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *why: object) -> None:
        """Nothing to restore."""

    def update(self, drawn: RenderableType, refresh: bool) -> None:
        """Nothing to see."""


class _Audience:
    """The demo's viewers: simulated, with what each fault of the schedule's first round cost."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._crowd: crowd.Crowd | None = None
        self._found: list[tuple[Row, Cost, int]] = []

    async def look(self, rows: list[Row]) -> None:
        """See what has become clear; `rows` are of a stream."""
        if self._crowd is None:
            if not self._origin.sent:
                return
            self._crowd = await asyncio.to_thread(crowd.crowd, DEFAULT, self._origin.started)
        now = clock.now()
        if len(self._crowd.settled(rows, now)) > len(self._found):
            self._found = await asyncio.to_thread(self._crowd.costs, rows, now)

    def drawn(self) -> list[RenderableType]:
        """A table, once there is something to see."""
        return [crowd.table(self._found, self._crowd.watching(clock.now()))] if self._crowd and self._found else []


def _rows(origin: Origin, daemon: Daemon) -> dict[str, list[Row]]:
    return {
        name: compare(origin.injected, [known.incident for known in daemon.board.incidents(Key(name))], origin.sent)
        for name in STREAMS
    }


def _drawn(origin: Origin, daemon: Daemon, audience: _Audience) -> RenderableType:
    states = dict(daemon.streams())
    parts: list[RenderableType] = []
    for name, rows in _rows(origin, daemon).items():
        told = ", ".join(
            part for part in (states.get(Key(name), ""), terminal.behind(daemon.board.metrics(Key(name)))) if part
        )
        parts += [Text(f"{name}: {told}", "bold"), table(rows, origin.started)]
    return Group(*parts, *audience.drawn())
