"""Experiments out of files and facts: rows of sessions by named columns, and the sums that estimators need of them.

What is asked for is computed in the engine in two stages: by user, then by arm and group (a user's variance and caps
are not linear). No row is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.tables.trials.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Columns

__all__ = ["Rows", "open_facts", "open_files"]


def open_files(
    paths: Sequence[Path], columns: Columns, numbers: Sequence[str] = (), words: Sequence[str] = (),
    engine: str = "duckdb", mapping: Path | None = None,
) -> Rows:  # fmt: skip
    """The sessions in files, a row each; `numbers` and `words`: further columns that are used, as numbers and as text.

    `mapping`: a file with columns `user` and `arm`, in place of the arms in the files. An empty `columns.arm`: there
    are no arms, as in the past that a plan is made of. BadTable: a file is wrong. ValueError: no such engine.
    """
    from qoe_agent.viewers.tables.trials import opening

    return opening.of_files(paths, columns, numbers, words, engine, mapping)


def open_facts(
    folder: Path, experiment: str = "", _columns: Columns | None = None, numbers: Sequence[str] = (),
    words: Sequence[str] = (), engine: str = "duckdb",
) -> Rows:  # fmt: skip
    """The sessions in a folder of facts, with the arms of an experiment (it may be "" where there is only one).

    `numbers` and `words`: as for files, out of what facts tell (`facts.NUMBERS`, attributes). Columns are always
    `facts.COLUMNS`. ValueError: no such column, experiment or engine.
    """
    from qoe_agent.viewers.tables.trials import facts

    return facts.of_facts(folder, experiment, numbers, words, engine)
