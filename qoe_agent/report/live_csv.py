"""A live comparison as CSV: a row for each second of each output. Pure."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from qoe_agent.compare.live.seconds import MEASURES

if TYPE_CHECKING:
    from qoe_agent.compare.live.paired import LiveCompared


def table(compared: LiveCompared) -> str:
    """What is not known is empty."""
    text = StringIO()
    names = [one.name for one in MEASURES]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["second", "output", *names])
    for second in compared.seconds:
        for n, side in enumerate(compared.sides):
            values = [second.value(n, name) for name in names]
            if any(value is not None for value in values):
                writer.writerow([second.number, side.name, *("" if v is None else f"{v:.6g}" for v in values)])
    return text.getvalue()
