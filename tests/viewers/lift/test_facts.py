"""Experiments out of the daemon's facts: whose arms they are, what was delivered, and what was measured beside."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers import lift
from qoe_agent.viewers.facts import segments
from qoe_agent.viewers.facts.writer import Writer
from qoe_agent.viewers.lift import Asked, Design, Unusable
from qoe_agent.viewers.lift.assignment import arm
from tests.viewers.made import NOON_MS, heartbeat, record

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.events import ViewerEvent
    from qoe_agent.viewers.lift import Lift

USERS = 600
DESIGN = Design(control="sd", smallest_effect=0.9)
SHARES = (("sd", 0.5), ("hd", 0.5))
LINES = {"sd": 480, "hd": 1080}


def facts(folder: Path, *, alike: bool = False, rendition: bool = True) -> Path:
    """HD makes viewers stay twice as long; its rendition has more lines, unless it is all `alike`."""
    source = np.random.default_rng(1)
    events: list[ViewerEvent] = []
    for number in range(USERS):
        name = arm("ladder", f"u{number}", SHARES) or ""
        stays = float(source.exponential(60.0)) * (2.0 if name == "hd" else 1.0)
        lines = 480 if alike else LINES[name]
        begins = NOON_MS + 1000 * int(source.integers(0, 600))
        said = {"user": f"u{number}", "stream": "s", "interval_ms": 10_000, "height": lines}
        said |= {"rendition": f"{lines}p"} if rendition else {}
        for place, (after, more) in enumerate((
            (0.0, {"kind": "arm", "experiment": "ladder", "arm": name, "state": "playing"}),
            (stays, {"kind": "leave"}),
        )):  # fmt: skip
            at = begins + round(1000 * after)
            events.append(heartbeat(f"s{number}", place, at_ms=at, received_ms=at, **said, **more))
    writer = Writer(folder, 1 << 22, 3600)
    writer.commit([segments.framed(record(*events))])
    writer.rotate()
    writer.close()
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return facts(tmp_path_factory.mktemp("facts"))


def measured(folder: Path, lines: dict[str | None, int]) -> None:
    """As the daemon writes it beside."""
    (folder / "measures").mkdir()
    rows = [
        {"stream": "s", "at": NOON_MS // 1000 + 60 * minute, "seconds": 60, "effective_height": height}
        | ({"rendition": name} if name else {})
        for minute in range(-1, 40) for name, height in lines.items()
    ]  # fmt: skip
    (folder / "measures" / "2026-01-01.here.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def analysed(folder: Path, experiment: str = "ladder") -> Lift:
    return lift.analyse(Asked(facts=folder, design=DESIGN, experiment=experiment))


def state(found: Lift) -> str:
    return next(each.state for each in found.checks if each.name == "delivered_contrast")


def test_arms_and_users_come_from_the_facts(plain: Path) -> None:
    found = analysed(plain)
    one = found.estimates[0]
    assert (one.unit, sum(one.n.values())) == ("user", USERS)
    assert one.low < 1.0 < one.high
    assert found.code == "better"
    assert state(found) == "passed"
    told = {each.arm: each.mean for each in found.doses if each.measure == "height"}
    assert told == {"sd": pytest.approx(480), "hd": pytest.approx(1080)}
    assert found.design["experiment"] == "ladder"


def test_an_hd_arm_that_got_the_same_picture_is_called_that(tmp_path: Path) -> None:
    found = analysed(facts(tmp_path, alike=True))
    assert found.code == "blocked"
    assert found.text.startswith("No verdict: hd was delivered the same picture as sd (hd 480 lines, sd 480 lines")


def test_while_it_runs_times_are_known(plain: Path) -> None:
    found = lift.analyse(Asked(facts=plain, design=replace(DESIGN, planned_users=5000)))
    assert found.estimates[0].always_valid is not None
    assert "always-valid interval" in found.text
    assert "so far: 600 of 5,000 users are in" in found.text


def test_lines_that_carry_no_detail_are_no_hd(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path, dirs_exist_ok=True)
    measured(tmp_path, {"480p": 470, "1080p": 472})
    found = analysed(tmp_path)
    assert found.code == "blocked"
    assert "hd was delivered 1,080 lines, of which the agent found 472 to carry detail, against 480 and 470 of sd" in (
        found.text
    )


def test_what_is_measured_of_the_whole_stream_is_not_held_against_arms(tmp_path: Path) -> None:
    measured(facts(tmp_path, rendition=False), {None: 1000})
    found = analysed(tmp_path)
    assert state(found) == "passed", "players told that they differ"
    assert any("does not tell arms apart" in note for note in found.notes)


def test_a_folder_without_facts_and_an_unknown_experiment_are_told(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no folder of facts"):
        analysed(tmp_path)
    with pytest.raises(Unusable, match="no experiment 'x'; the facts have ladder"):
        analysed(plain, "x")
