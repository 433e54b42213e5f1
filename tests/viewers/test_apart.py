"""Work in a process of its own: what it returns, what it says, and that the caller outlives whatever becomes of it."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.apart import PREFIX, Step, Unusable, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def litters(asked: str, tell: Callable[[Step], None]) -> None:
    tempfile.mkdtemp(prefix="qoe-tables-")
    if asked == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    tell(Step(str(os.getpid()), 1, 1))
    signal.pause()


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


def test_nothing_is_left_of_one_that_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(Unusable, match="killed by signal 9"):
        work("litters", "dies")
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_by_one_that_was_killed_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    left, used, new, linked = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "new", "linked"))
    for each in (left, used, new, tmp_path / "other"):
        (each / "inside").mkdir(parents=True)
    linked.symlink_to(tmp_path / "other")
    for each in (left, used, tmp_path / "other"):
        os.utime(each, (1e9, 1e9))
    held = os.open(used, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    work("well", 21)
    os.close(held)
    assert sorted(tmp_path.iterdir()) == sorted([linked, new, tmp_path / "other", used])
    assert (tmp_path / "other" / "inside").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_when_its_parent_does(tmp_path: Path, number: signal.Signals) -> None:
    # whoever runs the tests may have it ignored, which children inherit
    parent = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
         "from qoe_agent.viewers import apart; apart.run("
         f"'{__name__}:litters', '', None, lambda step: step and print(step.doing, flush=True))"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    with parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(number)
        parent.wait(60)
        gone, _, _ = select.select([child], [], [], 60)
        os.close(child)
    assert gone
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
