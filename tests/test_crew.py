"""Real worker processes on an embedded origin: spread, killed, stopped, outgrown, and gone with the agent."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from qoe_agent import catalogue, child, clock
from qoe_agent import crew as crew_module
from qoe_agent.board import Board
from qoe_agent.config import Agent, Join, Stream
from qoe_agent.crew import Crew, crew
from qoe_agent.demo.origin import Origin
from qoe_agent.fleet import Fleet
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from qoe_agent.vitals import Vitals
from tests.e2e.servers import until as true_within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from qoe_agent.child import Child

NAMES = ("a", "b", "c", "d")


async def until(true: Callable[[], Any]) -> None:
    """Wait for it; fail if it does not come."""
    await true_within(true, "the crew")


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """The address of an endless live stream."""
    made = Origin()
    base = await made.start()
    yield f"{base}/live/show.flv"
    await made.stop()


class Watched:
    """A crew at work."""

    def __init__(self, made: Crew, url: str) -> None:
        self.crew, self.board, self._url = made, made.board, url

    def apply(self, *names: str, **options: Any) -> None:
        off = Join(every=None)
        self.crew.apply([Stream(name=name, url=self._url, join=off, **options) for name in names])

    def value(self, name: str, stream: str | None = None, **labels: str) -> float | None:
        key = Key(stream) if stream else None
        return next(
            (one["value"] for one in self.board.metrics(key) if one["name"] == name and one["labels"] == labels), None
        )

    def packets(self, stream: str) -> float:
        return self.value("qoe_packets_total", stream, track="video") or 0.0

    async def flowing(self, *names: str) -> None:
        """Wait until these are measured."""
        before = {name: self.packets(name) for name in names}
        await until(lambda: all(self.packets(name) > before[name] and self.up(name) for name in names))

    def decoded(self, stream: str) -> float:
        return self.value("qoe_agent_stream_decode_cpu_seconds_total", stream) or 0.0

    def up(self, stream: str) -> bool:
        return self.value("qoe_up", stream) == 1.0

    def of(self, stream: str) -> Child:
        """The worker that watches it."""
        return self.crew._children[self.crew._owners[stream]]

    def restarts(self, one: Child, reason: str) -> float | None:
        return self.value("qoe_agent_worker_restarts_total", worker=one.name, reason=reason)


@pytest.fixture
async def watched(origin: str) -> AsyncIterator[Watched]:
    """Two workers, four streams; afterwards no process is left."""
    made = crew(Board(catalogue.metrics()), Agent(workers=2), lambda stream, at: True, lambda *shown: None)
    assert isinstance(made, Crew)
    run = asyncio.create_task(made.run())
    it = Watched(made, origin)
    it.apply(*NAMES)
    await it.flowing(*NAMES)
    yield it
    pids = [one.pid for one in made._children]
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run
    assert not [pid for pid in pids if pid and psutil.pid_exists(pid)]


async def test_streams_are_spread_and_told_of(watched: Watched) -> None:
    assert sorted(watched.crew._owners.values()) == [0, 0, 1, 1]
    await until(watched.crew.ready)
    await until(lambda: sorted(watched.crew.states()) == [(Key(name), "up") for name in NAMES])
    for worker in ("0", "1"):
        assert watched.value("qoe_agent_worker_streams", worker=worker) == 2.0
        memory = watched.value("qoe_agent_worker_resident_memory_bytes", worker=worker)
        assert memory is not None
        assert memory > 10_000_000
        assert (watched.value("qoe_agent_worker_cpu_seconds_total", worker=worker) or 0.0) > 0.0
        assert watched.value("qoe_agent_lag_seconds", worker=worker) is not None
    assert watched.value("qoe_agent_streams") == 4.0
    await until(lambda: watched.value("qoe_stream_expected", "a") == 1.0)


async def test_a_killed_worker_costs_its_streams_seconds_and_the_others_nothing(watched: Watched) -> None:
    one = watched.of("a")
    mine = [name for name in NAMES if watched.of(name) is one]
    others = [name for name in NAMES if name not in mine]
    before = {name: watched.packets(name) for name in NAMES}
    assert one.pid
    os.kill(one.pid, signal.SIGKILL)
    await until(lambda: watched.restarts(one, "crashed") == 1.0)
    assert watched.value("qoe_up", "a") is None
    assert watched.packets("a") >= before["a"]
    assert watched.value("qoe_agent_worker_resident_memory_bytes", worker=one.name) is None
    await watched.flowing(*mine, *others)
    assert all(watched.packets(name) > before[name] for name in NAMES)
    assert watched.value("qoe_disconnects_total", others[0], reason="failed") in (None, 0.0)
    assert not watched.board.incidents(Key(others[0]))


async def test_an_incident_that_was_open_in_a_killed_worker_ends_unobserved(watched: Watched) -> None:
    one = watched.of("a")
    watched.crew._on_incident(one, Key("a"), Incident("stall", 5.0, None, "warning"))
    assert one.pid
    os.kill(one.pid, signal.SIGKILL)
    await until(lambda: watched.restarts(one, "crashed") == 1.0)
    (known,) = watched.board.incidents(Key("a"))
    assert known.incident.end is not None
    assert known.incident.detail["unobserved"]


async def test_what_a_killed_worker_said_of_itself_is_over(watched: Watched) -> None:
    one = watched.of("a")
    watched.crew._on_incident(one, None, Incident("agent_overloaded", 5.0, None, "warning", one.name))
    assert [known.incident.end for known in watched.board.incidents()] == [None]
    await until(lambda: watched.value("qoe_agent_overload_level", worker=one.name) == 0.0)
    assert one.pid
    os.kill(one.pid, signal.SIGKILL)
    await until(lambda: watched.restarts(one, "crashed") == 1.0)
    (known,) = (known for known in watched.board.incidents() if known.key is None)
    assert known.incident.end is not None
    assert known.incident.detail["unobserved"]


async def test_the_cpu_budget_is_shared_by_what_streams_cost_and_follows_the_configuration(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, float | None] = {}
    monkeypatch.setattr(child.Child, "send", lambda one, what, *rest: sent.update({one.name: rest[-1]}))
    watched.crew.decode_cpu = 1.5
    watched.apply(*NAMES)
    assert sent == {"0": 0.75, "1": 0.75}
    off = Join(every=None)
    dear = [Stream(name="dear", url="rtmp://127.0.0.1:9/live/x", decode="all", join=off)]
    cheap = [Stream(name=f"s{n}", url="rtmp://127.0.0.1:9/live/x", join=off) for n in range(3)]
    watched.crew.apply([*dear, *cheap])
    assert sorted(cores or 0.0 for cores in sent.values()) == pytest.approx([0.3, 1.2])
    watched.crew.decode_cpu = None
    watched.crew.apply(dear)
    assert set(sent.values()) == {None}
    monkeypatch.undo()  # so that the workers hear that they are to end


async def test_a_worker_that_hangs_is_replaced(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "HANGS", 2.0)
    one = watched.of("a")
    assert one.pid
    os.kill(one.pid, signal.SIGSTOP)
    await until(lambda: watched.restarts(one, "hung") == 1.0)
    await watched.flowing(*NAMES)


async def test_a_stream_that_crashes_its_worker_again_and_again_is_not_decoded_and_its_neighbours_live_on(
    watched: Watched,
) -> None:
    watched.apply(*NAMES, decode="all")
    await watched.flowing(*NAMES)
    one, crashes = watched.of("a"), 0
    (neighbour,) = (name for name in NAMES if name != "a" and watched.of(name) is one)

    def crash() -> bool:
        """Let it crash if it is decoding this stream right now."""
        if not one.pid or not one.vitals:
            return False
        os.kill(one.pid, signal.SIGSTOP)
        caught = one.decoding(NAMES) == ["a"]
        os.kill(one.pid, signal.SIGSEGV if caught else signal.SIGCONT)
        os.kill(one.pid, signal.SIGCONT)
        return caught

    while crashes < 2:
        async with asyncio.timeout(90.0):
            while not crash():
                await asyncio.sleep(0.003)
        crashes += 1
        await until(lambda: watched.restarts(one, "crashed") == crashes)  # noqa: B023  it is waited for here
    await until(lambda: watched.value("qoe_agent_decode_suspended", "a") == 1.0)
    assert watched.value("qoe_agent_decode_crashes_total", "a") == 2.0
    assert watched.value("qoe_agent_decode_crashes_total", neighbour) is None
    assert [known.incident.kind for known in watched.board.incidents(Key("a"))] == ["decode_suspended"]
    decoded = {name: watched.decoded(name) for name in NAMES}
    await watched.flowing(*NAMES)
    await until(lambda: watched.decoded(neighbour) > decoded[neighbour])
    assert watched.decoded("a") == decoded["a"]


async def test_workers_that_may_open_no_more_files_go_on(watched: Watched) -> None:
    limits = {one: resource.prlimit(one.pid or 0, resource.RLIMIT_NOFILE) for one in watched.crew._children}
    try:
        for one, (_, most) in limits.items():
            resource.prlimit(one.pid or 0, resource.RLIMIT_NOFILE, (3, most))
        await until(lambda: all(watched.value("qoe_agent_worker_open_fds", worker=one.name) is None for one in limits))
        await watched.flowing(*NAMES)
    finally:
        for one, before in limits.items():
            resource.prlimit(one.pid or 0, resource.RLIMIT_NOFILE, before)
    await until(lambda: all(watched.value("qoe_agent_worker_open_fds", worker=one.name) for one in limits))
    assert not any(watched.restarts(one, "crashed") for one in limits)


async def test_a_worker_that_could_not_be_begun_at_first_is_replaced_at_once_when_it_dies(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "WAITS", (0.0, 0.0, 0.0, 0.0, 1000.0))
    one, left = watched.of("a"), [OSError(errno.EMFILE, "Too many open files")] * 4
    begin = one.begin

    async def reluctant(*setup: Any) -> None:
        if left:
            raise left.pop()
        await begin(*setup)

    monkeypatch.setattr(one, "begin", reluctant)
    for deaths in (1.0, 2.0):
        os.kill(one.pid or 0, signal.SIGKILL)
        await until(lambda deaths=deaths: watched.restarts(one, "crashed") == deaths and watched.up("a"))
    assert not left
    await watched.flowing(*NAMES)


async def test_a_worker_that_has_grown_too_large_is_replaced_in_good_order(watched: Watched) -> None:
    one, other = watched.crew._children
    sizes = [c.vitals.memory for c in (one, other) if c.vitals]
    limit = (min(sizes) + max(sizes) - 1) // 2  # also if they are the same
    large = max((one, other), key=lambda c: c.vitals.memory if c.vitals else 0)
    watched.crew._options = Agent(workers=2, worker_memory=limit)
    await until(lambda: (watched.restarts(large, "memory") or 0.0) >= 1.0)
    watched.crew._options = Agent(workers=2)
    await watched.flowing(*NAMES)
    assert not watched.board.incidents(Key("a"))


async def test_a_reload_touches_only_what_changed_and_levels_the_load(watched: Watched) -> None:
    left = [name for name in NAMES if watched.of(name) is watched.of("a")]
    before = {name: watched.packets(name) for name in left}
    watched.apply(*left)
    assert sorted(watched.crew._owners.values()) == [0, 1]
    gone = next(name for name in NAMES if name not in left)
    await until(lambda: watched.value("qoe_up", gone) is None)
    await watched.flowing(*left)
    assert all(watched.packets(name) > before[name] for name in left)
    held = {c.name: watched.value("qoe_agent_worker_streams", worker=c.name) for c in watched.crew._children}
    await until(lambda: [watched.value("qoe_agent_worker_streams", worker=c) for c in held] == [1.0, 1.0])


async def test_a_stream_that_is_moved_is_let_go_before_it_is_taken_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, str]] = []
    heard: Callable[..., None] = watched.crew._heard

    def note(one: Child, what: str, rest: tuple[Any, ...]) -> None:
        if what in ("add", "remove"):
            said.append((what, one.name))
        heard(one, what, rest)

    monkeypatch.setattr(watched.crew, "_heard", note)
    for one in watched.crew._children:
        one.kill("test")  # their listeners get the new ear when they begin again
    await until(lambda: all(watched.restarts(one, "test") == 1.0 for one in watched.crew._children))
    await watched.flowing(*NAMES)
    said.clear()
    old, owners = watched.of("b"), watched.crew._owners
    monkeypatch.setattr(crew_module, "dealt", lambda *_: {**owners, "b": 1 - owners["b"]})
    watched.apply(*NAMES)
    new = watched.of("b")
    assert new is not old
    await until(lambda: ("add", new.name) in said)
    assert said == [("remove", old.name), ("add", new.name)]
    await watched.flowing(*NAMES)


async def test_visits_are_made_by_workers_and_fail_with_them(watched: Watched) -> None:
    stream, lines = watched.crew.streams()[0], list[str]()
    brought = await watched.crew.visit(stream, 60.0, lines.append)
    assert brought.success
    assert "joined: ok" in "".join(lines)
    assert b"qoe_startup_seconds" in brought.board.render()
    dead = Stream(name="x", url="rtmp://127.0.0.1:9/live/x", join=Join(every=None))
    assert not (await watched.crew.visit(dead, 5.0, lines.append)).success
    visit = asyncio.create_task(watched.crew.visit(stream, 60.0, lines.append))
    await until(lambda: bool(watched.crew._errands.out))
    (busy,) = (one for one, _, _ in watched.crew._errands.out.values())
    assert busy.pid
    os.kill(busy.pid, signal.SIGSTOP)
    os.kill(busy.pid, signal.SIGKILL)
    assert not (await asyncio.wait_for(visit, 60.0)).success


def test_what_a_dead_worker_watched_waits_under_its_own_names() -> None:
    made = crew(Board(catalogue.metrics()), Agent(workers=1), lambda stream, at: True, lambda *shown: None)
    assert isinstance(made, Crew)
    (child,) = made._children
    made.apply([Stream(name=name, url="http://127.0.0.1:9/m.m3u8", variant="all") for name in ("ladder", "new")])
    for rendition in ("480p", "720p"):
        made._heard(child, "add", (Key("ladder", rendition), {}))
    made._bereaved(child)
    assert list(made.states()) == [
        (Key("ladder", "480p"), "waiting"), (Key("ladder", "720p"), "waiting"), (Key("new"), "waiting"),
    ]  # fmt: skip
    child.vitals = Vitals(clock.now(), 0.0, 0, None, 1, 0.0, False, [(Key("ladder", "480p"), "up")])
    assert dict(made.states())[Key("ladder", "480p")] == "up"
    assert Key("ladder") not in dict(made.states())
    made.apply([])
    assert list(made.states()) == [(Key("ladder", "480p"), "up")]


def test_without_workers_it_is_a_fleet() -> None:
    async def made() -> Any:
        one = crew(Board(catalogue.metrics()), Agent(workers=0), lambda stream, at: True, lambda *shown: None)
        assert isinstance(one, Fleet)
        one.pool.close()

    asyncio.run(made())


def test_no_worker_outlives_an_agent_that_was_killed(tmp_path: Path) -> None:
    config = tmp_path / "agent.yml"
    config.write_text(
        "web: {listen: '127.0.0.1:0'}\nagent: {workers: 2}\nstreams: [{name: a, url: 'rtmp://127.0.0.1:9/live/a'}]\n"
    )
    command = [sys.executable, "-m", "qoe_agent", "run", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
        try:
            parent = psutil.Process(agent.pid)
            asyncio.run(until(lambda: len(parent.children()) == 2))
            workers = parent.children()
        finally:
            agent.kill()
    _, alive = psutil.wait_procs(workers, timeout=60.0)
    assert not alive
