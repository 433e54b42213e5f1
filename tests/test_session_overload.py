"""Is it me: what a session says of content, and of packets, while its worker is overloaded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock, session
from qoe_agent.board import Board
from qoe_agent.config import Stream
from qoe_agent.maths.doubt import MARK
from qoe_agent.model import Damage, Incident
from qoe_agent.probes import Declaration
from qoe_agent.ring import Budget
from qoe_agent.session import Session
from qoe_agent.sink import Key
from tests.media import aac, h264

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.decode import Pool

KEY = Key("show")


@dataclass(slots=True)
class Says:
    """Reports what it is told to, by damage: kind and seconds."""

    kinds: tuple[str, ...] = ()
    open: dict[str, Incident] = field(default_factory=dict)

    def feed(self, seen: Damage) -> Iterator[Incident]:
        kind, _, what = seen.detail.partition(" ")
        if kind not in self.kinds:
            return
        if what == "raise":
            raise ZeroDivisionError
        known = self.open.get(kind) or Incident(kind, seen.at, None, "warning")
        self.open[kind] = known
        if what == "end":
            known = replace(self.open.pop(kind), end=seen.at)
        yield known


class Watched:
    """A session whose probes look, listen, or do neither."""

    def __init__(self, pool: Pool) -> None:
        self.board, self.pool, self.now = Board(), pool, clock.now()
        self.board.add(KEY, {})
        stream = Stream(name="show", url="rtmp://127.0.0.1/live/show")
        self.session = Session(stream, KEY, self.board, pool, Budget(1 << 20))

    def level(self, level: int) -> None:
        self.pool.lanes[0].level = level

    def say(self, told: str) -> None:
        self.session.feed(Damage(clock.now(), 0, "parse", detail=told))

    def open(self) -> dict[str, bool]:
        """Open incidents, and whether each is marked."""
        known = [known.incident for known in self.board.incidents(KEY)]
        return {one.kind: MARK in one.detail for one in known if one.end is None}

    def all(self) -> list[str]:
        return sorted(known.incident.kind for known in self.board.incidents(KEY))


@pytest.fixture
async def watched(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Watched:
    def declared(name: str, *kinds: str, **looks: Any) -> Declaration:
        more = {"picture": None, "sound": None} | looks
        return Declaration(name, lambda: Says(kinds), (), dict.fromkeys(kinds, ""), (Damage,), **more)  # type: ignore[arg-type]

    look = lambda _: lambda *seen: None  # noqa: E731
    probes = (
        declared("face", "black", "damage", picture=look),
        declared("ear", "silence", sound=look),
        declared("player", "stall"),
    )
    monkeypatch.setattr(session, "declarations", lambda: {one.name: one for one in probes})
    return Watched(pool)


async def test_content_is_marked_while_it_lasts_and_packets_are_told_as_ever(watched: Watched) -> None:
    watched.level(1)
    for kind in ("black", "silence", "damage", "stall"):
        watched.say(kind)
    assert watched.open() == {"black": True, "silence": True, "damage": True, "stall": False}
    watched.session.tick(0.0, clock.now())
    assert watched.open()["black"] is True
    watched.level(0)
    watched.session.tick(0.0, clock.now())
    assert watched.open() == dict.fromkeys(("black", "silence", "damage", "stall"), False)
    watched.session.stop()
    assert len(watched.all()) == 4
    assert not watched.open()


async def test_what_is_seen_too_thinly_is_told_when_the_level_falls_if_it_is_still_there(watched: Watched) -> None:
    watched.level(3)
    for kind in ("black", "silence", "damage", "stall"):
        watched.say(kind)
    assert watched.open() == {"silence": True, "damage": True, "stall": False}
    watched.say("black end")
    watched.session.tick(0.0, clock.now())
    assert watched.all() == ["damage", "silence", "stall"]
    watched.say("black")
    watched.level(2)
    watched.session.tick(0.0, clock.now())
    assert watched.open()["black"] is True
    watched.level(0)
    watched.session.tick(0.0, clock.now())
    assert watched.open()["black"] is False


async def test_what_is_held_back_goes_with_its_probe_and_its_stream(watched: Watched) -> None:
    watched.level(4)
    for kind in ("black", "silence"):
        watched.say(kind)
    watched.say("black raise")
    watched.session.stop()
    watched.level(0)
    watched.session.tick(0.0, clock.now())
    assert watched.all() == []


async def test_packets_are_counted_to_the_last_at_every_level(pool: Pool) -> None:
    board = Board(session.stream_metrics())
    board.add(KEY, {})
    stream = Stream(name="show", url="rtmp://127.0.0.1/live/show", decode="all")
    watched = Session(stream, KEY, board, pool, Budget(1 << 20))
    start = clock.now() - 4.0
    form, packets = h264(frames=100, start=start)
    heard, sounds = aac(seconds=4.0, start=start)
    pool.lanes[0].level = 4
    for seen in (form, heard, *sorted([*packets, *sounds], key=lambda one: one.at)):
        watched.feed(seen)
    await watched.decoding.drained(30.0)
    await asyncio.sleep(0)
    watched.tick(0.0, clock.now())
    numbers = {(one["name"], *one["labels"].values()): one["value"] for one in board.metrics(KEY)}
    assert numbers["qoe_packets_total", "video"] == len(packets)
    assert numbers["qoe_packets_total", "audio"] == len(sounds)
    assert numbers["qoe_agent_decode_skipped_total", "picture"] >= 95
    assert numbers["qoe_agent_decode_skipped_total", "sound"] >= 2
    assert numbers[("qoe_agent_stream_decode_cpu_seconds_total",)] >= 0.0
    assert numbers[("qoe_agent_ring_bytes",)] > sum(one.size for one in packets)
    watched.close()
