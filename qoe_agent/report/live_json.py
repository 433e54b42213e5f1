"""A live comparison as one JSON document, whose keys configs/compare_live.schema.json describes. Pure."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qoe_agent import __version__
from qoe_agent.compare.live.seconds import ABSOLUTE, BY_NAME

if TYPE_CHECKING:
    from qoe_agent.compare.live.history import Second
    from qoe_agent.compare.live.paired import LiveCompared, Side
    from qoe_agent.compare.live.shapes import Difference
    from qoe_agent.compare.live.strips import Strip

SCHEMA = 1
"""Version of the document."""


def document(compared: LiveCompared, *, pictures: bool = False) -> dict[str, Any]:
    """All of it; `pictures`: with the strips' JPEGs, in base64."""
    absolute = compared.method in ABSOLUTE
    return {
        "schema_version": SCHEMA,
        "verdict": compared.verdict,
        "alignment": {"method": compared.method, "latency_is_absolute": absolute},
        "reference": compared.reference,
        "watched_seconds": round(compared.watched, 3),
        "outputs": [_side(each) for each in compared.sides],
        "differences": [_difference(each) for each in compared.differences],
        "seconds": [_second(each, compared) for each in compared.seconds],
        "worst": [_strip(each, compared, pictures) for each in compared.strips],
        "notes": list(compared.notes),
        "provenance": {"qoe_agent": __version__, **compared.provenance},
    }


def _side(side: Side) -> dict[str, Any]:
    told = asdict(side)
    startup, shift = told.pop("startup"), told.pop("shift")
    return {**told, "startup_seconds": startup, "shift_seconds": shift, "ended": side.ended or None,
            "incidents": list(side.incidents)}  # fmt: skip


def _difference(one: Difference) -> dict[str, Any]:
    known = BY_NAME[one.measure]
    return {**asdict(one), "unit": known.unit, "better": known.better}


def _second(one: Second, compared: LiveCompared) -> dict[str, Any]:
    names = [each.name for each in compared.sides]
    values = {
        name: {key: round(value, 6) for key, value in {**measured, **scored}.items()}
        for name, measured, scored in zip(names, one.values, one.scored, strict=True)
    }
    return {"second": one.number, "span": one.span, "provisional": one.provisional, "outputs": values}


def _strip(strip: Strip, compared: LiveCompared, pictures: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"second": strip.second, "why": strip.why}
    if pictures:
        names = [each.name for each in compared.sides]
        told["pictures"] = {
            name: b64encode(data).decode() for name, data in zip(names, strip.pictures, strict=True) if data
        }
    return told
