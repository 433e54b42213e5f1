"""Work in a process of its own: what it returns, what it says, and that the caller outlives whatever becomes of it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.apart import Step, Unusable, run

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 400 << 20


def well(asked: int, tell: Callable[[Step], None]) -> dict[str, int]:
    tell(Step("counting", 1, 2))
    tell(Step("counting", 2, 2))
    return {"twice": asked * 2, "process": os.getpid()}


def refuses(asked: str, tell: Any) -> None:
    raise Unusable(f"{asked}:3: no such column")


def dies(asked: Any, tell: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def breaks(asked: Any, tell: Any) -> None:
    raise KeyError("a bug")


def greedy(asked: Any, tell: Any) -> int:
    held = []
    while True:
        held.append(b"x" * (4 << 20))


def work(name: str, asked: Any = None, heard: Callable[[Step | None], None] = lambda _: None) -> Any:
    return run(f"{__name__}:{name}", asked, LIMIT, heard)


def test_it_works_elsewhere_and_says_how_far_it_is() -> None:
    heard: list[Step | None] = []
    found = work("well", 21, heard.append)
    assert found["twice"] == 42
    assert found["process"] != os.getpid()
    assert [step for step in heard if step] == [Step("counting", 1, 2), Step("counting", 2, 2)]


def test_what_cannot_be_used_is_told_in_its_own_words() -> None:
    with pytest.raises(Unusable, match=r"^a.csv:3: no such column$"):
        work("refuses", "a.csv")


def test_a_process_that_dies_is_told_of() -> None:
    with pytest.raises(Unusable, match=r"killed by signal 9.*--memory raises it"):
        work("dies")


def test_a_process_that_breaks_down_is_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unusable, match="ended with status 1"):
        work("breaks")
    assert "KeyError: 'a bug'" in capfd.readouterr().err


def test_memory_has_a_limit() -> None:
    with pytest.raises(Unusable, match=r"needs more than 0\.419 GB of memory"):
        work("greedy")
