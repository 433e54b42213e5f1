"""`qoe-agent watch`: one stream, a live table, a verdict."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.live import Live

from qoe_agent import config as configuration
from qoe_agent import logs
from qoe_agent.config.reading import one
from qoe_agent.decode import Pool
from qoe_agent.discipline import Discipline
from qoe_agent.report import terminal, watch
from qoe_agent.sources.replay import Recorder
from qoe_agent.visit import visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from qoe_agent.config import Config, Stream
    from qoe_agent.model import Observation
    from qoe_agent.visit import Visit

REFRESH = 0.25
"""Seconds between two drawings of the live table."""


class NotUsable(Exception):
    """What the user asked for cannot be done; says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    url: str
    seconds: float | None
    decode: Literal["keyframes", "adaptive", "all"] | None
    profile: str
    source: str
    variant: str
    config: Path | None
    record: Path | None
    quiet: bool
    loopback: str = ""
    """Where to push a stamped programme to, which then is what `url` shows."""
    programme: str = "test"
    """What is stamped and pushed: whatever PyAV opens."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of it."""

    document: dict[str, Any]
    junit: bytes
    status: int


async def watch_once(wanted: Wanted) -> Watched:
    """Watch the stream, draw the table on standard error, judge."""
    known = _configuration(wanted)
    stream = _stream(wanted, known)
    screen = Console(stderr=True)
    table = screen.is_terminal and not wanted.quiet
    logs.configure(level="critical" if table else "warning")
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    pool = Pool()
    keeping = None if wanted.loopback else asyncio.create_task(Discipline(known.clock).run())
    try:
        async with contextlib.AsyncExitStack() as stack:
            if wanted.loopback:
                await stack.enter_async_context(_looping(wanted, stream, stop))
            taps: list[Callable[[Observation], None]] = []
            if wanted.record:
                taps.append(stack.enter_context(_recording(wanted.record, stop)))
            show = stack.enter_context(Live(console=screen, auto_refresh=False)) if table else None
            seen = await _visit(stream, pool, wanted.seconds, taps, show, stop)
    finally:
        if keeping:
            keeping.cancel()
        pool.close()
    verdict = watch.decide(seen)
    screen.print(terminal.conclusion(verdict))
    return Watched(watch.document(seen), watch.junit(seen), verdict.status)


@contextlib.asynccontextmanager
async def _looping(wanted: Wanted, stream: Stream, stop: asyncio.Event) -> AsyncIterator[None]:
    from qoe_agent.loopback import pushing

    try:
        async with pushing(wanted.loopback, wanted.programme, stream.target(), stop):
            yield
    except ValueError as error:
        raise NotUsable(str(error)) from None


@contextlib.contextmanager
def _recording(path: Path, stop: asyncio.Event) -> Iterator[Callable[[Observation], None]]:
    """A function that records what it is given; sets `stop` where that can no longer be written. NotUsable: why."""
    faults: list[OSError] = []

    def write(seen: Observation) -> None:
        if not faults:
            try:
                recorder.write(seen)
            except OSError as error:
                faults.append(error)
                stop.set()

    try:
        with Recorder(path) as recorder:
            yield write
    except OSError as error:
        faults.append(error)
    if faults:
        raise NotUsable(f"{path}: {faults[0].strerror}")


async def _visit(
    stream: Stream,
    pool: Pool,
    seconds: float | None,
    taps: list[Callable[[Observation], None]],
    show: Live | None,
    stop: asyncio.Event,
) -> Visit:
    begun: asyncio.Future[Visit] = asyncio.get_running_loop().create_future()
    drawing = asyncio.create_task(_draw(show, begun)) if show else None
    seen = await visit(stream, pool, seconds, taps=taps, started=begun.set_result, stop=stop)
    if show and drawing:
        drawing.cancel()
        show.update(terminal.live(seen), refresh=True)
    return seen


async def _draw(show: Live, begun: asyncio.Future[Visit]) -> None:
    seen = await begun
    while True:
        show.update(terminal.live(seen), refresh=True)
        await asyncio.sleep(REFRESH)


def _configuration(wanted: Wanted) -> Config:
    try:
        return configuration.load(str(wanted.config), os.environ) if wanted.config else configuration.parse("", "", {})
    except configuration.ConfigError as error:
        raise NotUsable(str(error)) from None


def _stream(wanted: Wanted, known: Config) -> Stream:
    """The stream to watch: one of the configuration's by name, or the URL with the options given."""
    decode = wanted.decode or ("all" if wanted.loopback else None)
    said = {"name": "watch", "url": wanted.url, "decode": decode, "profile": wanted.profile}
    said |= {"source": wanted.source, "variant": wanted.variant}
    said = {option: value for option, value in said.items() if value}
    for stream in known.streams:
        if stream.name == wanted.url:
            return replace(stream, decode=wanted.decode or stream.decode).single()
    try:
        return one(said, known.profiles, "watch").single()
    except configuration.ConfigError as error:
        raise NotUsable(str(error).replace("watch: [0].", "")) from None
