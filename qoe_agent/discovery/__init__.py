"""Which streams there are just now: those of the configuration, of files, of HTTP servers and of publishers.

Nothing here raises for what others wrote: a bad list leaves the last good one in force, and is said once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from qoe_agent.config.reading import confusable
from qoe_agent.discovery.files import Files
from qoe_agent.discovery.http import Server
from qoe_agent.discovery.publish import Publish, Publishers, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qoe_agent.config import Config, Stream

__all__ = ["Discovery", "Publish"]

POLL = 2.0
"""Seconds between two looks at the files."""

log = logging.getLogger(__name__)


class Discovery:
    """Merges the streams of all origins, and says when they have changed."""

    def __init__(self, config: Config, on_change: Callable[[], None], environ: Mapping[str, str]) -> None:
        self._config = config
        self._on_change = on_change
        self._environ = environ
        self._publishers = Publishers()
        self._published: frozenset[str] = frozenset()
        self._files = Files(config, environ)
        self._servers = [Server(entry, config.profiles) for entry in config.discovery.http_sd]
        self._reconfigured = asyncio.Event()
        self._streams: tuple[Stream, ...] = ()
        self._errors: tuple[str, ...] = ()
        self._files.look()
        self._merge()

    def streams(self) -> tuple[Stream, ...]:
        """Every stream that should be watched now; names are unique."""
        return self._streams

    def errors(self) -> tuple[str, ...]:
        """What is wrong with the lists now, one line each, without secrets."""
        return self._errors

    def expected(self, stream: Stream, at: float) -> bool:
        """Whether `stream` should be there at `at` (Unix seconds)."""
        if stream.expected == "on_publish":
            return stream.name in self._published
        return stream.expected_at(at)

    def callback(self, body: bytes, content_type: str) -> Publish | None:
        """Take what a media server posted; None if it speaks of no publisher. ValueError: it is garbage."""
        said = parse(body, content_type)
        if said is not None:
            self.publish(said)
        return said

    def publish(self, said: Publish) -> None:
        """A publisher came or went."""
        if self._publishers.take(said, self._config.discovery.callbacks):
            self._merge()
            self._on_change()

    def reconfigure(self, config: Config) -> None:
        """Go on with `config`: publishers and the last good lists stay. The caller asks for `streams()` himself."""
        known = {server.settings.url: server.streams for server in self._servers}
        self._config = config
        self._files = Files(config, self._environ, self._files)
        self._servers = [Server(entry, config.profiles, known.get(entry.url, ())) for entry in config.discovery.http_sd]
        self._files.look()
        self._merge()
        self._reconfigured.set()

    async def run(self) -> None:
        """Follow files and servers until cancelled."""
        while True:
            self._reconfigured.clear()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow_files())]
                tasks += [group.create_task(self._follow(server)) for server in self._servers]
                await self._reconfigured.wait()
                for task in tasks:
                    task.cancel()

    async def _follow_files(self) -> None:
        files = self._files
        while self._config.discovery.file_sd:
            await asyncio.sleep(POLL)
            if await asyncio.to_thread(files.look):
                self._changed()

    async def _follow(self, server: Server) -> None:
        while True:
            if await server.ask():
                self._changed()
            await asyncio.sleep(server.settings.every)

    def _changed(self) -> None:
        before = self._streams
        self._merge()
        if self._streams != before:
            self._on_change()

    def _merge(self) -> None:
        """Put all origins together; the earlier one wins where two use the same name."""
        errors = self._files.errors() + [line for server in self._servers for line in server.errors]
        found: dict[str, Stream] = {}
        for origin, stream in self._all(errors):
            if stream.name in found:
                errors.append(f"{origin}: stream {stream.name!r} is configured elsewhere too; this one is left out")
            else:
                found[stream.name] = stream
        whole = [stream.name for stream in found.values() if stream.variant == "all"]
        like = confusable(found, whole)
        errors += [f"stream {name!r} could be taken for a rendition of {other!r}" for name, other in like]
        limit = self._config.agent.max_streams
        if len(found) > limit:
            errors.append(f"{len(found) - limit} streams left out: agent.max_streams is {limit}")
        for line in errors:
            if line not in self._errors:
                log.warning("%s", line)
        self._errors = tuple(dict.fromkeys(errors))
        self._streams = tuple(found.values())[:limit]

    def _all(self, errors: list[str]) -> Iterator[tuple[str, Stream]]:
        """Every stream with the name of its origin, for people."""
        for stream in self._config.streams:
            yield "configuration", stream
        yield from self._files.streams()
        for server in self._servers:
            for stream in server.streams:
                yield server.name, stream
        published, wrong = self._publishers.streams(self._config.discovery.callbacks, self._config.profiles)
        errors += wrong
        self._published = frozenset(stream.name for stream in published)
        waiting = {stream.name for stream in self._config.streams if stream.expected == "on_publish"}
        for stream in published:
            if stream.name not in waiting:
                yield "publish callback", stream
