"""What `qoe-agent compare` found, as CSV: a row for each test and metric, or for each pair of frames. Pure."""

from __future__ import annotations

import csv
import math
from io import StringIO
from typing import TYPE_CHECKING, Any

from qoe_agent.report import compare_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.compare.shapes import Compared, Tested

COLUMNS = (
    "test", "path", "sha256", "codec", "width", "height", "frames_per_second", "bitrate_bits_per_second", "bytes",
    "refused", "method", "offset_frames", "offset_seconds", "confidence", "dropped", "duplicated", "metric", "mean",
    "harmonic_mean", "p1", "p5", "median", "min_1s", "min_1s_at", "n", "av_offset_seconds", "notes",
)  # fmt: skip
FIXED = ("test", "reference_frame", "test_frame", "seconds")
"""Of a row for a pair of frames; metrics follow."""
STEERS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def table(compared: Compared) -> str:
    """A row for each test and metric; one for a test that was refused. Empty: cannot be known; inf: no error at all."""
    return _written(COLUMNS, (row for one in compared.tests for row in _rows(one)))


def frames(compared: Compared) -> str:
    """A row for each pair of frames of each test, with every metric; seconds are of the reference."""
    tests = compare_words.scored(compared)
    names = list(dict.fromkeys(name for one in tests if one.scores for name in one.scores.frames))
    return _written([*FIXED, *names], (row for one in tests for row in _frames(one, compared)))


def _rows(one: Tested) -> Iterable[dict[str, Any]]:
    video = one.media.video
    about = {
        "test": one.name, "path": one.media.path, "sha256": one.media.digest, "codec": video.codec,
        "width": video.width, "height": video.height, "frames_per_second": float(video.rate),
        "bitrate_bits_per_second": video.bits_per_second, "bytes": one.media.size, "refused": "; ".join(one.refused),
        "av_offset_seconds": one.heard.offset_seconds if one.heard else None, "notes": "; ".join(one.notes),
    }  # fmt: skip
    if one.alignment:
        laid = ("method", "offset_frames", "offset_seconds", "confidence", "dropped", "duplicated")
        about |= {name: getattr(one.alignment, name) for name in laid}
    kept = ("metric", "mean", "harmonic_mean", "p1", "p5", "median", "min_1s", "min_1s_at", "n")
    for pooled in one.pooled.values():
        yield {**about, **{name: getattr(pooled, name) for name in kept}}
    if not one.pooled:
        yield about


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
