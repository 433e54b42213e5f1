"""`qoe-agent run`: the configuration, the fleet that follows it, and the exporter in front."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent import catalogue, logs
from qoe_agent import config as configuration
from qoe_agent.about import About
from qoe_agent.alerts.desk import Desk
from qoe_agent.board import Board
from qoe_agent.config.layers import stream_of
from qoe_agent.crew import crew
from qoe_agent.discipline import Discipline
from qoe_agent.discovery import Discovery
from qoe_agent.evidence.keeper import shelf, tend
from qoe_agent.exporter import Exporter
from qoe_agent.history import History
from qoe_agent.rollcall import Rollcall
from qoe_agent.shard import Shard
from qoe_agent.thumbnails import Thumbnails
from qoe_agent.viewers import beside
from qoe_agent.viewers.ingest.keeper import FIXED, Keeper
from qoe_agent.viewers.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qoe_agent.config import Config, Profile, Stream
    from qoe_agent.sink import Key
    from qoe_agent.visit import Brought

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks at the configuration file."""
SLOW_STOP = 5.0
"""Seconds after which a shutdown no longer waits for anyone."""
JUDGED = ("thresholds", "probes", "decode", "pictures_every", "open_timeout", "lost_after")
"""What a /probe module (a profile) changes of a configured stream, beside tiles if it has any; how it is pulled stays
its own."""


class Daemon:
    """The agent as a whole. `path` is where the configuration came from, None if from nowhere (the demo).

    `shard`: what `--shard` says. `viewers`: only take viewers' events in, and watch nothing. ConfigError: that makes
    no sense.
    """

    def __init__(
        self, config: Config, path: str | None, environ: Mapping[str, str], shard: str = "", viewers: bool = False
    ) -> None:
        self._watches = not viewers
        self.config, self._path, self._environ = config, path, environ
        external = {"vantage": config.agent.vantage, "region": config.agent.region}
        self.board = Board(catalogue.metrics(), {name: value for name, value in external.items() if value})
        self.shard = Shard(shard, config.agent, self.board, self._follow)
        self.discovery = Discovery(config, self._follow, environ)
        self.alerts = Desk(self.board, config, self.discovery.expected)
        Rollcall(self.board, self.alerts.severity)
        self.history, self.thumbnails = History(self.board), Thumbnails(lambda until: self.fleet.look(until))
        options = dataclasses.replace(config.agent, workers=0) if viewers else config.agent
        self.fleet = crew(self.board, options, self.discovery.expected, self.thumbnails.take)
        self.viewers = self._keeper(config)
        self._beside = () if viewers else beside.writers(self.board, self.history, config, self.shard.number)
        self.discipline = Discipline(config.clock)
        self.evidence = shelf(config.agent.evidence)
        self.about = About(self.board)
        self.exporter = Exporter(self.board, self, self.about, config.web)
        self._read = _stamp(path) if path else None
        self._reloading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._reloads: set[asyncio.Task[list[str]]] = set()

    def _keeper(self, config: Config) -> Keeper | None:
        """Who takes viewers' events in, if this agent is to: agents that share the streams leave it to one of its own.

        ConfigError: this one is it, and there is nothing to do.
        """
        if config.ingest.folder is None:
            if not self._watches:
                raise configuration.ConfigError([f"{self._path}: ingest.folder: required, to take viewers' events in"])
            return None
        if self._watches and not self.shard.alone:
            log.info("viewers' events are for `qoe-agent ingest` to take in, because agents share the streams")
            return None
        others = None if self._watches else Neighbours(Path(config.ingest.folder))
        return Keeper(self.board, config, lambda name: any(each.name == name for each in self.fleet.streams()), others)

    async def start(self) -> str:
        """Begin; returns where the exporter listens. OSError: it cannot."""
        if self.viewers:
            log.info("viewers' events are taken in at %s/in/KEY/", self.viewers.bind())
        where = await self.exporter.start()
        self.about.reloaded(True)
        self._follow()
        self._tasks = [
            asyncio.create_task(self.fleet.run(), name="fleet"),
            asyncio.create_task(self.discovery.run(), name="discovery"),
            asyncio.create_task(self.discipline.run(), name="clock"),
            asyncio.create_task(self.alerts.run(), name="alerts"),
            asyncio.create_task(self.history.run(), name="history"),
            asyncio.create_task(self.thumbnails.run(), name="thumbnails"),
        ]
        if self.viewers:
            self._tasks.append(asyncio.create_task(self.viewers.run(), name="viewers' events"))
        for each in self._beside:
            name = f"{type(each).__name__.lower()} beside viewers' events"
            self._tasks.append(asyncio.create_task(each.run(), name=name))
        if self.evidence:
            self._tasks.append(asyncio.create_task(tend(self.evidence, self.board), name="evidence"))
        if self._path is not None:
            self._tasks.append(asyncio.create_task(self._look(), name="configuration"))
        return where

    async def until(self, stop: asyncio.Event) -> bool:
        """Run until `stop` is set; True: it ended before, by a fault of its own, so that it is to be started anew."""
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done - {stopping}:
            log.critical("the agent's part %r has ended", task.get_name(), exc_info=task.exception())
        return stopping not in done

    async def stop(self) -> None:
        """End all streams, then the exporter."""
        self.shard.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SLOW_STOP)
        await self.exporter.stop()

    def _follow(self) -> None:
        streams = self.discovery.streams()
        own = self.shard.own(streams) if self._watches else []
        if self.viewers:
            self.viewers.follow(streams)
        self.alerts.streams(streams, own)
        self.thumbnails.follow(own)
        if self.evidence:
            self.evidence.private = frozenset(stream.name for stream in streams if stream.evidence == "off")
        self.fleet.apply(own)

    async def reload(self) -> list[str]:
        """Read the configuration again; what is wrong with it, in which case the old one stays."""
        if self._path is None:
            return ["there is no configuration file"]
        async with self._reloading:
            try:
                config = await asyncio.to_thread(configuration.load, self._path, self._environ)
                self.shard.read(config.agent)
            except configuration.ConfigError as error:
                self.about.reloaded(False)
                for line in error.errors:
                    log.error("%s", line)
                return error.errors
            self._note_fixed(config)
            self.config, self.exporter.options = config, config.web
            self.fleet.ring_bytes, self.fleet.decode_cpu = config.agent.ring_bytes, config.agent.decode_cpu
            self.discipline.follow(config.clock)
            self.discovery.reconfigure(config)
            self.alerts.follow(config)
            self.shard.follow(config.agent)
            if self.viewers:
                self.viewers.reconfigure(config.ingest)
            self._follow()
            self.about.reloaded(True)
            log.info("configuration read: %d streams", len(self.fleet.streams()))
            return []

    def reload_soon(self) -> None:
        """Reload, beside whatever is going on."""
        task = asyncio.create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _note_fixed(self, config: Config) -> None:
        """Some settings stay until a restart: say so instead of ignoring them."""
        for section, names in (
            ("web", "listen tls_cert tls_key"),
            ("agent", "vantage region workers decode_threads worker_memory evidence log_level log_format"),
            ("ingest", " ".join(FIXED)),
        ):
            before, now = getattr(self.config, section), getattr(config, section)
            for name in [each for each in names.split() if getattr(before, each) != getattr(now, each)]:
                log.warning("%s.%s has changed and takes effect after a restart", section, name)

    async def _look(self) -> None:
        """Reload when the file has changed."""
        assert self._path is not None
        known = self._read
        while True:
            await asyncio.sleep(LOOK)
            found = await asyncio.to_thread(_stamp, self._path)
            if found != known:
                known = found
                await self.reload()

    # What the exporter asks.

    def ready(self) -> bool:
        """Whether every stream has been tried once."""
        return self.fleet.ready()

    def streams(self) -> Iterator[tuple[Key, str]]:
        """Each stream and its state in a word."""
        return self.fleet.states()

    def exits(self, key: Key) -> Mapping[tuple[str, float], tuple[float, float]]:
        """Of a stream's incidents, by kind and start: how many viewers left, and how many would have as usual."""
        costs = self.viewers.exodus.costs(key.stream) if self.viewers and not key.rendition else ()
        return {(one.kind, one.start): (one.excess.exits, one.excess.expected) for one in costs}

    def zone(self) -> str:
        """The time zone in which people are told."""
        return self.config.alerts.timezone

    def share(self) -> str:
        """Which part of the streams this agent has, for people; empty if all."""
        return self.shard.line()

    def stream(self, name: str, module: str) -> Stream | None:
        """The stream of that name, judged by the profile `module` if one is given."""
        profile = self._profile(module) if module else None
        for stream in self.discovery.streams():
            if stream.name == name:
                changes = {field: getattr(profile, field) for field in JUDGED} if profile else {}
                if profile and profile.tiles:
                    changes["tiles"] = profile.tiles
                return dataclasses.replace(stream, **changes).single()
        return None

    def stranger(self, url: str, module: str) -> Stream:
        """A stream made of an address that the allow-list admits."""
        name = module or "default"
        return stream_of(configuration.Stream(name="probe", url=url, profile=name), {}, self._profile(name))

    def _profile(self, name: str) -> Profile:
        try:
            return self.config.profiles[name]
        except KeyError:
            raise LookupError("no such module; modules are the profiles of the configuration") from None

    async def visit(self, stream: Stream, seconds: float, lines: list[str]) -> Brought:
        """A fresh pull, told line by line."""
        return await self.fleet.visit(stream, max(0.1, seconds - 0.5), lines.append)

    def publish(self, body: bytes, content_type: str) -> None:
        """A server says that a publisher came or went."""
        self.discovery.callback(body, content_type)


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What changes when the file does, or what a link on the way to it points at; None while it cannot be read."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None


async def serve(path: str, environ: Mapping[str, str], shard: str = "", viewers: bool = False) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the exit status. `viewers`: see Daemon."""
    logs.configure()
    try:
        config = configuration.load(path, environ)
        logs.configure(config.agent.log_format, config.agent.log_level)
        daemon = Daemon(config, path, environ, shard, viewers)
    except configuration.ConfigError as error:
        for line in error.errors:
            log.error("%s", line)
        return 2
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
    try:
        where = await daemon.start()
    except OSError as error:
        log.error("cannot listen on %s: %s", error.filename or config.web.listen, error.strerror or error)
        await daemon.stop()
        return 2
    log.info("watching %d streams, page at %s/, metrics at %s/metrics", len(daemon.fleet.streams()), where, where)
    fault = await daemon.until(stop)
    await daemon.stop()
    return 1 if fault else 0
