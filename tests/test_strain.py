"""A worker that cannot keep up says so, leaves out decoding, and recovers: with a lane that is really kept busy."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import catalogue, clock
from qoe_agent.board import Board
from qoe_agent.decode import Decoding, Pool
from qoe_agent.maths import overload
from qoe_agent.maths.overload import HOLD, LAG, WAIT
from qoe_agent.outbox import Outbox
from qoe_agent.strain import GRACE, HELD, KIND, LONGEST, OVER, Strain
from qoe_agent.vitals import Charts
from tests.media import h264

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Incident


class Fake:
    """A lane that waits as it is told."""

    def __init__(self) -> None:
        self.level, self.cpu, self.refused, self.wait = 0, 0.0, 0, 0.0

    def waited(self) -> float:
        return self.wait


class Worker:
    """A strain over two fake lanes."""

    def __init__(self, budget: float | None = None) -> None:
        self.board, self.lanes, self.now = Board(catalogue.metrics()), (Fake(), Fake()), 1000.0
        pool: Any = SimpleNamespace(lanes=self.lanes)
        self.strain = Strain(self.board, pool, "3", budget)

    def run(self, seconds: int, *, wait: float = 0.0, lag: float = 0.0, cpu: float = 0.0, stopped: float = 0.0) -> None:
        for _ in range(seconds):
            self.now += 1.0
            self.lanes[1].wait = wait
            self.lanes[0].cpu += cpu
            self.strain.tick(self.now, lag, stopped)

    def value(self, name: str) -> float | None:
        return next((m["value"] for m in self.board.metrics(None) if m["name"] == name), None)

    @property
    def incidents(self) -> list[Incident]:
        return [known.incident for known in self.board.incidents() if known.key is None]


def test_it_is_an_incident_of_the_agent_once_it_lasts_and_ends_when_it_is_over() -> None:
    worker = Worker()
    worker.run(5)
    worker.run(int(HELD), wait=2 * WAIT)
    assert not worker.incidents
    assert worker.value("qoe_agent_overload_level") >= 1
    worker.run(10, wait=2 * WAIT, lag=0.2)
    (one,) = worker.incidents
    assert (one.kind, one.key, one.severity, one.start, one.end) == (KIND, "3", "warning", 1006.0, None)
    assert one.detail["level"] == worker.value("qoe_agent_overload_level") == 4
    assert one.detail["left_out"] == list(overload.LEFT_OUT)
    assert (one.detail["wait_seconds"], one.detail["lag_seconds"]) == (2 * WAIT, 0.2)
    assert [lane.level for lane in worker.lanes] == [4, 4]
    calm = worker.now
    worker.run(int(4 * HOLD + OVER) - 1)
    assert worker.incidents[0].end is None
    assert worker.incidents[0].detail["level"] == 0
    worker.run(2)
    (one,) = worker.incidents
    assert one.end == calm + 4 * HOLD
    assert one.detail["worst_level"] == 4
    assert [lane.level for lane in worker.lanes] == [0, 0]


def test_a_late_second_is_no_incident() -> None:
    worker = Worker()
    worker.run(3, lag=2 * LAG / 3)
    assert worker.value("qoe_agent_overload_level") == 0
    worker.run(1, lag=2 * LAG)
    assert worker.value("qoe_agent_overload_level") == 1
    worker.run(60)
    assert worker.value("qoe_agent_overload_level") == 0
    assert not worker.incidents


def test_a_worker_that_was_stopped_may_catch_up() -> None:
    worker = Worker()
    worker.run(1, lag=3.1, stopped=3.1)
    worker.run(6, wait=0.8 * WAIT)
    assert worker.value("qoe_agent_overload_level") == 1
    worker.run(60)
    assert worker.value("qoe_agent_overload_level") == 0
    assert not worker.incidents


def test_a_worker_that_was_stopped_and_cannot_catch_up_says_so() -> None:
    worker = Worker()
    worker.run(1, lag=3.0, stopped=3.0)
    worker.run(int(HELD + 3 * GRACE) - 1, wait=2 * WAIT)
    assert not worker.incidents
    worker.run(1, wait=2 * WAIT)
    assert (worker.incidents[0].start, worker.incidents[0].detail["stopped_seconds"]) == (1001.0, 3.0)


def test_a_worker_that_is_stopped_again_and_again_says_so() -> None:
    worker = Worker()
    worker.run(int(HELD + LONGEST), lag=2.0, stopped=2.0)
    assert not worker.incidents
    worker.run(1, lag=2.0, stopped=2.0)
    assert worker.incidents[0].end is None


def test_a_pause_in_the_overload_does_not_make_it_two() -> None:
    worker = Worker()
    for _ in range(3):
        worker.run(6, wait=2 * WAIT)
        worker.run(int(2 * HOLD) + 2)
    worker.run(100)
    assert len(worker.incidents) == 1
    assert worker.incidents[0].end is not None


def test_the_cpu_budget_counts_all_lanes_and_can_be_changed() -> None:
    worker = Worker(budget=0.5)
    worker.run(8, cpu=0.6)
    assert worker.value("qoe_agent_overload_level") == 1
    assert worker.value("qoe_agent_decode_cpu_seconds_total") == pytest.approx(4.8)
    worker.strain.budget = 2.0
    worker.run(30, cpu=0.6)
    assert worker.value("qoe_agent_overload_level") == 0


def test_what_is_open_when_the_worker_ends_or_dies_is_closed_as_unobserved() -> None:
    worker = Worker()
    worker.run(20, wait=2 * WAIT)
    worker.strain.close(worker.now)
    (one,) = worker.incidents
    assert one.end == worker.now
    assert one.detail["unobserved"]
    other = Worker()
    other.run(20, wait=2 * WAIT)
    charts = Charts(other.board)
    charts.gone("2", "crashed", other.now)
    assert other.incidents[0].end is None
    charts.gone("3", "crashed", other.now)
    assert other.incidents[0].end == other.now
    assert other.value("qoe_agent_overload_level") is None


def test_it_crosses_from_a_worker_to_its_parent() -> None:
    sent: list[tuple[Any, ...]] = []
    outbox = Outbox(catalogue.metrics(), lambda *message: sent.append(message), lambda: False)
    fake = Fake()
    pool: Any = SimpleNamespace(lanes=[fake])
    strain = Strain(outbox, pool, "1")
    fake.wait = 2 * WAIT
    for second in range(12):
        strain.tick(1000.0 + second, 0.0)
    outbox.sweep(1012.0)
    incidents = [message for message in sent if message[0] == "incident"]
    assert incidents
    assert all(key is None and one.key == "1" for _, key, one in incidents)
    (changes,) = (found for what, found in (message for message in sent if message[0] == "found") if found)
    assert ("qoe_agent_overload_level", ("1",), 4, 1) in changes[0][1]


def test_the_agents_own_incidents_are_documented() -> None:
    assert f"| `{KIND}` | none: the agent itself |" in catalogue.incident_table()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()
    assert not pool.lanes[0].faults


def test_a_lane_knows_how_long_its_jobs_wait(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    (lane,) = pool.lanes
    passed = 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0 + passed)
    begun, free, done = threading.Event(), threading.Event(), threading.Event()
    assert lane.put(lambda: begun.set() or (free.wait(30.0) and None))
    assert begun.wait(30.0)
    assert lane.waited() == 0.0
    assert lane.put(done.set)
    passed = 0.25
    assert lane.waited() == 0.25  # it still waits
    free.set()
    assert done.wait(30.0)
    assert lane.waited() == 0.25  # it waited
    assert lane.waited() == 0.0


async def test_a_lane_that_is_kept_busy_makes_a_stream_do_without_and_then_recovers(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in life, twenty times as fast: seconds are 50 ms."""
    monkeypatch.setattr(overload, "WAIT", 0.15)
    board = Board(catalogue.metrics())
    strain = Strain(board, pool, "0")
    (lane,) = pool.lanes
    form, packets = h264(frames=3000, width=64, height=64, gop=25)
    call, seen = asyncio.get_running_loop().call_soon_threadsafe, list[Any]()
    decoding = Decoding(lane, seen.append, call, pictures={}, sounds={}, policy="all")
    decoding.format(form)

    def slow() -> None:
        time.sleep(0.02)

    levels = []
    for second in range(60):
        for packet in packets[second * 25 : second * 25 + 25]:
            decoding.packet(packet)
        if 5 <= second < 30:  # 80 ms of work every 50 ms
            for _ in range(4):
                lane.put(slow)
        await asyncio.sleep(0.05)
        strain.tick(1000.0 + second, 0.0)
        levels.append(lane.level)
    assert max(levels[:5]) == 0
    assert max(levels[5:30]) >= 3
    assert decoding.skipped["picture"] > 100
    (known,) = board.incidents()
    assert (known.key, known.incident.kind) == (None, KIND)
    for second in range(60, 110):
        await asyncio.sleep(0.02)
        strain.tick(1000.0 + second, 0.0)
    assert lane.level == 0
    assert board.incidents()[0].incident.end is not None
    await decoding.drained(30.0)
    before, left_out = len(seen), decoding.skipped["picture"]
    for packet in packets[2750:3000]:
        decoding.packet(packet)
        await decoding.drained(30.0)
    decoding.flush()
    await decoding.drained(30.0)
    assert len(seen) - before == 250
    assert decoding.skipped["picture"] == left_out
    decoding.close()
