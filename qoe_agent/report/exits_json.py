"""What `qoe-agent exits` found, as its JSON document (a contract: see the README). Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.shapes import Exits

DIGITS = 6
"""That count; times have all of theirs."""
WHOLE = ("start", "end", "seconds")
"""Keys of times and lengths."""


def document(exits: Exits) -> dict[str, Any]:
    """All figures in plain JSON values; null: cannot be known."""
    return {
        "sessions": exits.sessions,
        "retention": [_plain(one._asdict()) for one in exits.retention],
        "hazards": [_plain(one._asdict()) for one in exits.hazards],
        "incidents": [_plain(one._asdict()) for one in exits.incidents],
        "claims": [_plain(one._asdict()) for one in exits.claims],
        "notes": list(exits.notes),
        "curve": [_plain(one._asdict()) for one in exits.curve],
        "causes": [_plain(one) for one in exits.causes],
        "breakdowns": [_plain(one) for one in exits.breakdowns],
    }


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(key, value) for key, value in found.items()}


def _value(key: str, value: Any) -> Any:
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [_value(key, each) for each in value]
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if key in WHOLE else float(f"{number:.{DIGITS}g}")
