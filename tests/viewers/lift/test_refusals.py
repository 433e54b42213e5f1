"""What is asked for and cannot be done is refused with what was expected, before anything is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift import Asked, Columns, Design, Unusable
from tests.viewers.lift.experiments import written

if TYPE_CHECKING:
    from pathlib import Path

DESIGN = Design(control="sd")
ROWS = {"user": [f"u{each}" for each in range(40)], "arm": ["sd", "hd"] * 20, "watch_seconds": list(range(1, 41))}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("few") / "few.csv", ROWS)


def refused(asked: Asked, work: Any = lift.analyse) -> str:
    with pytest.raises(Unusable) as caught:
        work(asked)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"caps": ()}, "caps must be one or more of seconds and None, not ()"),
        ({"caps": (0.0,)}, "a cap must be seconds, more than 0, or None"),
        ({"alpha": 1.5}, "alpha must be more than 0 and less than 1, not 1.5"),
        ({"smallest_effect": 0.0}, "smallest_effect must be more than 0 and less than 1"),
        ({"window": -1.0}, "window must be seconds, more than 0"),
        ({"planned_users": 0}, "planned_users must be 2 at least"),
        ({"allocation": {"sd": 0.5, "hd": 0.0}}, "the share of 'hd' must be more than 0"),
        ({"treatments": "hd"}, "treatments must be several, as a tuple, not 'hd'"),
        ({"treatments": ("sd",)}, "--treatment 'sd' is the control itself; there are hd, sd"),
    ],
)
def test_designs_that_are_none(few: Path, more: dict[str, Any], told: str) -> None:
    assert told in refused(Asked(files=(few,), design=replace(DESIGN, **more)))


def test_options_that_would_do_nothing(few: Path) -> None:
    washed = replace(DESIGN, washout=60.0)
    assert "--washout is of blocks of time" in refused(Asked(files=(few,), design=washed))
    assert "--experiment ladder: is for facts" in refused(Asked(files=(few,), design=DESIGN, experiment="ladder"))


@pytest.mark.parametrize(
    ("name", "more"),
    [("--stratify", {"strata": ("device",)}), ("--segment", {"segments": ("device",)}), ("--window", {"window": 60.0}),
     ("--cap-unit", {"cap_unit": "user"})],
)  # fmt: skip
def test_a_switchback_knows_no_users(few: Path, name: str, more: dict[str, Any]) -> None:
    design = replace(DESIGN, switchback=600.0, **more)
    assert refused(Asked(files=(few,), design=design)).startswith(f"{name} is of users: of blocks")


def test_nothing_to_analyse_and_paths_as_text(few: Path) -> None:
    assert "nothing to analyse" in refused(Asked(design=DESIGN))
    by_text: Any = (str(few),)
    assert lift.analyse(Asked(files=by_text, design=DESIGN)).code == "underpowered"
    alone: Any = str(few)
    assert lift.analyse(Asked(files=alone, design=DESIGN)).code == "underpowered"
    number: Any = (7,)
    assert "files: must be paths, not 7" in refused(Asked(files=number, design=DESIGN))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"mapping": "arms.csv"}, "--mapping is for files"),
        ({"columns": Columns("viewer", "arm", "watch_seconds")}, "--user viewer: is for files; of facts it is always"),
        ({"columns": Columns("user", "arm", "length")}, "--watch length: is for files"),
        ({"columns": Columns("user", "arm", "watch_seconds", block="b")}, "of facts it is always unknown"),
    ],
)
def test_facts_have_columns_of_their_own(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    (tmp_path / "events").mkdir()
    assert told in refused(Asked(facts=tmp_path, design=DESIGN, **more))


def test_measures_that_are_not_there_or_cannot_be_joined(few: Path, tmp_path: Path) -> None:
    asked = Asked(files=(few,), design=DESIGN, measured=tmp_path / "nowhere")
    assert "nowhere: no such file or folder" in refused(asked)
    assert "nothing was measured there" in refused(replace(asked, measured=tmp_path))
    (tmp_path / "here.jsonl").write_text('{"stream": "s", "at": 1, "height": 720}\n')
    told = refused(replace(asked, measured=tmp_path))
    assert "--measured needs --time COLUMN and --stream COLUMN" in told


@pytest.mark.parametrize("other", ["sd ", "SD", " sd"])
def test_arms_that_look_alike_are_named(tmp_path: Path, other: str) -> None:
    rows = ROWS | {"arm": ["sd", "hd", other, "hd"] * 10}
    told = refused(Asked(files=(written(tmp_path / "a.parquet", rows),), design=DESIGN))
    assert "differ only in blanks or case" in told
    assert repr(other) in told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"effects": (0.0,)}, "--effect must be a lift of more than 0, such as 0.01, not 0.0"),
        ({"effects": (float("nan"),)}, "--effect must be"),
        ({"users_per_day": -5.0}, "--users-per-day must be more than 0, not -5.0"),
        ({"design": Design(control="", alpha=0.0)}, "alpha must be"),
    ],
)
def test_plans_of_nothing(more: dict[str, Any], told: str) -> None:
    assert told in refused(Asked(**more), lift.planned)


def test_a_past_without_sessions(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("user,watch_seconds\n")
    assert refused(Asked(files=(path,)), lift.planned) == (
        f"{path}: no sessions of which it is known how long they were")  # fmt: skip
