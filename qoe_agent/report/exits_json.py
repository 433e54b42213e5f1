"""What `qoe-agent exits` found, as its JSON document (a contract: see the README). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.report.figures import plain

if TYPE_CHECKING:
    from qoe_agent.viewers.shapes import Exits


def document(exits: Exits) -> dict[str, Any]:
    """All figures in plain JSON values; null: cannot be known."""
    return {
        "sessions": exits.sessions,
        "retention": [plain(one._asdict()) for one in exits.retention],
        "hazards": [plain(one._asdict()) for one in exits.hazards],
        "incidents": [plain(one._asdict()) for one in exits.incidents],
        "claims": [plain(one._asdict()) for one in exits.claims],
        "notes": list(exits.notes),
        "curve": [plain(one._asdict()) for one in exits.curve],
        "causes": [plain(one) for one in exits.causes],
        "cause": exits.cause or None,
        "breakdowns": [plain(one) for one in exits.breakdowns],
    }
