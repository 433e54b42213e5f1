"""Who watches, as nginx-rtmp's statistics tell: for servers whose callbacks are not wanted.

A client that is listed plays; when it is listed no more it left since, and nobody is told when: its exit lies within
one interval, which every event names. What the statistics say of addresses is not kept.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import aiohttp

from qoe_agent import clock
from qoe_agent.viewers.events import event
from qoe_agent.viewers.facts.writer import Refused
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.callbacks import OURSELVES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qoe_agent.config import Stat
    from qoe_agent.viewers.ingest.playing import Players
    from qoe_agent.viewers.ingest.store import Store
    from qoe_agent.viewers.ingest.whose import Whose

log = logging.getLogger(__name__)

DEADLINE = 5.0
"""Seconds that an answer may take."""
LARGEST = 32 << 20
"""Bytes of an answer: some 100,000 clients."""
SAME_MS = 5000
"""By so much two answers may disagree on when a client came."""
BATCH = 1000


class Malformed(Exception):
    """An answer that is no statistics of nginx-rtmp."""


class Client(NamedTuple):
    """One who plays."""

    id: str
    path: str
    """app/name"""
    joined_ms: int


def clients(body: bytes, now_ms: int) -> list[Client]:
    """Who plays, without publishers and this agent's own pulls."""
    if b"<!DOCTYPE" in body:
        raise Malformed("declares a document type")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Malformed("not XML") from None
    if root.tag != "rtmp":
        raise Malformed("not the statistics of nginx-rtmp")
    return list(_listed(root, now_ms))


def _listed(root: ElementTree.Element, now_ms: int) -> Iterator[Client]:
    for application in root.iterfind("server/application"):
        for stream in application.iterfind("live/stream"):
            path = f"{application.findtext('name', '')}/{stream.findtext('name', '')}"
            for client in stream.iterfind("client"):
                name, passed = client.findtext("id", ""), client.findtext("time", "")
                ours = client.findtext("flashver", "").startswith(OURSELVES)
                if name.isdigit() and passed.isdigit() and client.find("publishing") is None and not ours:
                    yield Client(name, path[:128], now_ms - int(passed))


def changes(found: list[Client], server: str, every: float, playing: Players, now_ms: int) -> list[dict[str, Any]]:
    """What is to be said of them; whoever is listed no more is forgotten."""
    said = []
    interval_ms, there = round(every * 1000), set()
    for each in found:
        who = (server, each.id)
        there.add(who)
        known = playing.get(who)
        session, kind, at_ms = f"{server}-{each.id}-{each.joined_ms}"[-64:], "join", each.joined_ms
        if known and known.path == each.path and abs(_joined(known.session) - each.joined_ms) < SAME_MS:
            session, kind, at_ms = known.session, "heartbeat", now_ms
        else:  # somebody new, perhaps under the id of another, for ids begin anew with the server
            playing.begin(who, session, each.path)
        said.append({"kind": kind, "session": session, "at_ms": at_ms, "stream": each.path, "state": "playing",
                     "interval_ms": interval_ms})  # fmt: skip
        if kind == "join":
            said.append({**said[-1], "kind": "heartbeat", "at_ms": now_ms})
    for who in playing.those(server):
        if who not in there:
            playing.end(who)
    return said


def _joined(session: str) -> int:
    last = session.rpartition("-")[2]
    return int(last) if last.isdigit() else 0


class Polling:
    """Asks one server again and again."""

    def __init__(self, stat: Stat, store: Store, whose: Callable[[], Whose]) -> None:
        self._stat, self._store, self._whose = stat, store, whose
        self._why = ""

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(DEADLINE)) as http:
            due = clock.now()
            while True:
                why = await self._once(http)
                if why and why != self._why:
                    log.warning("%s: who watches is not known: %s", self._stat.name, why)
                self._why = why
                result = "failed" if why else "good"
                self._store.live.sums.count(meter.POLLS, None, (self._stat.name, result))
                due = max(due + self._stat.every, clock.now())
                await asyncio.sleep(due - clock.now())

    async def _once(self, http: aiohttp.ClientSession) -> str:
        """What went wrong, if anything did."""
        try:
            async with http.get(self._stat.url, allow_redirects=False) as answer:
                if answer.status != 200:
                    return f"answered {answer.status}"
                body = await _read(answer)
            now_ms = int(clock.realtime() * 1000)
            found = await asyncio.to_thread(clients, body, now_ms)
            await self._put(found, now_ms)
        except (Malformed, Refused) as error:
            return str(error)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__
        return ""

    async def _put(self, found: list[Client], now_ms: int) -> None:
        ring, name = self._store.ring, self._stat.name
        if ring is None:
            raise Refused("the log is not open")
        said = changes(found, name, self._stat.every, self._store.playing.of(name), now_ms)
        for begin in range(0, len(said), BATCH):
            events = [event(each, name, "stat", now_ms, ring) for each in said[begin : begin + BATCH]]
            await self._store.put(events, self._whose(), name, told=True)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise Malformed(f"larger than {LARGEST} bytes")
    return b"".join(chunks)
