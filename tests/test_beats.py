"""How late an event loop is, and whether its process ran meanwhile; clocks are told what to say."""

from __future__ import annotations

import pytest

from qoe_agent import clock
from qoe_agent.beats import BEAT, BEATS_A_TICK, LATE, Beats, Tardy


class Machine:
    """Time that passes, and CPU time of it that is ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.cpu = 0.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        monkeypatch.setattr(clock, "process_cpu", lambda: self.cpu)
        self.beats = Beats()

    def run(self, *lates: tuple[float, float]) -> Tardy | None:
        """Beats that come so late, with so much CPU used since the one before: the last one's word."""
        told = None
        for late, cpu in lates:
            self.now, self.cpu = self.beats.due - clock.now() + self.now + late, self.cpu + cpu
            told = self.beats.beat()
        return told


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_every_so_many_beats_it_is_time_for_a_tick(machine: Machine) -> None:
    for _ in range(3):
        assert machine.run(*[(0.0, 0.1)] * (BEATS_A_TICK - 1)) is None
        assert machine.run((0.0, 0.1)) == pytest.approx(Tardy(clock.now()))
    assert machine.now == pytest.approx(3 * BEATS_A_TICK * BEAT)


def test_a_loop_that_was_kept_busy_is_late_and_was_not_stopped(machine: Machine) -> None:
    told = machine.run((LATE / 2, 0.0), (2.0, 2.2), (0.5, 0.3), (0.0, 0.2))
    assert told == pytest.approx(Tardy(clock.now(), 2.0, 2.5, 0.0))


def test_a_process_that_did_not_run_was_stopped(machine: Machine) -> None:
    """And the work that had come meanwhile kept it busy before it could beat."""
    told = machine.run((0.0, 0.1), (3.0, 0.4), (0.2, 0.3), (0.0, 0.1))
    assert told == pytest.approx(Tardy(clock.now(), 3.0, 3.2, 3.0))
    assert machine.run(*[(0.0, 0.1)] * BEATS_A_TICK) == pytest.approx(Tardy(clock.now()))
