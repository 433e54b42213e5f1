"""The demo as a whole: what it injects it finds, it says so, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from qoe_agent import demonstration
from qoe_agent.demo.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 30.0


@pytest.fixture
def handlers() -> Iterator[None]:
    """The demo's signal handlers go with the test's loop; what they replaced comes back."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def sockets() -> int:
    return len(psutil.Process().net_connections("tcp"))


@pytest.mark.usefixtures("handlers")
async def test_it_finds_what_it_injects_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # no line is broken
    monkeypatch.setattr(demonstration, "DEFAULT", (Fault("stall", 2.5, 2.0), Fault("resolution_drop", 6.0, 2.0)))
    threads, before = set(threading.enumerate()), sockets()
    status = await asyncio.wait_for(demonstration.demonstrate(11.0), DEADLINE)
    told = capsys.readouterr().out
    assert status == 0, told
    flv, _, hls = told.partition("hls: ")
    assert re.search(r"stall .*2\.\d\d s .*stall ", flv), told
    for seen in (flv, hls):
        assert re.search(r"resolution drop.* resolution change", seen), told
    assert "missed" not in told
    loop = asyncio.get_running_loop()
    await loop.shutdown_default_executor()
    left = {thread.name for thread in set(threading.enumerate()) - threads}
    assert not left
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert sockets() <= before


@pytest.mark.parametrize("how", ["time", "signal"])
async def test_as_a_command_it_ends_by_itself_or_when_interrupted(how: str) -> None:
    arguments = ("--for", "2s") if how == "time" else ()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qoe_agent", "demo", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    async with asyncio.timeout(DEADLINE):
        first = await process.stdout.readline()
        if how == "signal":
            process.send_signal(signal.SIGINT)
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert first.startswith(b"page http://127.0.0.1:")
    assert b"flv: " in out
    assert errors == b""
