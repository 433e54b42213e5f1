"""Lets an audience report to a collector over HTTP, as its players would: events of one session in each request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from pydantic_core import to_json

from qoe_agent import clock
from qoe_agent.viewers.audience import tell
from qoe_agent.viewers.audience.reports import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.audience.fates import Fates

DEADLINE = aiohttp.ClientTimeout(total=10)
TRIES = 8
"""Of a request that is put off (429, 503) or breaks down."""
PATIENCE = 5.0
"""Seconds that a report of a session waits for others at most, by the sessions' clock."""


@dataclass(slots=True)
class Sent:
    """What came of it."""

    requests: int = 0
    events: int = 0
    again: int = 0
    """Requests that had to be repeated."""
    refused: dict[int, int] = field(default_factory=dict)
    """Requests by status that were given up."""


async def drive(
    fates: Fates, url: str, speed: float = 0.0, together: int = 20, hands: int = 8, patience: float = PATIENCE,
    mixed: bool = False,
) -> Sent:  # fmt: skip
    """Post all reports to `url`, which ends in `/events` or `/cmcd`, at most `together` at once, by `hands` at a time.

    Reports of a session (`mixed`: of all, as a relay sends them) wait for others at most `patience` seconds. `speed` 1:
    as fast as it happens, from now on; 60: an hour in a minute; 0: as fast as the collector takes it.
    """
    plain = not url.rstrip("/").endswith("cmcd")
    kind = "application/json" if plain else "application/cmcd"
    held = patience * max(speed, 1.0) if speed else float("inf")
    told, sent, began = reports(fates), Sent(), clock.now()
    queue: asyncio.Queue[tuple[bytes, int] | None] = asyncio.Queue(maxsize=4 * hands)
    async with (
        aiohttp.ClientSession(timeout=DEADLINE, headers={"Content-Type": kind}) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(hands):
            group.create_task(_hand(session, url, queue, sent))
        for arrival, body, count in _bodies(tell.plain(told) if plain else tell.cmcd(told), together, held, mixed):
            if speed and (wait := (arrival - fates.plan.begins) / speed - (clock.now() - began)) > 0:
                await asyncio.sleep(wait)
            await queue.put((body, count))
        for _ in range(hands):
            await queue.put(None)
    return sent


def _bodies(
    told: Iterator[tuple[float, str, dict[str, object]]] | Iterator[tuple[float, str, str]],
    together: int,
    patience: float,
    mixed: bool,
) -> Iterator[tuple[float, bytes, int]]:
    """(arrival, body, events): of one session unless `mixed`, sent when full or when its first report waited enough."""
    waiting: dict[str, tuple[float, list[bytes]]] = {}
    looked = float("-inf")
    for arrival, session, event in told:
        whose = "" if mixed else session
        first, events = waiting.setdefault(whose, (arrival, []))
        events.append(event.encode() if isinstance(event, str) else to_json(event))
        if len(events) >= together:
            del waiting[whose]
            yield arrival, _body(events, isinstance(event, str)), len(events)
        if arrival - looked > patience / 4:
            looked = arrival
            for name in [name for name, (since, _) in waiting.items() if arrival - since > patience]:
                events = waiting.pop(name)[1]
                yield arrival, _body(events, isinstance(event, str)), len(events)
    for first, events in waiting.values():
        yield max(first, looked), _body(events, not events[0].startswith(b"{")), len(events)


def _body(events: list[bytes], lines: bool) -> bytes:
    return b"\n".join(events) if lines else b"[" + b",".join(events) + b"]"


async def _hand(session: aiohttp.ClientSession, url: str, queue: asyncio.Queue[tuple[bytes, int] | None], sent: Sent,
) -> None:  # fmt: skip
    while (job := await queue.get()) is not None:
        body, count = job
        status = await _posted(session, url, body, sent)
        if 200 <= status < 300:
            sent.requests, sent.events = sent.requests + 1, sent.events + count
        else:
            sent.refused[status] = sent.refused.get(status, 0) + 1


async def _posted(session: aiohttp.ClientSession, url: str, body: bytes, sent: Sent) -> int:
    """The status of the last answer; 0: there was none."""
    status = 0
    for turn in range(TRIES):
        if turn:
            sent.again += 1
            await asyncio.sleep(min(0.05 * 2**turn, 2.0))
        try:
            async with session.post(url, data=body) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        if status not in (0, 429, 500, 502, 503, 504):
            return status
    return status
