"""What a worker sends of what it finds: all of it arrives, little of it twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.board import STALE, Board
from qoe_agent.model import Incident, Metric, Sample
from qoe_agent.outbox import AGAIN, Outbox
from qoe_agent.sink import Key

LEVEL = Metric("qoe_level", "gauge", "A state.", ("side",))
SEEN = Metric("qoe_seen_timestamp_seconds", "gauge", "A fact.", kept=True)
COUNT = Metric("qoe_things_total", "counter", "A count.", ("side",))
SIZES = Metric("qoe_size_bytes", "histogram", "Sizes.", (), (1.0, 10.0))
METRICS = (LEVEL, SEEN, COUNT, SIZES)
A, B = Key("a"), Key("b", "720p")


class Pair:
    """An outbox, and the board that gets what it sends, as a crew would do it."""

    def __init__(self) -> None:
        self.board, self.sent, self.stuck = Board(METRICS), list[tuple[Any, ...]](), False
        self.outbox = Outbox(METRICS, lambda *message: self.sent.append(message), lambda: self.stuck)
        self.incidents: list[tuple[Key, Incident]] = []

    def deliver(self, now: float) -> int:
        """Sweep and hand over; how many changes there were."""
        self.outbox.sweep(now)
        count = 0
        for what, *rest in self.sent:
            if what == "add":
                self.board.add(*rest)
            elif what == "remove":
                self.board.remove(*rest)
            elif what == "incident":
                self.board.put(*rest, now)
            else:
                for key, changes in rest[0]:
                    for name, labels, value, times in changes:
                        count += 1
                        metric = next(one for one in METRICS if one.name == name)
                        self.board.put(key, Sample(metric, value, labels, times), now)
        self.sent.clear()
        return count


def numbers(board: Board, key: Key) -> dict[tuple[str, ...], float]:
    return {(one["name"], *one["labels"].values()): one["value"] for one in board.metrics(key)}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(LEVEL), st.sampled_from("xy"), st.one_of(st.none(), st.integers(0, 3))),
        st.tuples(st.just(COUNT), st.sampled_from("xy"), st.integers(0, 3)),
        st.tuples(st.just(SIZES), st.just(""), st.integers(0, 20)),
        st.tuples(st.just(SEEN), st.just(""), st.integers(0, 3)),
        st.just("down"),
        st.just("deliver"),
    ),
    max_size=60,
)


@given(STEPS)
def test_the_board_behind_an_outbox_is_as_one_that_was_told_directly(steps: list[Any]) -> None:
    pair, direct = Pair(), Board(METRICS)
    pair.outbox.add(A, {"team": "x"})
    direct.add(A, {"team": "x"})
    for step in steps:
        if step == "deliver":
            pair.deliver(1.0)
        elif step == "down":
            pair.outbox.down(A)
            direct.down(A)
        else:
            metric, label, value = step
            sample = Sample(metric, value, (label,) if metric.labels else ())
            pair.outbox.put(A, sample, 1.0)
            direct.put(A, sample, 1.0)
    pair.deliver(1.0)
    assert numbers(pair.board, A) == numbers(direct, A)
    assert pair.board.render() == direct.render()


def test_what_stays_the_same_is_sent_now_and_then_only_and_goes_when_nobody_refreshes_it() -> None:
    pair = Pair()
    pair.outbox.add(A, {})
    sent = []
    for second in range(100):
        pair.outbox.put(A, Sample(LEVEL, 5.0, ("x",)), float(second))
        pair.outbox.put(A, Sample(COUNT, 0.0, ("x",)), float(second))
        sent.append(pair.deliver(float(second)))
        pair.board.sweep(float(second))
        assert numbers(pair.board, A)["qoe_level", "x"] == 5.0
    assert sum(sent) <= 2 + 100 / AGAIN + 1
    pair.deliver(99.0 + STALE + 1)
    assert ("qoe_level", "x") not in numbers(pair.board, A)
    assert numbers(pair.board, A)["qoe_things_total", "x"] == 0.0


def test_while_nobody_takes_anything_what_changes_waits_and_counters_add_up() -> None:
    pair = Pair()
    pair.outbox.add(A, {})
    pair.stuck = True
    for second in range(50):
        pair.outbox.put(A, Sample(COUNT, 2.0, ("x",)), float(second))
        pair.outbox.put(A, Sample(LEVEL, float(second), ("x",)), float(second))
        assert pair.deliver(float(second)) == 0
    pair.stuck = False
    assert pair.deliver(50.0) == 2
    assert numbers(pair.board, A)["qoe_things_total", "x"] == 100.0
    assert numbers(pair.board, A)["qoe_level", "x"] == 49.0


def test_incidents_and_streams_cross_at_once_and_the_last_findings_before_a_stream_goes() -> None:
    pair = Pair()
    pair.outbox.add(B, {})
    incident = Incident("stall", 1.0, None, "warning")
    pair.outbox.put(B, incident, 1.0)
    assert pair.sent == [("add", B, {}), ("incident", B, incident)]
    pair.outbox.put(B, Sample(COUNT, 3.0, ("x",)), 2.0)
    pair.outbox.remove(B)
    pair.deliver(2.0)
    assert numbers(pair.board, B)["qoe_things_total", "720p", "x"] == 3.0
    pair.outbox.remove(B)
    assert pair.sent == []


@pytest.mark.parametrize(
    "wrong",
    [
        Sample(Metric("qoe_other", "gauge", "No."), 1.0),
        Sample(LEVEL, float("nan"), ("x",)),
        Sample(LEVEL, 1.0, ("x", "y")),
        Sample(COUNT, -1.0, ("x",)),
        Sample(COUNT, None, ("x",)),
    ],
)
def test_what_the_board_would_refuse_is_refused(wrong: Sample) -> None:
    pair = Pair()
    pair.outbox.add(A, {})
    for key in (A, B):
        with pytest.raises(ValueError, match="qoe_"):
            pair.outbox.put(key, wrong, 1.0)
