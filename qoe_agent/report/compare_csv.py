"""What `qoe-agent compare` found, as CSV: a row for each pair of frames. Pure."""

from __future__ import annotations

import csv
import math
from io import StringIO
from typing import TYPE_CHECKING, Any

from qoe_agent.report import compare_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.compare.shapes import Compared, Tested

FIXED = ("test", "reference_frame", "test_frame", "seconds")
"""Of a row for a pair of frames; metrics follow."""
STEERS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def frames(compared: Compared) -> str:
    """A row for each pair of frames of each test, with every metric; seconds are of the reference.

    Empty: cannot be known; inf: no error at all.
    """
    tests = compare_words.scored(compared)
    names = list(dict.fromkeys(name for one in tests if one.scores for name in one.scores.frames))
    return _written([*FIXED, *names], (row for one in tests for row in _frames(one, compared)))


def _frames(one: Tested, compared: Compared) -> Iterable[dict[str, Any]]:
    found = one.scores
    if found is None:
        return
    rate = float(compared.reference.video.rate)
    columns = {name: values.tolist() for name, values in found.frames.items()}
    for place, (reference, test) in enumerate(zip(found.reference.tolist(), found.test.tolist(), strict=True)):
        row = {"test": one.name, "reference_frame": reference, "test_frame": test, "seconds": f"{reference / rate:.6f}"}
        yield row | {name: values[place] for name, values in columns.items()}


def _written(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text that no spreadsheet takes for a formula, without what steers a terminal; what is unknown is empty."""
    if isinstance(value, float):
        return "" if math.isnan(value) else value
    if not isinstance(value, str):
        return value
    return words.shown(f"'{value}" if value.startswith(STEERS) else value)
