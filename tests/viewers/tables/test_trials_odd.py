"""Experiments out of odd files: values that are no numbers, columns in two roles, users who never came or who vary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift.shapes import Amount, Columns, Design
from qoe_agent.viewers.tables import BadTable
from qoe_agent.viewers.tables.trials import open_files
from qoe_agent.viewers.tables.trials.observed import of_rows
from tests.viewers.tables import trials_made as made

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("column", ["watch_seconds", "stall_seconds", "pre", "start"])
def test_what_is_no_number_in_parquet_is_named(column: str, tmp_path: Path) -> None:
    some = made.rows(5, 10)
    some[6][column] = float("nan")
    with pytest.raises(BadTable, match=f"some.parquet: {column}: row 7: must be "):
        open_files([made.written(tmp_path / "some.parquet", some)], made.COLUMNS, made.NUMBERS)


@pytest.mark.parametrize("name", ["some.parquet", "some.csv"])
def test_a_column_is_a_number_and_a_word_at_once(name: str, tmp_path: Path) -> None:
    some = [row | {"orders": number % 2} for number, row in enumerate(made.rows(8, 60))]
    both = ("orders", "stall_seconds")
    design = Design("sd", metrics=made.METRICS[:5], pre=("orders",), segments=both, strata=("orders",))
    with open_files([made.written(tmp_path / name, some)], made.COLUMNS, both, both) as rows:
        trial = rows.trial(design)
        covered = of_rows(rows, both, "hd", "sd", None)
    assert set(trial.groups["orders",]) == {("0",), ("1",)}
    assert not np.isnan(trial.arms["hd"].mean(Amount("orders")))
    assert covered.ordered == (True, True)


def test_lengths_may_be_words_alone(tmp_path: Path) -> None:
    some = made.rows(8, 60)
    with open_files([made.written(tmp_path / "s.parquet", some)], made.COLUMNS, (), ["stall_seconds"]) as rows:
        assert of_rows(rows, ["stall_seconds"], "hd", "sd", None).ordered == (True,)


@pytest.mark.parametrize("asked", [
    {"segments": ("orders",)}, {"pre": ("pre",), "segments": ("pre",)}, {"strata": ("stall_seconds",)},
])  # fmt: skip
def test_usual_metrics_are_of_columns_that_have_another_role(asked: dict[str, Any], tmp_path: Path) -> None:
    path = made.written(tmp_path / "some.parquet", [{**row, "pre": 7.0, "stall_seconds": 1.0, "orders": 1}
                                                    for row in made.rows(8, 60)])  # fmt: skip
    found = lift.analyse(lift.Asked((path,), columns=made.COLUMNS, design=Design("sd", ("hd",), **asked)))
    assert {"stall_ratio", "orders_per_hour"} <= {each.metric for each in found.estimates}


@pytest.mark.parametrize("role", ["segments", "strata"])
def test_values_that_vary_within_users_need_times(role: str, tmp_path: Path) -> None:
    """The least of more values is less: without times, who comes often would be in other groups."""
    some = [{"user": f"u{number % 200}", "arm": "hd" if number % 2 else "sd", "at": made.BEGAN + number,
             "watch_seconds": 1.0, "region": "abc"[number // 200 % 3]} for number in range(600)]  # fmt: skip
    path, design = made.written(tmp_path / "some.parquet", some), Design("sd", **{role: ("region",)})
    columns = Columns("user", "arm", "watch_seconds")
    refused = "column 'region': 200 of 200 users have several values; which of them counts is told by --time COLUMN"
    with open_files([path], columns, (), ["region"]) as rows, pytest.raises(ValueError, match=refused):
        rows.trial(design)
    with open_files([path], replace(columns, time="at"), (), ["region"]) as rows:
        assert set(rows.trial(design).groups["region",]) == {("a",)}


def test_values_that_vary_of_few_users_are_said(tmp_path: Path) -> None:
    some = [{"user": f"u{number % 200}", "arm": "hd" if number % 2 else "sd", "watch_seconds": 1.0,
             "region": None if number == 7 else "a"} for number in range(600)]  # fmt: skip
    path = made.written(tmp_path / "some.parquet", some)
    with open_files([path], Columns("user", "arm", "watch_seconds"), (), ["region"]) as rows:
        trial = rows.trial(Design("sd", segments=("region",)))
    assert "column 'region': 1 of 200 users have several values, of which the least counts" in trial.notes
