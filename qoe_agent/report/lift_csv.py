"""What `qoe-agent lift` found, as CSV: estimates and comparisons, a row each. Pure."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from qoe_agent.report import lift_json, words

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.shapes import Lift

COLUMNS = (
    "kind", "method", "metric", "cap", "control", "treatment", "segment_column", "segment_value", "lift", "low", "high",
    "p", "p_adjusted", "always_valid_low", "always_valid_high", "n_control", "n_treatment", "mean_control",
    "mean_treatment", "minimum_detectable_effect", "unit", "scale", "margin", "ship", "effective", "used", "e_value",
    "e_value_limit", "gamma", "note",
)  # fmt: skip
STEERS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def table(lift: Lift) -> str:
    """Both in one table; empty: cannot be known, or not of this kind."""
    document = lift_json.document(lift)
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for one in document["estimates"]:
        writer.writerow({name: cell(value) for name, value in _flat(one).items()})
    shared = _compared(document["design"])
    for one in document["comparisons"]:
        row = {**shared, "lift": one["estimate"], **{key: one[key] for key in COLUMNS if key in one}}
        row |= {"metric": "net_outcome", "scale": "points"} if one["method"] == "matched" else {}
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue()


def _flat(one: dict[str, Any]) -> dict[str, Any]:
    """An estimate without anything within anything."""
    row = {"kind": "estimate", **{key: one[key] for key in COLUMNS if key in one}}
    for side in ("control", "treatment"):
        row |= {f"{what}_{side}": one[what].get(one[side]) for what in ("n", "mean")}
    for name in ("always_valid", "segment"):
        row |= {f"{name}_{key}": value for key, value in (one[name] or {}).items()}
    return row


def _compared(design: dict[str, Any]) -> dict[str, Any]:
    """What all comparisons are about."""
    return {
        "kind": "comparison", "metric": "watch", "scale": "ratio", "unit": design.get("unit"),
        "cap": next(iter(design.get("caps") or ()), None), "control": design.get("control"),
        "treatment": next(iter(design.get("treatments") or ()), None),
    }  # fmt: skip


def cell(value: Any) -> Any:
    """Text that no spreadsheet takes for a formula, without what steers a terminal; what is unknown is empty."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    return words.shown(f"'{value}" if value.startswith(STEERS) else value)
