"""Naps gather what arrives in pieces, and never delay what is ready to run."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.naps import LENGTH, MANY, Loop

if TYPE_CHECKING:
    import pytest


def test_pieces_that_arrive_close_together_are_read_at_once() -> None:
    async def reads(streams: int) -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        loop.busy(streams)
        here, there = socket.socketpair()
        here.setblocking(False)
        got, count = 0, 0

        def read() -> None:
            nonlocal got, count
            got, count = got + len(here.recv(1 << 16)), count + 1
            if got == 200:
                done.set_result(None)

        def send() -> None:  # on another thread, a piece every half a millisecond
            for _ in range(200):
                never.wait(LENGTH / 16)
                there.send(b"x")

        never, done = threading.Event(), loop.create_future()
        loop.add_reader(here, read)
        sending = asyncio.create_task(asyncio.to_thread(send))
        await asyncio.wait_for(done, 30.0)
        await sending
        loop.remove_reader(here)
        here.close()
        there.close()
        return count

    with asyncio.Runner(loop_factory=Loop) as runner:
        few, many = runner.run(reads(MANY - 1)), runner.run(reads(MANY))
    assert many < few / 2


def test_names_that_nobody_answers_for_keep_nothing_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up, asked = threading.Event(), list[str]()

    def look_up(host: str, *_: object) -> list[str]:
        asked.append(host)
        if host.startswith("mute"):
            assert given_up.wait(30.0)
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answered")
        return [f"address of {host}"]

    async def others() -> None:
        loop = asyncio.get_running_loop()
        looks = [asyncio.create_task(loop.getaddrinfo(f"mute-{n % 40}", 80)) for n in range(200)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: 7) == 7
        assert await loop.getaddrinfo("known", 80) == ["address of known"]
        assert sorted(set(asked)) == sorted(asked)
        for look in looks[:100]:
            look.cancel()
        given_up.set()
        ends = await asyncio.gather(*looks, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError, socket.gaierror}

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(others())


def test_what_is_ready_does_not_wait() -> None:
    async def turns() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        loop.busy(MANY)
        await asyncio.sleep(0)
        began = clock.monotonic()
        for _ in range(1000):
            await asyncio.sleep(0)
        return clock.monotonic() - began

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(turns()) < 1000 * LENGTH / 4
