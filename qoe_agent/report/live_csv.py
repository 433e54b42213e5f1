"""A live comparison as CSV: a row for each second of each output, written as the seconds come."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from qoe_agent.compare.live.seconds import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from qoe_agent.compare.live.history import Second


class Table:
    """What is not known is empty. Every row is written at once, so a run of days needs no memory for them."""

    def __init__(self, file: TextIO, outputs: Sequence[str]) -> None:
        """Names of the outputs."""
        self._file, self._outputs = file, tuple(outputs)
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(["second", "output", *NAMES])

    def add(self, second: Second) -> None:
        """A second that is as it will be."""
        for n, output in enumerate(self._outputs):
            values = [second.value(n, name) for name in NAMES]
            if any(value is not None for value in values):
                self._writer.writerow([second.number, output, *("" if v is None else f"{v:.6g}" for v in values)])
        self._file.flush()
