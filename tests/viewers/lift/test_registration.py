"""Pre-registrations: written once, read back as they were meant, and held against what is analysed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import metrics, registration
from qoe_agent.viewers.lift.shapes import Amount, Columns, Design, Metric

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = Columns("user", "arm", "watch_seconds")
TOLD = (metrics.metric("gifts/orders"), metrics.guardrail("stall_ratio:0.02"))
DESIGN = Design(
    control="720", treatments=("1080",), metrics=TOLD,
    caps=(None, 600.0), planned_users=50_000, window=604800.0, allocation={"720": 0.9, "1080": 0.1}, pre=("before",),
    segments=("country", "设备"), smallest_effect=0.02,
)  # fmt: skip


def test_a_design_comes_back_as_it_was_registered(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    registration.register(path, DESIGN, "hd-2026", "user", "2026-11-22")
    found = registration.read(path)
    assert found.design == DESIGN
    assert (found.said.experiment, found.said.registered, found.sound) == ("hd-2026", "2026-11-22", True)
    assert registration.differences(found, DESIGN, COLUMNS) == ()
    assert registration.check(found, ()).state == "passed"


def test_the_least_that_can_be_registered_is_the_usual(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    path.write_text("control: sd\n")
    found = registration.read(path)
    assert found.design == Design(control="sd")
    assert found.sound is None
    assert registration.check(found, ()).state == "notice", "who changes it may take the hash out, too"


def test_what_is_analysed_otherwise_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    registration.register(path, DESIGN, "", "user", "2026-11-22")
    found = registration.read(path)
    other = replace(DESIGN, caps=(9000.0,), smallest_effect=0.05, allocation=None, metrics=DESIGN.metrics[1:])
    told = registration.differences(found, other, replace(COLUMNS, user=None))
    assert told == (
        "metrics: registered gifts/orders, stall_ratio:0.02, analysed stall_ratio:0.02",
        "caps: registered none, 600, analysed 9000",
        "smallest_effect: registered 0.02, analysed 0.05",
        "allocation: registered 1080=0.1, 720=0.9, analysed none",
        "unit: registered user, analysed session",
    )
    check = registration.check(found, told)
    assert check.state == "notice"
    assert "smallest_effect: registered 0.02, analysed 0.05" in check.text


def test_columns_are_registered_and_held_against_those_analysed(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    registration.register(path, DESIGN, "", "user", "2026-11-22", replace(COLUMNS, time="start"))
    found = registration.read(path)
    assert found.said.columns == {"user": "user", "arm": "arm", "watch": "watch_seconds", "time": "start"}
    assert found.sound
    assert registration.differences(found, DESIGN, replace(COLUMNS, time="start", stream="show")) == ()
    told = registration.differences(found, DESIGN, replace(COLUMNS, watch="stall_seconds"))
    assert told == (
        "column watch: registered watch_seconds, analysed stall_seconds",
        "column time: registered start, analysed none",
    )
    assert registration.named(told) == ("column watch", "column time")
    mapped = replace(COLUMNS, arm="", time="start")
    assert registration.differences(found, DESIGN, mapped) == ()


def test_a_file_that_was_changed_is_not_what_was_registered(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    registration.register(path, DESIGN, "", "user", "2026-11-22")
    path.write_text(path.read_text().replace("smallest_effect: 0.02", "smallest_effect: 0.05"))
    found = registration.read(path)
    assert found.design.smallest_effect == 0.05
    assert registration.check(found, ()).state == "failed"


def test_a_registration_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    path.write_text("control: sd\n")
    with pytest.raises(Unusable, match=r"plan\.yml: there is such a file"):
        registration.register(path, DESIGN, "", "user", "2026-11-22")
    assert path.read_text() == "control: sd\n"
    with pytest.raises(Unusable, match="No such file or directory"):
        registration.register(tmp_path / "none" / "plan.yml", DESIGN, "", "user", "2026-11-22")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("treatments: [hd]\n", "plan.yml:1:1: control: required"),
        ("control: sd\nsmalest_effect: 0.1\n", 'plan.yml:2:1: smalest_effect: unknown key; did you mean "smallest_eff'),
        ("control: 720\n", "plan.yml:1:10: control: must be text: put it in quotes"),
        ("control: sd\nguardrails: [stall_ratio]\n",
         "plan.yml:2:14: guardrails[0]: stall_ratio: must be METRIC:MARGIN, such as"),
        ("control: sd\nwindow: soon\n", "plan.yml:2:9: window: must be a duration"),
        ("control: sd\nalpha: 5\n", "plan.yml:2:8: alpha: must be less than 1"),
        ("control: sd\ncolumns: {watched: seconds}\n",
         "plan.yml:2:11: columns.watched: must be one of user, arm, watch, time"),
        ("control: [\n", "not YAML"),
        ("", "control: required"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(text)
    with pytest.raises(Unusable) as caught:
        registration.read(path)
    assert told in str(caught.value)


def test_what_no_file_can_say_is_refused(tmp_path: Path) -> None:
    odd = replace(DESIGN, metrics=(Metric("odd", Amount("gifts", above=3.0)),))
    with pytest.raises(Unusable, match="metric odd: cannot be registered"):
        registration.register(tmp_path / "plan.yml", odd, "", "user", "2026-11-22")
    with pytest.raises(Unusable, match="control"):
        registration.register(tmp_path / "plan.yml", Design(control=""), "", "user", "2026-11-22")
