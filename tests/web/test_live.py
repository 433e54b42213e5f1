"""Event streams: what they send and when, to how many, and how they end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qoe_agent.web import live
from qoe_agent.web.html import Safe
from qoe_agent.web.live import Fragment, Live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@dataclass
class Sheet:
    """A page with the fragments that the test gives it."""

    found: dict[str, Fragment] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    rendered: int = 0
    broken: bool = False
    name: str = "sheet"

    async def fragments(self) -> Mapping[str, Fragment]:
        self.rendered += 1
        if self.broken:
            raise KeyError("a secret")
        return dict(self.found)

    def wants(self, ident: str) -> bool:
        return ident not in self.hidden

    def adds(self, ident: str) -> bool:
        return ident.startswith("tile")

    def summed(self, changes: int) -> str:
        return f"{changes} changes"

    def say(self, **texts: str) -> None:
        self.found |= {name: Fragment(Safe(f"<p>{text}</p>"), text) for name, text in texts.items()}


@dataclass
class Followed:
    """A server with one page, and those who follow it."""

    sheet: Sheet
    live: Live
    client: TestClient[Any, Any]
    admitted: bool = True
    faults: int = 0

    def failed(self) -> None:
        self.faults += 1

    def follow(self, since: str = "") -> Any:
        return self.client.get(
            "/live", params={"page": "sheet", "since": since}, headers={"Accept-Encoding": "identity"}
        )


@pytest.fixture
async def followed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Followed]:
    monkeypatch.setattr(live, "EVERY", 0.01)
    sheet = Sheet()
    found: list[Followed] = []
    made = Live(lambda request: found[0].admitted, lambda: found[0].failed())
    made.add("sheet", lambda request: sheet)
    app = web.Application()
    app.add_routes(made.routes())
    app.on_shutdown.append(made.close)
    async with TestClient(TestServer(app)) as client:
        found.append(Followed(sheet, made, client))
        yield found[0]


async def event(answer: Any) -> tuple[str, dict[str, Any]]:
    """The next event: its id and what it says."""
    async with asyncio.timeout(30):
        number = (await answer.content.readline()).decode().removeprefix("id: ").strip()
        data = json.loads((await answer.content.readline()).decode().removeprefix("data: "))
        assert await answer.content.readline() == b"\n"
        return number, data


async def saying(answer: Any) -> dict[str, Any]:
    """The next event that says anything."""
    while True:
        _, told = await event(answer)
        if told["set"] or told["gone"] or told["said"]:
            return told


async def test_who_knows_nothing_gets_all_and_then_what_changes(followed: Followed) -> None:
    followed.sheet.say(head="one", tile="two")
    async with followed.follow() as answer:
        assert answer.content_type == "text/event-stream"
        first = await saying(answer)
        assert first["set"] == [["head", "<p>one</p>"], ["tile", "<p>two</p>"]]
        assert first["add"] == ["tile"]
        assert first["all"]
        followed.sheet.say(tile="三")
        told = await saying(answer)
        assert (told["set"], told["said"], told["all"]) == ([["tile", "<p>三</p>"]], "三", False)
        del followed.sheet.found["tile"]
        assert (await saying(answer))["gone"] == ["tile"]


async def test_a_page_goes_on_where_it_was_made(followed: Followed) -> None:
    followed.sheet.say(head="one", tile="two")
    shown, since = await followed.live.made(followed.sheet)
    assert shown == {"head": "<p>one</p>", "tile": "<p>two</p>"}
    followed.sheet.say(head="other")
    async with followed.follow(since) as answer:
        told = await saying(answer)
        assert told["set"] == [["head", "<p>other</p>"]]
        assert not told["all"]


@pytest.mark.parametrize("since", ["5.1", "nonsense", "1.x", "².1"])
async def test_who_comes_from_another_life_of_the_agent_gets_all(followed: Followed, since: str) -> None:
    followed.sheet.say(head="one")
    async with followed.follow(since) as answer:
        _, told = await event(answer)
        assert told["all"]
        assert told["set"] == [["head", "<p>one</p>"]]


async def test_all_who_look_share_one_rendering_and_nobody_costs_nothing(followed: Followed) -> None:
    followed.sheet.say(head="one")
    async with followed.follow() as one, followed.follow() as other:
        for answer in (one, other):
            await saying(answer)
        followed.sheet.say(head="two")
        for answer in (one, other):
            await saying(answer)
        assert sum(task.get_name() == "live page" for task in asyncio.all_tasks()) == 1
        board = followed.live._board("sheet")
        assert followed.sheet.rendered == board.version
    async with asyncio.timeout(30):
        while board.turning:
            await asyncio.sleep(0.01)
    assert board.readers == 0


async def test_what_a_page_does_not_want_it_is_not_sent(followed: Followed) -> None:
    followed.sheet.hidden = {"tile"}
    followed.sheet.say(head="one", tile="two")
    async with followed.follow() as answer:
        assert (await saying(answer))["set"] == [["head", "<p>one</p>"]]
        followed.sheet.say(tile="three", head="four")
        told = await saying(answer)
        assert told["set"] == [["head", "<p>four</p>"]]
        assert told["said"] == "four"


async def test_many_changes_are_told_in_one_sentence(followed: Followed) -> None:
    followed.sheet.say(**{f"tile{n}": "up" for n in range(9)})
    async with followed.follow() as answer:
        await saying(answer)
        followed.sheet.say(**{f"tile{n}": "down" for n in range(9)})
        assert (await saying(answer))["said"] == "9 changes"


async def test_there_are_only_so_many(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    followed.sheet.say(head="one")
    async with followed.follow() as answer:
        await event(answer)
        async with followed.follow() as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"]


async def test_unknown_pages_are_not_followed(followed: Followed) -> None:
    async with followed.client.get("/live", params={"page": "nothing"}) as answer:
        assert answer.status == 404


async def test_it_ends_when_who_reads_is_no_longer_let_in(followed: Followed) -> None:
    followed.sheet.say(head="one")
    async with followed.follow() as answer:
        await event(answer)
        followed.admitted = False
        async with asyncio.timeout(30):
            assert b"secret" not in await answer.content.read()


async def test_it_ends_with_the_agent(followed: Followed) -> None:
    followed.sheet.say(head="one")
    async with followed.follow() as answer:
        await event(answer)
        await followed.live.close()
        async with asyncio.timeout(30):
            await answer.content.read()
        async with followed.follow() as late:
            assert late.status == 503


async def test_a_page_that_fails_once_goes_on_and_its_fault_is_told_without_secrets(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    followed.sheet.say(head="one")
    async with followed.follow() as answer:
        await saying(answer)
        followed.sheet.broken = True
        async with asyncio.timeout(30):
            while followed.faults < 3:
                await asyncio.sleep(0.01)
        followed.sheet.broken = False
        followed.sheet.say(head="two")
        assert (await saying(answer))["set"] == [["head", "<p>two</p>"]]
    assert len(caplog.records) == 1
    assert "KeyError" in caplog.text
    assert "a secret" not in caplog.records[0].getMessage().replace('"a secret"', "")


async def test_who_leaves_a_page_that_fails_leaves_it_to_others(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    followed.sheet.say(head="one")
    async with followed.follow() as answer:
        await saying(answer)
        followed.sheet.broken = True
    async with asyncio.timeout(30):
        while followed.live._readers:
            await asyncio.sleep(0.01)


async def test_who_asks_for_the_head_alone_takes_no_place(followed: Followed) -> None:
    async with followed.client.head("/live", params={"page": "sheet"}) as answer:
        assert answer.status == 405
    assert not followed.live._readers


async def test_a_slow_reader_misses_what_came_between(followed: Followed) -> None:
    board = live.Board()
    for n in range(5):
        followed.sheet.say(head=f"state {n}")
        await board.refresh(followed.sheet, 0.0)
    told = board.since(1, followed.sheet).decode()
    assert "state 4" in told
    assert "state 3" not in told


async def test_boards_that_nobody_reads_are_forgotten(followed: Followed) -> None:
    for n in range(3 * live.IDLE):
        await followed.live.made(Sheet(name=f"sheet {n}"))
    assert len(followed.live._boards) <= live.IDLE + 1


async def test_what_is_gone_is_remembered_within_bounds(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GONE", 10)
    board = live.Board()
    for n in range(50):
        followed.sheet.found = {f"tile{n}": Fragment(Safe("x"))}
        await board.refresh(followed.sheet, 0.0)
    assert len(board.gone) == 10
