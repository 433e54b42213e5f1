"""What `qoe-agent compare sweep` found, as its JSON document (a contract: configs/sweep.schema.json). Pure.

Rates are bits per second, differences of rate ratios less one (-0.31), costs those of an hour of video.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qoe_agent.report.figures import plain

if TYPE_CHECKING:
    from qoe_agent.compare.sweep.shapes import BdRate, Cost, Hull, Ladder, Point, Priced, Setting, Swept

VERSION = 1
"""Goes up when a key changes its meaning or goes away; new keys may come at any time."""


def document(swept: Swept) -> dict[str, Any]:
    """All figures in plain JSON values; null: cannot be known."""
    return {
        "schema_version": VERSION,
        "verdict": {"text": swept.verdict, "conclusive": swept.conclusive},
        "design": plain(asdict(swept.design)),
        "bd_rates": [_bd(one) for one in swept.bd],
        "points": [_point(one) for one in swept.points],
        "hulls": [_hull(one) for one in swept.hulls],
        "ladders": [_ladder(one) for one in swept.ladders],
        "speeds": [plain(asdict(one)) for one in swept.speeds],
        "costs": [_priced(one) for one in swept.priced],
        "searched": [plain({**asdict(one), "setting": _setting(one.setting)}) for one in swept.searched],
        "key_frames": [plain(asdict(one)) for one in swept.keys],
        "failures": [plain(asdict(one)) for one in swept.failures],
        "notes": list(swept.notes),
        "provenance": plain(swept.provenance),
    }


def _bd(one: BdRate) -> dict[str, Any]:
    return plain({
        "anchor": one.anchor, "test": one.test, "metric": one.metric, "clip": one.clip, "size": one.size,
        "method": one.method, "rate": one.rate, "low": one.low, "high": one.high, "interval": one.interval,
        "quality": one.quality, "overlap": one.overlap, "error": one.spread, "by": dict(one.by),
        "n_points": one.n_points, "n_clips": one.n_clips, "warnings": one.warnings,
        "difference": [{"quality": at, "rate": ratio} for at, ratio in one.difference],
    })  # fmt: skip


def _setting(one: Setting) -> dict[str, Any]:
    return {**asdict(one)}


def _point(one: Point) -> dict[str, Any]:
    made = asdict(one.encoded)
    return plain({
        **made, "frames_per_second": [made["frames"] / wall for wall in made["wall"] if wall > 0],
        "scores": dict(one.scores), "worst_second": dict(one.worst), "cost": _cost(one.cost), "notes": one.notes,
    })  # fmt: skip


def _cost(one: Cost | None) -> dict[str, float] | None:
    return None if one is None else {**asdict(one), "all": one.total}


def _hull(one: Hull) -> dict[str, Any]:
    return plain({
        "label": one.label, "clip": one.clip, "keys": [each.encoded.key for each in one.points],
        "crossings": [asdict(each) for each in one.crossings], "notes": one.notes,
    })  # fmt: skip


def _ladder(one: Ladder) -> dict[str, Any]:
    return plain({
        "label": one.label, "clip": one.clip, "target": one.target, "met": one.met,
        "rungs": [asdict(each) for each in one.rungs], "cost": _cost(one.cost), "notes": one.notes,
    })  # fmt: skip


def _priced(one: Priced) -> dict[str, Any]:
    return plain({**asdict(one), "cost": _cost(one.cost)})
