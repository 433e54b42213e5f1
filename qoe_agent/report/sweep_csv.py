"""What `qoe-agent compare sweep` found, as CSV: a row for each encode. Pure."""

from __future__ import annotations

import csv
from io import StringIO
from statistics import median
from typing import TYPE_CHECKING, Any

from qoe_agent.report.lift_csv import cell

if TYPE_CHECKING:
    from qoe_agent.compare.sweep.shapes import Point, Swept

COLUMNS = (
    "clip", "label", "encoder", "preset", "control", "value", "maxrate", "bufsize", "passes", "width", "height",
    "bits_per_second", "peak_bits_per_second", "size_bytes", "seconds", "frames", "runs", "wall_seconds",
    "cpu_seconds", "frames_per_second", "decode_cpu_per_second", "memory_bytes", "buffer_violations", "key_frames",
    "cost_encode", "cost_store", "cost_deliver", "on_hull", "digest", "key",
)  # fmt: skip


def table(swept: Swept) -> str:
    """All encodes, with a column for each metric and for its worst second; empty: cannot be known."""
    metrics = swept.design.metrics
    names = [*COLUMNS[:12], *metrics, *(f"{name} worst second" for name in metrics), *COLUMNS[12:]]
    best = {each.encoded.key for hull in swept.hulls for each in hull.points}
    text = StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for one in swept.points:
        row = _row(one) | {name: one.scores.get(name) for name in metrics}
        row |= {f"{name} worst second": one.worst.get(name) for name in metrics}
        row["on_hull"] = one.encoded.key in best
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue()


def _row(one: Point) -> dict[str, Any]:
    made = one.encoded
    wall = median(made.wall) if made.wall else None
    setting = {
        name: getattr(made.setting, name)
        for name in (
            "label",
            "encoder",
            "preset",
            "control",
            "value",
            "maxrate",
            "bufsize",
            "passes",
            "width",
            "height",
        )
    }
    cost = {f"cost_{name}": getattr(one.cost, name) for name in ("encode", "store", "deliver")} if one.cost else {}
    return {
        "clip": made.clip, **setting, **cost, "bits_per_second": made.bits_per_second,
        "peak_bits_per_second": made.peak, "size_bytes": made.size, "seconds": made.seconds, "frames": made.frames,
        "runs": len(made.wall), "wall_seconds": wall, "cpu_seconds": median(made.cpu) if made.cpu else None,
        "frames_per_second": made.frames / wall if wall else None, "decode_cpu_per_second": made.decode,
        "memory_bytes": made.memory, "buffer_violations": made.buffer.violations if made.buffer else None,
        "key_frames": len(made.keys), "digest": made.digest, "key": made.key,
    }  # fmt: skip
