"""The process that takes events in, kept by the agent: replaced when it dies, and nothing acknowledged is lost then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qoe_agent import clock, config
from qoe_agent.board import Board
from qoe_agent.viewers.facts import compaction
from qoe_agent.viewers.facts.writer import Taken
from qoe_agent.viewers.ingest import keeper as keeping
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.keeper import Keeper
from qoe_agent.viewers.neighbours import Neighbours
from tests.e2e.servers import until
from tests.viewers.made import column, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY, OTHER = "pk-web-0123456789abcdef", "pk-two-0123456789abcdef"
AT = 1_800_014_400.0
CRASHES = int(os.environ.get("QOE_CRASHES", "3"))
SENDERS = 4


def read(folder: Path, more: str = "", streams: str = "show") -> config.Config:
    listed = ", ".join(f"{{name: {name}, url: 'rtmp://host/live/{name}'}}" for name in streams.split())
    text = f"ingest: {{listen: '127.0.0.1:0', folder: {folder}, sources: [{{name: web, keys: [{KEY}]{more}}}]}}"
    return config.parse(f"{text}\nstreams: [{listed}]", str(folder / "agent.yml"), {})


class Kept:
    """A keeper, its board, and somebody who sends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.board = folder, Board(meter.METRICS)
        made = read(folder)
        self.keeper = Keeper(self.board, made, lambda _: True)
        self.keeper.follow(made.streams)
        self.base = self.keeper.bind()
        self.http: Any = None
        self.running: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        if self.running:
            self.running.cancel()
            await asyncio.wait({self.running})

    async def send(self, session: str, sn: int, key: str = KEY, stream: str = "show", **more: Any) -> int:
        said = {"kind": "join", "session": session, "sn": sn, "at": AT + sn, "stream": stream, **more}
        async with self.http.post(f"{self.base}/in/{key}/events", json=said) as answer:
            return int(answer.status)

    @property
    def pid(self) -> int:
        assert self.keeper.pid
        return self.keeper.pid

    def told(self, metric: str, **labels: str) -> float | None:
        found = [one for key in (None, *self.board.readings(())) for one in self.board.metrics(key)
                 if one["name"] == metric and labels.items() <= one["labels"].items()]  # fmt: skip
        return sum(one["value"] for one in found) if found else None


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    made = Kept(tmp_path / "facts")
    made.running = asyncio.create_task(made.keeper.run())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as made.http:
        yield made
    await made.stop()


async def test_what_comes_in_is_on_disk_and_counted_on_the_board(kept: Kept) -> None:
    assert await kept.send("a", 1) == 204
    assert await kept.send("b", 1, stream="stranger") == 204
    await until(lambda: kept.told("qoe_viewer_events_total", source="web", kind="join") == 2, "counts")
    assert kept.told("qoe_viewer_sessions") == 1
    assert kept.told("qoe_viewer_events_unmatched_total", source="web") == 1
    assert "stranger" not in kept.board.render().decode()
    assert stored(kept.folder) == [("a", 1), ("b", 1)]


async def test_the_file_of_pseudonyms_is_the_owners_alone(kept: Kept) -> None:
    assert await kept.send("a", 1, user="u") == 204
    assert (kept.folder / "pseudonyms.keys").stat().st_mode & 0o777 == 0o600
    assert kept.folder.stat().st_mode & 0o077 == 0


async def test_agents_that_share_the_streams_are_heard(tmp_path: Path) -> None:
    (tmp_path / "measures").mkdir(parents=True)
    said = {"stream": "show", "at": clock.wall(clock.now()) - 90.0}
    (tmp_path / "measures" / "2030-01-01.a.jsonl").write_text(f"{json.dumps(said)}\n")
    others = Neighbours(tmp_path)
    keeper = Keeper(Board(), read(tmp_path), lambda _: False, others)
    keeper.bind()
    running = asyncio.create_task(keeper.run())
    await until(lambda: others.watch("show"), "another agent")
    running.cancel()
    await asyncio.wait({running})


async def test_a_key_is_revoked_and_another_given_while_it_runs(kept: Kept) -> None:
    assert await kept.send("a", 1) == 204
    changed = read(kept.folder)
    source = changed.ingest.sources[0]
    kept.keeper.reconfigure(config.Ingest(
        folder=str(kept.folder), sources=(config.Source(name=source.name, keys=(OTHER,), revoked=(KEY,)),)
    ))  # fmt: skip
    async with asyncio.timeout(10):
        while await kept.send("a", 2) != 410:
            await asyncio.sleep(0.01)
    assert await kept.send("a", 3, key=OTHER) == 204


async def replaced(kept: Kept) -> None:
    """End the process, and wait until another takes events."""
    before = kept.pid
    os.kill(before, signal.SIGKILL)
    await until(lambda: kept.keeper.pid != before, "another process")


@pytest.mark.parametrize("changed", [{}, {"listen": "127.0.0.1:1", "max_sessions": 1}])
async def test_what_waits_for_a_restart_stays_when_the_process_is_begun_anew(
    kept: Kept, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert await kept.send("a", 1) == 204
    if changed:
        changed = {**changed, "folder": str(kept.folder.parent / "other"), "sources": read(kept.folder).ingest.sources}
    kept.keeper.reconfigure(config.Ingest(**changed))
    await replaced(kept)
    assert await kept.send("a", 2) == 204
    assert stored(kept.folder) == [("a", 1), ("a", 2)]
    assert not (kept.folder.parent / "other").exists()
    assert ("as before until a restart" in caplog.text) == (not changed)


async def test_a_viewer_of_nginx_keeps_his_session_when_the_process_is_killed_right_after_he_joined(kept: Kept) -> None:
    said = "app=live&name=show&clientid=4&flashver=x"
    for call in ("play", "play_done"):
        async with kept.http.post(f"{kept.base}/in/{KEY}/rtmp?server=a", data=f"call={call}&{said}") as answer:
            assert answer.status == 204
        await replaced(kept)
    sessions = column(kept.folder, "session")
    assert column(kept.folder, "kind") == ["join", "leave"]
    assert sessions[0] == sessions[1]


async def test_what_may_change_changes_beside_what_waits_for_a_restart(kept: Kept) -> None:
    assert await kept.send("a", 1) == 204
    source = config.Source(name="web", keys=(OTHER,))
    kept.keeper.reconfigure(config.Ingest(folder=str(kept.folder.parent / "other"), sources=(source,)))
    await replaced(kept)
    assert await kept.send("a", 2) == 404
    assert await kept.send("a", 2, key=OTHER) == 204
    assert stored(kept.folder) == [("a", 1), ("a", 2)]


async def test_streams_come_and_go_and_so_do_their_numbers(kept: Kept) -> None:
    await kept.send("a", 1)
    await until(lambda: kept.told("qoe_viewer_sessions") == 1, "a session")
    kept.keeper.follow(read(kept.folder, streams="new").streams)
    await until(lambda: kept.told("qoe_viewer_sessions") is None, "the end of the stream")
    await kept.send("b", 1, stream="new")
    await until(lambda: kept.told("qoe_viewer_sessions") == 1, "a session")


async def test_nothing_acknowledged_is_lost_or_there_twice_when_the_process_is_killed(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WAITS", (0.0,))
    sure: list[tuple[str, int]] = []
    over, dice = asyncio.Event(), random.Random(6)

    async def sender(which: int) -> None:
        sn = 0
        while not over.is_set():
            with contextlib.suppress(aiohttp.ClientError):  # cut off: the same again
                if await kept.send(f"s{which}", sn) == 204:
                    sure.append((f"s{which}", sn))
                    sn += 1

    async with asyncio.TaskGroup() as group:
        for which in range(SENDERS):
            group.create_task(sender(which))
        for crash in range(1, CRASHES + 1):
            goal = len(sure) + dice.randrange(50, 300)
            await until(lambda goal=goal: len(sure) > goal, "acknowledgements", 30.0)
            os.kill(kept.pid, signal.SIGKILL)
            await until(lambda crash=crash: kept.told("qoe_viewer_ingest_restarts_total") == crash, "the end")
        goal = len(sure) + 50
        await until(lambda: len(sure) > goal, "acknowledgements", 30.0)
        over.set()
    found = stored(kept.folder)
    assert not set(sure) - set(found), "an acknowledged event is gone"
    await kept.stop()
    await until(lambda: compacted(kept.folder), "what was compacting when it was killed", 30.0)
    found = stored(kept.folder)
    assert len(found) == len(set(found)), "an event is there twice"
    assert not set(sure) - set(found), "an acknowledged event is gone"


def compacted(folder: Path) -> bool:
    with contextlib.suppress(Taken), compaction.owning(folder):
        compaction.compact(folder)
        return True
    return False


async def test_a_process_that_hangs_is_replaced(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await kept.send("a", 1) == 204
    monkeypatch.setattr(keeping, "HANGS", 0.1)
    monkeypatch.setattr(keeping, "TICK", 0.2)
    os.kill(kept.pid, signal.SIGSTOP)
    await until(lambda: kept.told("qoe_viewer_ingest_restarts_total") == 1, "the end")
    monkeypatch.setattr(keeping, "HANGS", 60.0)
    assert await kept.send("a", 2) == 204, "who connects meanwhile waits"


async def test_it_ends_in_good_order_with_all_on_disk(kept: Kept) -> None:
    assert await kept.send("a", 1) == 204
    pid = kept.pid
    await kept.stop()
    assert not os.path.exists(f"/proc/{pid}/exe")
    assert [path.suffix for path in (kept.folder / "log").glob("0*")] == [".log"], "closed, to be compacted"
    with pytest.raises(aiohttp.ClientError):
        await kept.send("a", 2)


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    first = Keeper(Board(), read(tmp_path), lambda _: True)
    port = first.bind().rsplit(":", 1)[1]
    taken = config.parse(json.dumps({"ingest": {"listen": f"127.0.0.1:{port}"}}), "x", {})
    with pytest.raises(OSError, match="in use") as caught:
        Keeper(Board(), taken, lambda _: True).bind()
    assert caught.value.filename == f"127.0.0.1:{port}"
    assert first._socket is not None
    first._socket.close()
