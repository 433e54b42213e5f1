"""Agents that share streams: each knows its part, and at a change nothing is left alone."""

from __future__ import annotations

import asyncio
import itertools
import logging
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent import catalogue, clock
from qoe_agent.board import Board
from qoe_agent.config import Agent, ConfigError, Stream
from qoe_agent.shard import Shard, Share, share
from tests.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STREAMS = [Stream(name=f"show-{n}", url=f"rtmp://127.0.0.1/live/{n}") for n in range(200)]
ALL = {stream.name for stream in STREAMS}


@pytest.mark.parametrize(
    ("said", "shards", "host", "found"),
    [
        ("", None, "qoe-agent-2", None),
        ("", 3, "qoe-agent-2", Share(2, 3)),
        ("auto", 3, "qoe-agent-0", Share(0, 3)),
        ("auto", 3, "qoe-agent-12.qoe-agent.watch.svc.cluster.local", Share(12, 3)),
        ("auto", 1, "a-1-0", Share(0, 1)),
        ("1/3", None, "elsewhere", Share(1, 3)),
        ("1/3", 5, "qoe-agent-4", Share(1, 3)),
        ("4", 3, "elsewhere", Share(4, 3)),
    ],
)
def test_which_part_it_is(said: str, shards: int | None, host: str, found: Share | None) -> None:
    assert share(said, Agent(shards=shards), host) == found


@pytest.mark.parametrize(
    ("said", "shards", "host", "told"),
    [
        ("first", None, "h-0", "--shard: must be auto, I or I/N, such as 0/3 for the first of three"),
        ("1/", None, "h-0", "--shard: must be auto"),
        ("-1/3", None, "h-0", "--shard: must be auto"),
        ("¹/3", None, "h-0", "--shard: must be auto"),
        ("3/3", None, "h-0", "--shard 3/3: counted from 0, so I must be less than N"),
        ("0/0", None, "h-0", "--shard 0/0: counted from 0, so I must be less than N"),
        ("auto", None, "h-0", "--shard auto: of how many? Set agent.shards, or say I/N"),
        ("2", None, "h-0", "--shard 2: of how many? Set agent.shards, or say I/N"),
        ("auto", 3, "laptop", "which of the 3 is this one? The host name 'laptop' ends in no -NUMBER; use --shard"),
        ("", 3, "host7", "which of the 3 is this one? The host name 'host7' ends in no -NUMBER; use --shard"),
        ("", 3, "laptop.site-3", "The host name 'laptop.site-3' ends in no -NUMBER"),
    ],
)
def test_what_makes_no_sense_is_told(said: str, shards: int | None, host: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        share(said, Agent(shards=shards), host)
    assert told in caught.value.errors[0]


class Agents:
    """As many agents as a test wants, by one clock, and what each of them watches."""

    def __init__(self, said: list[str], settings: Agent) -> None:
        self.boards = [Board(catalogue.metrics()) for _ in said]
        self.changes = [0 for _ in said]
        self.shards = [
            Shard(text, settings, board, self._counter(n))
            for n, (text, board) in enumerate(zip(said, self.boards, strict=True))
        ]

    def _counter(self, n: int) -> Callable[[], None]:
        def changed() -> None:
            self.changes[n] += 1

        return changed

    def watched(self, streams: list[Stream] = STREAMS) -> list[set[str]]:
        return [{stream.name for stream in shard.own(streams)} for shard in self.shards]

    def value(self, n: int, name: str) -> float | None:
        return next((one["value"] for one in self.boards[n].metrics(None) if one["name"] == name), None)

    def close(self) -> None:
        for shard in self.shards:
            shard.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the agents' clock."""
    ahead, real = [0.0], clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead[0])

    def step(seconds: float) -> None:
        ahead[0] += seconds

    return step


async def test_together_they_watch_each_stream_once() -> None:
    agents = Agents(["0", "1", "2"], Agent(shards=3))
    watched = agents.watched()
    assert set.union(*watched) == ALL
    assert sum(map(len, watched)) == len(ALL)
    assert all(watched)
    for n, mine in enumerate(watched):
        assert agents.value(n, "qoe_agent_shard_ordinal") == n
        assert agents.value(n, "qoe_agent_shards") == 3
        assert agents.value(n, "qoe_agent_streams_known") == len(ALL)
        assert agents.value(n, "qoe_agent_streams_owned") == len(mine)


async def test_the_order_of_the_list_changes_nothing() -> None:
    agents = Agents(["1/3"], Agent())
    assert agents.watched() == agents.watched(STREAMS[::-1])


async def test_one_that_shares_with_nobody_watches_all_and_has_no_part() -> None:
    agents = Agents([""], Agent())
    assert agents.watched() == [ALL]
    assert agents.value(0, "qoe_agent_streams_owned") == len(ALL)
    assert agents.value(0, "qoe_agent_shards") is None
    assert agents.shards[0].line() == ""


async def test_when_the_number_grows_new_owners_start_at_once_and_old_ones_let_go_after_the_handover(
    steps: Callable[[float], None],
) -> None:
    agents = Agents(["0", "1", "2", "3"], Agent(shards=3))
    before = agents.watched()
    assert before[3] == set()
    for shard in agents.shards:
        shard.follow(Agent(shards=4))
    during = agents.watched()
    moved = during[3]
    assert moved
    assert moved < ALL
    assert during[:3] == before[:3]
    steps(29.0)
    assert agents.watched() == during
    steps(1.1)
    assert agents.watched() == [mine - moved for mine in before[:3]] + [moved]
    agents.close()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize(("before", "after"), [(3, 2), (2, 3), (1, 3), (3, 1)])
async def test_whoever_hears_of_it_last_nothing_is_left_alone(
    steps: Callable[[float], None], order: tuple[int, ...], before: int, after: int
) -> None:
    """The new settings reach one agent after the other, within the handover; a stream vanishes from no watch."""
    agents = Agents(["0", "1", "2"], Agent(shards=before))
    agents.watched()
    for n in order:
        agents.shards[n].follow(Agent(shards=after))
        assert set.union(*agents.watched()) == ALL
        steps(14.0)
        assert set.union(*agents.watched()) == ALL
    steps(30.0)
    watched = agents.watched()
    assert set.union(*watched) == ALL
    assert sum(map(len, watched)) == len(ALL)
    assert not any(watched[after:])
    agents.close()


async def test_back_and_forth_interrupts_nothing(steps: Callable[[float], None]) -> None:
    agents = Agents(["0"], Agent(shards=2))
    (before,) = agents.watched()
    agents.shards[0].follow(Agent(shards=3))
    assert agents.watched() == [before]
    agents.shards[0].follow(Agent(shards=2))
    assert agents.watched() == [before]
    steps(31.0)
    assert agents.watched() == [before]
    assert agents.value(0, "qoe_agent_streams_owned") == len(before)
    agents.close()


async def test_further_changes_do_not_put_the_letting_go_off(steps: Callable[[float], None]) -> None:
    agents = Agents(["0"], Agent(shards=1))
    agents.watched()
    agents.shards[0].follow(Agent(shards=2))
    agents.watched()
    steps(20.0)
    agents.shards[0].follow(Agent(shards=3))
    steps(11.0)
    left = agents.watched()[0]
    fresh = Agents(["0"], Agent(shards=2))
    assert left == fresh.watched()[0]
    agents.close()


async def test_what_is_taken_off_the_list_is_let_go_at_once_and_new_settings_are_taken(
    steps: Callable[[float], None],
) -> None:
    agents = Agents(["0"], Agent(shards=1))
    agents.watched()
    agents.shards[0].follow(Agent(shards=2))
    shard = agents.shards[0]
    held = [stream for stream in shard.own(STREAMS) if not Share(0, 2).has(stream.name)]
    rest = [stream for stream in STREAMS if stream is not held[0]]
    changed = [replace(stream, lost_after=3.0) if stream is held[1] else stream for stream in rest]
    own = {stream.name: stream for stream in shard.own(changed)}
    assert held[0].name not in own
    assert own[held[1].name].lost_after == 3.0
    agents.close()


async def test_the_end_of_the_handover_is_told_without_being_asked() -> None:
    agents = Agents(["0"], Agent(shards=1))
    agents.watched()
    agents.shards[0].follow(Agent(shards=2, handover=0.05))
    assert agents.watched() == [ALL]
    await until(lambda: agents.changes[0])
    await asyncio.sleep(0.01)
    assert len(agents.watched()[0]) < len(ALL)
    assert agents.changes == [1]


async def test_no_more_is_told_after_the_end() -> None:
    agents = Agents(["0"], Agent(shards=1))
    agents.watched()
    agents.shards[0].follow(Agent(shards=2, handover=0.02))
    agents.watched()
    agents.close()
    await asyncio.sleep(0.05)
    assert agents.changes == [0]


async def test_it_says_which_part_it_is_when_that_changes_and_no_more(
    caplog: pytest.LogCaptureFixture, steps: Callable[[float], None]
) -> None:
    caplog.set_level(logging.INFO, "qoe_agent.shard")
    agents = Agents(["1"], Agent(shards=1))
    agents.watched()
    nothing = "shard 1/1: owns none of 200 streams, being beyond the last"
    assert agents.shards[0].line() == nothing
    agents.watched()
    agents.shards[0].follow(Agent(shards=2))
    (mine,) = agents.watched()
    agents.shards[0].follow(Agent(shards=1))
    agents.watched()
    steps(31.0)
    agents.watched()
    assert [record.getMessage() for record in caplog.records] == [
        nothing,
        f"shard 1/2: owns {len(mine)} of 200 streams",
        f"{nothing}; watches {len(mine)} more until others have them",
        nothing,
    ]


def test_the_command_refuses_with_a_line_and_two(tmp_path: Path) -> None:
    path = tmp_path / "agent.yml"
    path.write_text("streams: []\n")
    command = [sys.executable, "-m", "qoe_agent", "run", str(path), "--shard", "3/3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--shard 3/3: counted from 0" in done.stderr
    assert "Traceback" not in done.stderr
