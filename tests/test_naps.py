"""Naps gather what arrives in pieces, and never delay what is ready to run."""

from __future__ import annotations

import asyncio
import socket
import threading

from qoe_agent import clock
from qoe_agent.naps import LENGTH, MANY, Loop


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
        await asyncio.wait_for(done, 10.0)
        await sending
        loop.remove_reader(here)
        here.close()
        there.close()
        return count

    with asyncio.Runner(loop_factory=Loop) as runner:
        few, many = runner.run(reads(MANY - 1)), runner.run(reads(MANY))
    assert many < few / 2


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
