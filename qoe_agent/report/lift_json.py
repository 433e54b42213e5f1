"""What `qoe-agent lift` found, as its JSON document (a contract: see the README). Lifts are ratios (0.0468). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.report.figures import plain

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.needs import Plan
    from qoe_agent.viewers.lift.shapes import Check, Estimate, Lift

VERSION = 1
"""Goes up when a key changes its meaning or goes away; new keys may come at any time."""


def document(lift: Lift) -> dict[str, Any]:
    """All figures in plain JSON values; null: cannot be known."""
    return {
        "schema_version": VERSION,
        "verdict": {"code": lift.code, "text": lift.text},
        "design": plain(lift.design),
        "checks": _checks(lift.checks),
        "estimates": [estimate(one) for one in lift.estimates],
        "notes": list(lift.notes),
        "doses": [plain(one._asdict()) for one in lift.doses],
        "comparisons": [
            plain({**one._asdict(), "balance": [each._asdict() for each in one.balance]}) for one in lift.comparisons
        ],
        "retention": {
            arm: [plain({"seconds": at, "share": share}) for at, share in marks]
            for arm, marks in lift.retention.items()
        },
        "over_time": [
            {"until": at, **plain({"lift": lift, "low": low, "high": high, "always_valid": _ends((least, most))})}
            for at, lift, low, high, least, most in lift.over_time
        ],
        "novelty": [
            plain({"day": day, "lift": lift, "low": low, "high": high}) for day, lift, low, high in lift.novelty
        ],
        "tail": {arm: plain({"sessions": many, "watched": much}) for arm, (many, much) in lift.tail.items()},
        "registered": list(lift.registered),
    }


def _checks(checks: tuple[Check, ...]) -> dict[str, Any]:
    """By name; of several of one name the later ones are numbered."""
    found: dict[str, Any] = {}
    for one in checks:
        name, number = one.name, 1
        while name in found:
            number += 1
            name = f"{one.name}_{number}"
        passed = None if one.state == "not possible" else one.passed
        found[name] = plain({"p": one.p, "passed": passed, "state": one.state, "blocks": one.blocks, "text": one.text})
    return found


def estimate(one: Estimate) -> dict[str, Any]:
    """One of the estimates."""
    return plain({
        "metric": one.metric, "cap": one.cap, "control": one.control, "treatment": one.treatment, "lift": one.lift,
        "low": one.low, "high": one.high, "p": one.p, "p_adjusted": one.p_adjusted,
        "always_valid": _ends(one.always_valid), "n": one.n, "mean": one.mean,
        "minimum_detectable_effect": one.minimum_detectable_effect, "unit": one.unit, "scale": one.scale,
        "segment": one.segment and {"column": one.segment[0], "value": one.segment[1]}, "method": one.method,
        "margin": one.margin, "ship": one.ship, "note": one.note,
    })  # fmt: skip


def _ends(found: tuple[float, float] | None) -> dict[str, float] | None:
    """An interval; without both its ends there is none."""
    return {"low": found[0], "high": found[1]} if found and found[0] == found[0] else None


def plan(found: Plan) -> dict[str, Any]:
    """What a plan says."""
    return {
        "schema_version": VERSION,
        "text": found.text,
        "source": found.source,
        "design": plain(found.design),
        "arms": found.arms,
        "unit": found.unit,
        "units": found.units,
        "per_day": plain({"per_day": found.per_day})["per_day"],
        "needs": [plain(one._asdict()) for one in found.needs],
        "reaches": [plain(one._asdict()) for one in found.reaches],
        "tried": [plain(one._asdict()) for one in found.tried],
        "registered": found.registered or None,
        "notes": list(found.notes),
    }
