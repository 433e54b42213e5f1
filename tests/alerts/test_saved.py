"""The file that outlives the agent."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.alerts import saved
from qoe_agent.alerts.cases import Case, Name
from qoe_agent.alerts.saved import Saved, Unreadable
from tests.alerts.notices import notice, over

if TYPE_CHECKING:
    from pathlib import Path

NAME = Name("show", "720p", "stall", "v")
CASE = Case(
    "id", 100.0, {100.0: 102.5, 110.0: None}, 1.5, 3, "warning", {"a": [1, None]}, None, 0.0, "warning", "lost", 4
)  # fmt: skip
WHOLE = Saved({NAME: CASE}, 120.0, [over()], {"oncall": [notice(detail={"b": 1})]})


def test_what_was_saved_is_read_again_in_the_times_of_the_new_process(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    saved.write(path, saved.text_of(WHOLE, 1000.0))
    read = saved.read(path, 900.0)
    moved = replace(CASE, start=200.0, spells={200.0: 202.5, 210.0: None})
    assert read == WHOLE._replace(state={NAME: moved}, at=220.0)
    assert saved.read(path, 1000.0) == WHOLE


def test_it_is_for_its_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    saved.write(str(path), "{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert saved.read(str(tmp_path / "none.json"), 0.0) is None


def damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(saved.text_of(WHOLE, 0.0)), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "damaged"), ("{", "damaged"), ("[]", "damaged"), ("null", "damaged"), ("[" * 100_000, "damaged"),
        (damaged(version=2), "of version 2, not 1"), (damaged(cases=[{}]), "damaged"), (damaged(cases=5), "damaged"),
        (damaged(waiting=[1]), "damaged"), (damaged(resolved=[{"id": 1}]), "damaged"), (damaged(saved="x"), "damaged"),
        (saved.text_of(WHOLE, 0.0)[:-40], "damaged"),
        (saved.text_of(WHOLE, 0.0).replace('"warning"', '"loud"'), "damaged"),
        (saved.text_of(WHOLE, 0.0).replace('"show"', "7"), "damaged"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said_to_be(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(Unreadable, match=message):
        saved.read(str(path), 0.0)


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "state.json")
    saved.write(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        saved.write(path, "new")
    assert (tmp_path / "state.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["state.json"]
