"""What is wrong with a table that a user gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class BadTable(ValueError):
    """A file that cannot be read as it was meant: where, and what was expected there."""

    def __init__(self, path: Path, line: int | None, column: str | None, expected: str) -> None:
        self.path, self.line, self.column, self.expected = path, line, column, expected
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {column}: {expected}" if column else f"{where}: {expected}")
