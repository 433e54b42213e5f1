"""The dashboards as they are checked in, and the queries in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
INTERVALS = {"$__rate_interval": "5s", "$__range": "30s"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, or of an annotation."""

    where: str
    expression: str
    legend: str = ""

    @property
    def plain(self) -> str:
        """As Prometheus gets it when every variable stands at All."""
        text = self.expression
        for name, seconds in INTERVALS.items():
            text = text.replace(name, seconds)
        return re.sub(r"\$\w+", ".*", text)


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Dashboard and panel, headings left out."""
    return [(uid, panel) for uid, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"]


def asked() -> list[Asked]:
    """All queries of all panels."""
    return [
        Asked(f"{uid}: {panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
        for uid, panel in panels()
        for target in panel["targets"]
    ]


def marks() -> list[Asked]:
    """All annotations that ask Prometheus."""
    return [
        Asked(f"{uid}: {mark['name']}", mark["expr"], mark["titleFormat"] + mark["textFormat"])
        for uid, board in BOARDS.items()
        for mark in board["annotations"]["list"]
        if "expr" in mark
    ]
