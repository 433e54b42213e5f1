"""Who watches, as media servers tell when they are asked: for servers whose callbacks are not wanted, or may be lost.

A client that is listed plays; when it is listed no more it left since, and nobody is told when: its exit lies within
one interval, which every event names. Of a server that calls back as well, callbacks tell who comes and goes, and when;
the list is of those whose callback did not arrive.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from qoe_agent import clock
from qoe_agent.viewers.events import event
from qoe_agent.viewers.facts.writer import Refused
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.callbacks import Malformed
from qoe_agent.viewers.ingest.listing import ALL, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.config import Stat
    from qoe_agent.viewers.ingest.listing import Client, Listed
    from qoe_agent.viewers.ingest.playing import Player, Players
    from qoe_agent.viewers.ingest.store import Store
    from qoe_agent.viewers.ingest.whose import Whose

log = logging.getLogger(__name__)

DEADLINE = 5.0
"""Seconds that an answer may take."""
LARGEST = 32 << 20
"""Bytes of an answer: some 100,000 clients."""
SAME_MS = 5000
"""By so much two answers, or an answer and a callback, may disagree on when a client came."""
NEW_MS = 2000
"""Who called back so shortly before the question may not have been listed yet."""
BATCH = 1000


def changes(
    found: list[Client], server: str, every: float, playing: Players, now_ms: int, asked_ms: int | None = None
) -> list[dict[str, Any]]:
    """What is to be said of them; whoever was there when it was asked (`asked_ms`), and is not listed, is forgotten."""
    said = []
    interval_ms, there = round(every * 1000), set()
    for each in found:
        who = (server, each.id)
        there.add(who)
        known, came_ms = playing.get(who), now_ms if each.joined_ms is None else each.joined_ms
        if known and _same(known, each):
            session, kind, at_ms = known.session, "heartbeat", now_ms
        else:  # somebody new, perhaps under the id of another, for ids begin anew with the server
            session, kind, at_ms = f"{server or 'server'}-{each.id}-{came_ms}"[-64:], "join", came_ms
            playing.begin(who, session, each.path, came_ms)
        state = "ended" if known and kind == "heartbeat" and known.ended else "playing"
        said.append({"kind": kind, "session": session, "at_ms": at_ms, "stream": each.path, "state": state,
                     "interval_ms": interval_ms})  # fmt: skip
        if kind == "join" and at_ms < now_ms:
            said.append({**said[-1], "kind": "heartbeat", "at_ms": now_ms})
    for who in playing.those(server):
        player = playing.get(who)
        if who not in there and player and player.began_ms <= (now_ms if asked_ms is None else asked_ms) - NEW_MS:
            playing.end(who)
    return said


def _same(known: Player, listed: Client) -> bool:
    if known.path != listed.path:
        return False
    told = known.began_ms and listed.joined_ms is not None
    return not told or abs(known.began_ms - (listed.joined_ms or 0)) < SAME_MS


class Polling:
    """Asks one server again and again."""

    def __init__(self, stat: Stat, store: Store, whose: Callable[[], Whose]) -> None:
        self._stat, self._store, self._whose = stat, store, whose
        self._why = ""
        self._server = stat.server if stat.source else stat.name
        """What players of this server are known by."""

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
        asked_ms, kind = int(clock.realtime() * 1000), self._stat.kind
        try:
            url = URL(self._stat.url).extend_query(ALL[kind])
            async with http.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    return f"answered {answer.status}"
                body = await _read(answer)
            now_ms = int(clock.realtime() * 1000)
            await self._put(await asyncio.to_thread(listed, kind, body, now_ms), asked_ms, now_ms)
        except (Malformed, Refused) as error:
            return str(error)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__
        return ""

    async def _put(self, found: Listed, asked_ms: int, now_ms: int) -> None:
        ring, source = self._store.ring, self._stat.source or self._stat.name
        if ring is None:
            raise Refused("the log is not open")
        playing = self._store.playing.of(source)
        if self._stat.source and found.server is not None and found.server != self._server:
            changes([], self._server, self._stat.every, playing, now_ms, asked_ms)  # it was begun anew
            self._server = found.server
        said = changes(found.clients, self._server, self._stat.every, playing, now_ms, asked_ms)
        for begin in range(0, len(said), BATCH):
            events = [event(each, source, "stat", now_ms, ring) for each in said[begin : begin + BATCH]]
            await self._store.put(events, self._whose(), source, told=True)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise Malformed(f"larger than {LARGEST} bytes")
    return b"".join(chunks)
