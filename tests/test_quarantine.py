"""A stream that makes workers crash is told of, left undecoded for its term, and tried again."""

from __future__ import annotations

import signal

import pytest

from qoe_agent import catalogue
from qoe_agent.board import Board
from qoe_agent.config import Stream
from qoe_agent.maths.strikes import TERMS
from qoe_agent.quarantine import KIND, Quarantine
from qoe_agent.sink import Key

BAD, GOOD = Key("bad"), Key("good")
STREAM = Stream(name="bad", url="rtmp://127.0.0.1/live/bad", decode="all")


@pytest.fixture
def board() -> Board:
    made = Board(catalogue.metrics())
    made.add(BAD, {})
    made.add(GOOD, {})
    return made


def value(board: Board, name: str, key: Key = BAD) -> float | None:
    return next((one["value"] for one in board.metrics(key) if one["name"] == name), None)


def test_the_second_crash_suspends_decoding_until_the_term_is_over(board: Board) -> None:
    kept = Quarantine(board)
    kept.blame("crashed", -signal.SIGSEGV, ["bad"], 10.0)
    assert kept.tick(11.0, [BAD, GOOD]) == []
    assert kept.of(STREAM) == STREAM
    assert value(board, "qoe_agent_decode_crashes_total") == 1.0
    assert value(board, "qoe_agent_decode_suspended") is None
    kept.blame("stuck", -signal.SIGKILL, ["bad"], 40.0)
    assert kept.of(STREAM).decode == "none"
    assert kept.tick(41.0, [BAD, GOOD]) == []
    assert value(board, "qoe_agent_decode_crashes_total") == 2.0
    assert value(board, "qoe_agent_decode_suspended") == 1.0
    assert value(board, "qoe_agent_decode_crashes_total", GOOD) is None
    (known,) = board.incidents()
    assert (known.key, known.incident.kind, known.incident.start, known.incident.end) == (BAD, KIND, 40.0, None)
    assert kept.tick(40.0 + TERMS[0], [BAD, GOOD]) == ["bad"]
    assert kept.of(STREAM) == STREAM
    assert value(board, "qoe_agent_decode_suspended") is None
    assert [known.incident.end for known in board.incidents()] == [40.0 + TERMS[0]]


@pytest.mark.parametrize(
    ("reason", "status"),
    [("crashed", -signal.SIGKILL), ("hung", -signal.SIGKILL), ("crashed", 1), ("memory", 0), ("crashed", None)],
)
def test_an_end_that_may_have_come_from_outside_is_nobodys_fault(board: Board, reason: str, status: int | None) -> None:
    kept = Quarantine(board)
    for at in range(5):
        kept.blame(reason, status, ["bad"], float(at))
    kept.tick(9.0, [BAD])
    assert kept.of(STREAM) == STREAM
    assert value(board, "qoe_agent_decode_crashes_total") is None


def test_of_two_suspects_the_one_that_is_there_each_time_is_suspended(board: Board) -> None:
    kept = Quarantine(board)
    other = Stream(name="good", url="rtmp://127.0.0.1/live/good")
    kept.blame("crashed", -signal.SIGABRT, ["bad", "good"], 1.0)
    kept.blame("crashed", -signal.SIGABRT, ["bad"], 2.0)
    kept.blame("crashed", -signal.SIGABRT, ["bad"], 3.0)
    assert kept.of(STREAM).decode == "none"
    assert kept.of(other) == other


def test_what_is_no_longer_configured_is_forgotten(board: Board) -> None:
    kept = Quarantine(board)
    for at in (1.0, 2.0):
        kept.blame("crashed", -signal.SIGSEGV, ["bad"], at)
    kept.keep({"good"})
    assert kept.of(STREAM) == STREAM
    assert kept.tick(2.0 + TERMS[0], [GOOD]) == []


def test_crashes_before_the_stream_is_on_the_board_are_counted_when_it_is(board: Board) -> None:
    kept = Quarantine(board)
    kept.blame("crashed", -signal.SIGSEGV, ["bad"], 1.0)
    kept.tick(2.0, [GOOD])
    assert value(board, "qoe_agent_decode_crashes_total") is None
    kept.tick(3.0, [GOOD, BAD])
    assert value(board, "qoe_agent_decode_crashes_total") == 1.0
