"""Experiments out of odd files: values that are no numbers, columns in two roles, users who never came or who vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers.tables import BadTable
from qoe_agent.viewers.tables.trials import open_files
from tests.viewers.tables import trials_made as made

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("column", ["watch_seconds", "stall_seconds", "pre", "start"])
def test_what_is_no_number_in_parquet_is_named(column: str, tmp_path: Path) -> None:
    some = made.rows(5, 10)
    some[6][column] = float("nan")
    with pytest.raises(BadTable, match=f"some.parquet: {column}: row 7: must be "):
        open_files([made.written(tmp_path / "some.parquet", some)], made.COLUMNS, made.NUMBERS)
